"""Audit: who did what, from what to what, when, from where, on behalf of whom.

Owns: entries (append-only for everybody), and seals: every minute each tenant's new entries are hashed into a chain,
so that an entry altered, removed or slipped in later is found by `fiberledger audit verify`, and every night; and what
the nightly proofs found (proofs.py).
Verbs: note, note_from, note_many, seal, verify, proofs.tonight. Questions: timeline, snapshot, newest. No events.
An actor is anything with kind, user_id, name, ip and on_behalf_of: this room does not know identity.
"""

from fiberledger.tenancy.rooms import verbs

__all__, __getattr__ = verbs(__name__, services="newest note note_from note_many snapshot timeline")
