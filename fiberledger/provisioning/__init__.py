"""Provisioning: what of ours is on the routers themselves, kept equal to what the lines should have.

Owns: OnRouter (how a router is kept, and how it goes), Difference (what is not as it should be), RouterStep (what was done), LineOnRouter
(what of a line was last seen to be right); ConfigCopy and Change (of a router's own settings, with a way back).
Verbs (services): keep, look_now, heal, accept, take_over, follow; rounds.run_round asks every router whose turn it is; changes.ask, approve, copy.
Pure: rules.wanted_things (what should be there) and rules.plan_of (the steps from what is there). A job talks to a router with no
transaction open; a router is worked on by one at a time, and never waited for by another.
Obeys access' grants; publishes no events. Knows nothing of money.
"""
