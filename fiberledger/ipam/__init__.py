"""IPAM: which addresses there are, what they are for, and who holds them.

Owns: Vrf, Vlan, Prefix (the tree is containment itself), Pool (a range inside a prefix), Holding (an address or a prefix that
somebody holds or held: its history is its rows).
Verbs (services): save_prefix, split, remove_prefix, save_pool, remove_pool, assign, reserve, release, fix_addresses.
Event: AddressesChanged, when a line was given an address here, or lost one.
Two networks of one table, two pools and two holders that overlap are refused by PostgreSQL, not remembered by people.
Knows nothing of routers and sessions: `access` stands above it.
"""
