"""What a line is granted: pure functions of plain facts. The one truth that the projection is written from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from . import vendors

# Providers bring logins such as o'brien;7 along, and the router sends them as they are: whatever can be typed, without
# spaces. (radius.sql undoes FreeRADIUS' escaping, and nothing is ever pasted into SQL.)
USERNAME = r"^[!-~]{1,64}$"
_MAC = re.compile(r"[0-9A-F]{12}")
_MAC_MARKS = str.maketrans("", "", ":-. ")
_QUOTES = frozenset("\\'\"`")

# What a router can change while the session runs (RFC 5176); for anything else the client must come back.
CHANGEABLE = frozenset({"Mikrotik-Rate-Limit", "WISPr-Bandwidth-Max-Up", "WISPr-Bandwidth-Max-Down", "Idle-Timeout"})
# The same of other kinds of routers; what cannot be changed there is answered with a NAK, and the session is dropped.
CHANGEABLE_ELSEWHERE = frozenset(
    {
        "ChilliSpot-Bandwidth-Max-Up", "ChilliSpot-Bandwidth-Max-Down", "Cisco-Account-Info", "ERX-CoS-Shaping-Pmt-Type",
        "Filter-Id", "Huawei-Input-Average-Rate", "Huawei-Input-Peak-Rate", "Huawei-Output-Average-Rate",
        "Huawei-Output-Peak-Rate",
    }
)  # fmt: skip
WALLED = "walled"
# What a line's owner can be told after somebody bound it anew: radius_login()'s own words.
OF_BINDING = (
    "This account is bound to another device.",
    "This account is bound to another port.",
    "This account belongs to another router.",
)
SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What usage says of a line for now: other speeds than the plan's, or nothing at all."""

    stop: bool = False
    download_kbps: int | None = None
    upload_kbps: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a grant depends on, as read from subscription, plan and account."""

    tenant_id: int
    account_id: int
    kind: str
    username: str
    password: str = ""
    network: str = "accept"  # of the subscription's status: accept, walled, reject
    status: str = "active"
    ended_on: date | None = None
    cut_at: datetime | None = None  # for debt, by the clock
    zone: str = "UTC"
    static_ip: str | None = None
    vlan: int | None = None
    router_kinds: tuple[str, ...] = ("mikrotik",)  # that the tenant has
    own: tuple[vendors.Own, ...] = ()  # attributes the tenant added, for this plan
    prefix6: str = ""
    delegated6: str = ""
    pool6: str = ""
    account_pool: str = ""
    plan_pool: str = ""
    only_mac: str = ""
    only_port: str = ""
    learn_mac: bool = False  # bind to the first device that comes online
    learn_port: bool = False
    only_nas_id: int | None = None
    devices: int | None = None
    router_profile: str = ""
    download_kbps: int | None = None
    upload_kbps: int | None = None
    burst_download_kbps: int | None = None
    burst_upload_kbps: int | None = None
    threshold_download_kbps: int | None = None
    threshold_upload_kbps: int | None = None
    burst_seconds: int | None = None
    allowed: Allowed | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What FreeRADIUS shall answer to this account."""

    username: str
    verdict: str  # accept, walled (the router's rule for suspended lines), refuse
    message: str
    ends_at: datetime | None
    cut_at: datetime | None
    only_mac: str | None
    only_port: str | None
    only_nas_id: int | None
    devices: int | None
    by_mac: bool
    kind: str
    items: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]  # of each item: the kinds of routers it is for, with spaces between; empty for all
    terms: str

    def items_for(self, kind: str) -> list[tuple[str, str]]:
        """What a router of this kind is answered."""
        return items_for(
            kind, [name for name, _value in self.items], [value for _name, value in self.items], self.kinds
        )


_MESSAGES = {
    "suspended": "This account is suspended.",
    "hold": "This account is on hold.",
    "pending": "This account is not active yet.",
    "lead": "This account is not active yet.",
    "terminated": "This account has ended.",
}


