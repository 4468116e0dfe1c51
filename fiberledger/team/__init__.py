"""Team: the pages on which an ISP manages its people, their roles, and what the audit log says.

Owns no rows: members, roles and invitations are identity's, entries are audit's. Here is only what one sees of them.
"""
