"""Routers: how to talk to them, and one to practise on.

Owns: Api (MikroTik's binary API over TCP or TLS), Rest (the same as JSON), coa (commands over RADIUS, RFC 5176), drivers (what of ours is on
a router, whatever its make) and Simulator (a MikroTik that exists only here). No tables, no tenants: who asks which router what, and
with which password, is `access`' and `provisioning`'s business.
Every call has a deadline; after any error the connection is closed; what was sent is never written to a log.
"""

from .mikrotik import Api, Changed, Denied, NoAnswer, Refused, Trouble

__all__ = ["Api", "Changed", "Denied", "NoAnswer", "Refused", "Trouble"]