def desired_access(facts: Facts) -> Access | None:
    """The grant for one account; None for one that never logs in (a fixed address)."""
    if facts.kind == "static":
        return None
    verdict = {"accept": "accept", "walled": "walled"}.get(facts.network, "refuse")
    message = "" if verdict == "accept" else _MESSAGES.get(facts.status, "This account is not in service.")
    if facts.allowed is not None:
        stopped = facts.allowed.stop
        facts = _as_allowed(facts, facts.allowed)
        if stopped and verdict == "accept":
            verdict, message = "walled", "The data of this period is used up."
    words = _words(facts)
    alike, idle = _addresses(facts), (("Idle-Timeout", "900"),) if facts.kind == "hotspot" else ()
    # Terms are what the books grant, whatever kinds of routers there are to be told it in their own words.
    items = [*alike, *((item.name, item.value) for item in vendors.told(("mikrotik",), words)), *idle]
    told = [
        # First, and read back by radius_acct(): which line, its terms, and whether the session's device is to be learned.
        vendors.Item("Class", ""),
        *(vendors.Item(name, value) for name, value in (*alike, *idle)),
        *vendors.told(facts.router_kinds, words, facts.own),
    ]
    fixed = _digest((verdict, *(item for item in items if item[0] not in CHANGEABLE)))
    terms = (
        f"{fixed}{_digest(tuple(item for item in items if item[0] in CHANGEABLE))}" if verdict == "accept" else verdict
    )
    return Access(
        username=facts.username.lower(),
        verdict=verdict,
        message=message,
        ends_at=_end(facts),
        cut_at=facts.cut_at,
        only_mac=normal_mac(facts.only_mac) or None,
        only_port=facts.only_port or None,
        only_nas_id=facts.only_nas_id,
        devices=facts.devices,
        by_mac=facts.kind == "mac",
        kind=facts.kind,
        items=(
            ("Class", f"a{facts.account_id}.{terms}{'.l' if _learns(facts) else ''}"),
            *((item.name, as_value(item.value) or item.value) for item in told[1:]),
        ),
        kinds=tuple(" ".join(item.kinds) for item in told),
        terms=terms,
    )


def _as_allowed(facts: Facts, allowed: Allowed) -> Facts:
    """Speeds that usage names replace the plan's, its bursts included."""
    if not (allowed.download_kbps or allowed.upload_kbps):
        return facts
    return replace(
        facts, download_kbps=allowed.download_kbps, upload_kbps=allowed.upload_kbps, burst_download_kbps=None,
        burst_upload_kbps=None, threshold_download_kbps=None, threshold_upload_kbps=None, burst_seconds=None,
    )  # fmt: skip


def _learns(facts: Facts) -> bool:
    return (facts.learn_mac and not facts.only_mac) or (facts.learn_port and not facts.only_port)


def _end(facts: Facts) -> datetime | None:
    """The first instant without service: the morning of `ended_on`'s next day in the tenant's zone."""
    if facts.ended_on is None or facts.ended_on == date.max:
        return None
    return datetime.combine(facts.ended_on + timedelta(days=1), time(), ZoneInfo(facts.zone))


def _addresses(facts: Facts) -> tuple[tuple[str, str], ...]:
    """What every kind of router is told alike."""
    items: list[tuple[str, str]] = []
    if facts.static_ip:
        items.append(("Framed-IP-Address", facts.static_ip))
    elif pool := facts.account_pool or facts.plan_pool:
        items.append(("Framed-Pool", pool))
    if facts.prefix6:
        items.append(("Framed-IPv6-Prefix", facts.prefix6))
    elif facts.pool6:
        items.append(("Framed-IPv6-Pool", facts.pool6))
    if facts.delegated6:
        items.append(("Delegated-IPv6-Prefix", facts.delegated6))
    if facts.vlan:
        items += [
            ("Tunnel-Type", "VLAN"), ("Tunnel-Medium-Type", "IEEE-802"), ("Tunnel-Private-Group-Id", str(facts.vlan)),
        ]  # fmt: skip
    return tuple(items)


