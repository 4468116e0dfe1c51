"""Drivers: ways to see and change what of ours is on a router. One protocol, one contract test that each of them passes.

Whatever is ours carries our tag (`fl:ACCOUNT` in the comment, or a name that begins with `fl-`); nothing else is ever changed or
removed. Knows no tenants and no tables: what should be there is `provisioning`'s business.
"""

from . import mikrotik, radius  # noqa: F401  they register themselves
from .objects import (
    KINDS,
    TAG,
    Found,
    HotspotProfile,
    HotspotUser,
    Lease,
    ListEntry,
    Pool,
    Profile,
    Queue,
    QueueNode,
    Secret,
    Step,
    Thing,
    is_ours,
    same,
    tag_of,
)
from .protocol import Connection, NasDriver, Unsupported, Way, drivers

__all__ = [
    "KINDS",
    "TAG",
    "Connection",
    "Found",
    "HotspotProfile",
    "HotspotUser",
    "Lease",
    "ListEntry",
    "NasDriver",
    "Pool",
    "Profile",
    "Queue",
    "QueueNode",
    "Secret",
    "Step",
    "Thing",
    "Unsupported",
    "Way",
    "drivers",
    "is_ours",
    "same",
    "tag_of",
]
