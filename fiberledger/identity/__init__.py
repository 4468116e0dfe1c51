"""Identity: who is asking, and what they may.

Owns: users (one person, one login), memberships of tenants, roles (editable sets of permissions), logins and their
throttle, invitations, password resets.
Verbs: invite, accept_invitation, add_member, change_member, disable_member, enable_member, save_role, clone_role,
reset_password, change_password, sign_out_elsewhere, unlock. Questions: Actor.may, visible_to, permissions.all.
No events. Every view says who may enter: see guards. The pages for managing members and roles are the room `team`.
"""

from .actor import Actor

__all__ = ["Actor"]
