"""Control: the platform's own face: who rents from whom, how large they are, taking in a new one, suspending one.

Owns no rows. It alone reads across tenants, as the database role fl_control, and only for members of the platform or
of a platform reseller, who see their own branch of the tree and nothing beside it.
Verbs: take_in, suspend, resume. Questions: tree.
"""
