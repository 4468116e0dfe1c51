"""What there is of ours on a router, as plain values. A field that is empty is not wanted and not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from fiberledger.routers.mikrotik import number

TAG, NAME = "fl:", "fl-"


@dataclass(frozen=True, slots=True)
class Thing:
    """`tag` says whose it is: of each kind there is one with that tag on a router. `name` is what the router knows it by, and
    is taken where another has it."""

    kind: ClassVar[str]
    path: ClassVar[str]  # where RouterOS keeps it
    by_name: ClassVar[bool] = False  # tagged by its name: it has no comment, or is everybody's
    only: ClassVar[dict[str, str]] = {}  # rows that the router makes by itself are no business of ours
    secret: ClassVar[frozenset[str]] = frozenset()
    unique: ClassVar[str] = ""  # the field that no two may share
    yes_no: ClassVar[frozenset[str]] = frozenset()

    tag: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.tag

    def values(self) -> dict[str, str]:
        """The fields as the router names them, without the tag."""
        return {name.replace("_", "-"): getattr(self, name) for name in names_of(type(self))}

    def shown(self) -> dict[str, str]:
        """The fields that have a value, secrets masked."""
        return {
            name: "•••" if name in self.secret else value
            for name, value in self.values().items()
            if value not in ("", "no")
        }


def names_of(kind: type[Thing]) -> tuple[str, ...]:
    """The kind's fields, without the tag that all have."""
    return kind.__slots__  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Profile(Thing):
    """The terms of PPP secrets: speed, pool, and the address list whoever has it is put on."""

    kind = "profile"
    path = "/ppp/profile"
    by_name = True
    unique = "name"

    name: str = ""
    rate_limit: str = ""
    remote_address: str = ""
    address_list: str = ""


@dataclass(frozen=True, slots=True)
class Secret(Thing):
    """A PPP login."""

    kind = "secret"
    path = "/ppp/secret"
    secret = frozenset({"password"})
    unique = "name"
    yes_no = frozenset({"disabled"})

    name: str = ""
    password: str = ""
    profile: str = ""
    remote_address: str = ""
    caller_id: str = ""
    disabled: str = "no"


@dataclass(frozen=True, slots=True)
class HotspotProfile(Thing):
    kind = "hotspot-profile"
    path = "/ip/hotspot/user/profile"
    by_name = True
    unique = "name"

    name: str = ""
    rate_limit: str = ""
    address_pool: str = ""
    address_list: str = ""


@dataclass(frozen=True, slots=True)
class HotspotUser(Thing):
    kind = "hotspot-user"
    path = "/ip/hotspot/user"
    secret = frozenset({"password"})
    only = {"dynamic": "false"}
    unique = "name"
    yes_no = frozenset({"disabled"})

    name: str = ""
    password: str = ""
    profile: str = ""
    mac_address: str = ""
    address: str = ""
    disabled: str = "no"


@dataclass(frozen=True, slots=True)
class Queue(Thing):
    """A simple queue: what the target sends comes first in each pair."""

    kind = "queue"
    path = "/queue/simple"
    only = {"dynamic": "false"}
    unique = "name"

    name: str = ""
    target: str = ""
    max_limit: str = ""
    burst_limit: str = ""
    burst_threshold: str = ""
    burst_time: str = ""


@dataclass(frozen=True, slots=True)
class QueueNode(Thing):
    """A node of the queue tree: read, and never ours to make."""

    kind = "queue-tree"
    path = "/queue/tree"
    unique = "name"

    name: str = ""
    parent: str = ""
    packet_mark: str = ""
    max_limit: str = ""


@dataclass(frozen=True, slots=True)
class Lease(Thing):
    """A device and its address, by DHCP. Blocked, it gets none."""

    kind = "lease"
    path = "/ip/dhcp-server/lease"
    only = {"dynamic": "false"}
    unique = "mac-address"
    yes_no = frozenset({"block_access"})

    mac_address: str = ""
    address: str = ""
    rate_limit: str = ""
    block_access: str = "no"


@dataclass(frozen=True, slots=True)
class ListEntry(Thing):
    """An address on a list of the router's firewall."""

    kind = "list"
    path = "/ip/firewall/address-list"
    only = {"dynamic": "false"}

    list: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Pool(Thing):
    kind = "pool"
    path = "/ip/pool"
    by_name = True
    unique = "name"

    name: str = ""
    ranges: str = ""


# In the order in which they are made; what refers to another comes after it.
KINDS: tuple[type[Thing], ...] = (
    Pool, Profile, HotspotProfile, Secret, HotspotUser, Lease, Queue, QueueNode, ListEntry,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """Something on a router: ours or somebody else's. `id` is the router's own name for the row; `known` are the fields it
    showed (a password only to who may read passwords); `note` is its comment."""

    thing: Thing
    id: str = ""
    ours: bool = False
    known: frozenset[str] = frozenset()
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called among those of its kind."""
        return self.thing.values().get(self.thing.unique, "") if self.thing.unique else ""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one thing: small enough to be read back at once."""

    verb: Literal["add", "change", "remove"]
    thing: Thing  # as it shall be; where it is removed, as it was
    id: str = ""
    differs: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.thing.key


def tag_of(account_id: int) -> str:
    return f"{TAG}{account_id}"


def is_ours(kind: type[Thing], tag: str) -> bool:
    return tag.startswith(NAME if kind.by_name else TAG)


def same(name: str, has: str, wants: str) -> bool:
    """Whether the router's way to write a value means the one we would write: true for yes, 10000000 for 10M, 10.0.0.7/32."""
    return has == wants or _plain(name, has) == _plain(name, wants)


def _plain(name: str, text: str) -> str:
    if name in ("disabled", "block-access"):
        return "yes" if text in ("yes", "true") else "no"
    if name in ("target", "address"):
        return text.removesuffix("/32")
    if name.endswith(("-limit", "-threshold", "-time")):
        words = [_pair(word) for word in text.split()]
        return "" if set(words) <= {"0/0"} else " ".join(words)  # 0/0 is how a router says that it has none
    if name in ("caller-id", "mac-address"):
        return text.upper()
    return text


def _pair(word: str) -> str:
    return "/".join(number(part.removesuffix("s")) for part in word.split("/"))