def _words(facts: Facts) -> dict[str, str]:
    """The words of the vendors' templates."""
    up, down = facts.upload_kbps or facts.download_kbps or 0, facts.download_kbps or facts.upload_kbps or 0
    peaks = {"up_peak_bps": facts.burst_upload_kbps, "down_peak_bps": facts.burst_download_kbps}
    return {
        "username": facts.username,
        "profile": facts.router_profile,
        "pool": facts.account_pool or facts.plan_pool,
        "pool6_to_delegate": "" if facts.delegated6 else facts.pool6,
        "vlan": str(facts.vlan or ""),
        "rate": rate_limit(facts),
        **vendors.speed_words(up, down),
        **{word: str(kbps * 1000) if kbps else "" for word, kbps in peaks.items()},
    }


def items_for(kind: str, names: Sequence[str], values: Sequence[str], kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Of an answer's attributes those that a router of this kind is told."""
    return [(name, value) for name, value, of in zip(names, values, kinds, strict=True) if not of or kind in of.split()]


def rate_limit(facts: Facts) -> str:
    """Mikrotik-Rate-Limit, from the router's side: what it receives (the subscriber's upload) comes first.

    Burst is given only when the plan names both its speeds; a missing threshold is three quarters of the speed
    and a missing time eight seconds, because the router takes all or nothing.
    """
    up, down = facts.upload_kbps or facts.download_kbps, facts.download_kbps or facts.upload_kbps
    if not up or not down:
        return ""
    parts = [f"{_speed(up)}/{_speed(down)}"]
    burst_up = facts.burst_upload_kbps or (facts.burst_download_kbps and up)
    burst_down = facts.burst_download_kbps or (facts.burst_upload_kbps and down)
    if burst_up and burst_down:
        seconds = facts.burst_seconds or 8
        parts += [
            f"{_speed(burst_up)}/{_speed(burst_down)}",
            f"{_speed(facts.threshold_upload_kbps or up * 3 // 4 or up)}/"
            f"{_speed(facts.threshold_download_kbps or down * 3 // 4 or down)}",
            f"{seconds}/{seconds}",
        ]
    return " ".join(parts)


def _speed(kbps: int) -> str:
    return f"{kbps // 1000}M" if kbps % 1000 == 0 else f"{kbps}k"


def _digest(parts: tuple) -> str:
    return blake2b(repr(parts).encode(), digest_size=3).hexdigest()


def normal_mac(text: str) -> str:
    """AA:BB:CC:DD:EE:FF whatever the spelling; empty for what is no MAC address."""
    if not text:
        return ""
    plain = text.strip().upper().translate(_MAC_MARKS)
    return ":".join(plain[i : i + 2] for i in range(0, 12, 2)) if _MAC.fullmatch(plain) else ""


def normal_prefix6(text: str) -> str:
    """2001:db8::/56 whatever the spelling; empty for what is no IPv6 prefix."""
    try:
        network = ipaddress.IPv6Network(text.strip())
    except ValueError:
        return ""
    return str(network) if "/" in text and network.prefixlen else ""


def as_value(text: str) -> str | None:
    """The text as FreeRADIUS' own parser reads it back unchanged; None when there is no way to write it.

    A value that begins and ends with the same quote would be unquoted, and between back-quotes it would be *expanded*:
    a password of `%{sql:…}` would run.
    """
    if _QUOTES.isdisjoint(text):
        return text
    quoted = text.replace("\\", "\\\\")
    first = quoted[:1]
    if first in ("'", '"', "`") and quoted[-1] == first:
        if "'" not in quoted:
            return f"'{quoted}'"
        return f'"{quoted}"' if '"' not in quoted else None
    return quoted
