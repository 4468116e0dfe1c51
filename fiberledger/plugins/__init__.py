"""Plug-ins: a small protocol, a registry, one contract test.

Owns: Registry, in which a room keeps the providers that speak its protocol. No tables, no events.
"""

from .registry import Registry, UnknownPlugin

__all__ = ["Registry", "UnknownPlugin"]
