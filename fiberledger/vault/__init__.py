"""Vault: what must stay readable to us and to nobody else: passwords and secrets of routers, lines and gateways.

Owns: DataKey (a tenant's key, itself locked with the master key), Kept (which secrets there are, and when they changed), Look
(who saw one, and why), VaultPolicy (after how many days a secret is due to be changed).
Verbs: lock, unlock; changed, look; rotate (commands.py, rotation.py). Publishes ManySecretsSeen.
A room says in its `vaulted.py` which columns it locks, and which of its other binary columns are no secrets.
The master key comes from the environment, a file or a KMS command (keys.py), never from the database.
"""

from fiberledger.tenancy.rooms import verbs

__all__, __getattr__ = verbs(__name__, locking="WrongKey lock unlock", services="changed look", registry="Locked")
