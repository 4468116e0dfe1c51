"""Places: where the provider works.

Owns: Branch, and the Area tree city → town → area → block → street. PostgreSQL keeps each area's path, so a subtree
is one range of an index and a cycle is impossible.
Verbs (services): add_area, move_area, assign_branch, area_for, branch_for, subtree_ids.
No events. Identity scopes members by branch and area, which is why this room lies so low.
"""
