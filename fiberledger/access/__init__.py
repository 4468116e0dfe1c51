"""Access: who gets onto the network, and who is on it.

Owns: AccessAccount (a subscription's identity on the network), Nas, RadiusLine (the projection FreeRADIUS reads),
LiveSession and SessionHistory (what FreeRADIUS tells us), RefusedLogin, LineCommand (what we told the routers), Drift (where a
session is not what its line should have).
Verbs (services): open_account, open_accounts, set_password, rebuild, reconcile,
apply_now, disconnect, heal, save_nas, sweep; drift.look, drift.accept.
FreeRADIUS calls the functions of sql/radius.sql and nothing else: no packet waits for Django or for the queue.
Obeys the subscription's status; publishes no events. Knows nothing of money.
"""
