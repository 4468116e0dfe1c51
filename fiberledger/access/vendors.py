"""What each kind of router is told, as tables: attributes, and templates of their values. Pure, like rules.py.

A template's words stand in braces; an attribute is left out when one of its words is empty. What every kind understands
(addresses, pools, time-outs) is in rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from fiberledger.routers import dictionary

ALL = ""  # for every kind of router
WORD = re.compile(r"\{(\w*)\}")

_WISPR = (("WISPr-Bandwidth-Max-Up", "{up_bps}"), ("WISPr-Bandwidth-Max-Down", "{down_bps}"))

# What a line in service is told.
TEMPLATES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "mikrotik": (
        ("Mikrotik-Group", "{profile}"),
        ("Mikrotik-Rate-Limit", "{rate}"),
        *_WISPR,
        ("Mikrotik-Delegated-IPv6-Pool", "{pool6_to_delegate}"),
        ("Mikrotik-Wireless-VLANID", "{vlan}"),
    ),
    "accel": (("Filter-Id", "{down_kbps}/{up_kbps}"), ("Delegated-IPv6-Prefix-Pool", "{pool6_to_delegate}")),
    # ISG: the profile is a service to be started, the speed a policing of both directions.
    "cisco": (
        ("Cisco-Account-Info", "A{profile}"),
        ("Cisco-Account-Info", "QU;{up_bps};{up_burst};{up_excess};D;{down_bps};{down_burst};{down_excess}"),
    ),
    "huawei": (
        ("Huawei-Qos-Profile-Name", "{profile}"),
        ("Huawei-Input-Average-Rate", "{up_bps}"),
        ("Huawei-Input-Peak-Rate", "{up_peak_bps}"),
        ("Huawei-Output-Average-Rate", "{down_bps}"),
        ("Huawei-Output-Peak-Rate", "{down_peak_bps}"),
    ),
    # The profile is a service of the router's with two parameters, down and up; without one only the shaping can be told.
    "juniper": (
        ("ERX-Service-Activate:1", "{profile}({down_kbps}k,{up_kbps}k)"),
        ("ERX-CoS-Shaping-Pmt-Type", "T02 {down_kbps}k"),
    ),
    "ubiquiti": _WISPR,
    "chilli": (
        *_WISPR,
        ("ChilliSpot-Bandwidth-Max-Up", "{up_kbps}"),
        ("ChilliSpot-Bandwidth-Max-Down", "{down_kbps}"),
    ),
    "other": _WISPR,
}  # fmt: skip

# What a line behind the wall is told beside its pool: the router's own words for list and speed.
WALLS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "mikrotik": (("Mikrotik-Address-List", "{list}"), ("Mikrotik-Rate-Limit", "{walled_rate}")),
    "accel": (("Filter-Id", "{down_kbps}/{up_kbps}"),),
    "cisco": (
        ("Cisco-Account-Info", "A{list}"),
        ("Cisco-Account-Info", "QU;{up_bps};{up_burst};{up_excess};D;{down_bps};{down_burst};{down_excess}"),
    ),
    "huawei": (
        ("Filter-Id", "{list}"),
        ("Huawei-Input-Average-Rate", "{up_bps}"),
        ("Huawei-Output-Average-Rate", "{down_bps}"),
    ),
    "juniper": (("ERX-Service-Activate:1", "{list}"), ("ERX-CoS-Shaping-Pmt-Type", "T02 {down_kbps}k")),
    "ubiquiti": (("Filter-Id", "{list}"), *_WISPR),
    "chilli": (("Filter-Id", "{list}"), *_WISPR),
    "other": (("Filter-Id", "{list}"), *_WISPR),
}  # fmt: skip

# Of these a router takes several; of any other attribute the tenant's own replaces the template's.
SEVERAL = frozenset(
    {"Cisco-AVPair", "Cisco-Account-Info", "ERX-Service-Activate", "Filter-Id", "Framed-Route", "Framed-IPv6-Route"}
)

WORDS = (
    "username", "profile", "pool", "vlan", "rate", "up_kbps", "down_kbps", "up_bps", "down_bps", "up_peak_bps", "down_peak_bps",
)  # fmt: skip

# What RADIUS itself is made of, and what is decided elsewhere: with the place where.
_NOT_HERE = frozenset(
    "user-name user-password chap-password chap-challenge state proxy-state eap-message message-authenticator nas-ip-address "
    "nas-identifier nas-port nas-port-id nas-port-type calling-station-id called-station-id event-timestamp ms-chap-response "
    "ms-chap2-response ms-chap2-success ms-chap-challenge ms-chap-error ms-mppe-send-key ms-mppe-recv-key ms-chap-mppe-keys".split()
)


def _elsewhere(name: str) -> str:
    return {
        "class": _("It carries our own mark from the login to its accounting."),
        "acct-interim-interval": _("Set it on the router's page, as “reports every”."),
        "session-timeout": _("It follows from the line's end and its debt."),
        "framed-ip-address": _("Set it on the network account, as the fixed address."),
        "framed-ipv6-prefix": _("Set it on the network account, as the IPv6 prefix."),
        "delegated-ipv6-prefix": _("Set it on the network account, as the delegated IPv6 prefix."),
    }.get(name, "")


@dataclass(frozen=True, slots=True)
class Item:
    """One attribute of an answer, and for which kinds of routers."""

    name: str
    value: str
    kinds: tuple[str, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True)
class Own:
    """An attribute that the tenant adds: to every line's answer or to one plan's, for one kind of router or for all."""

    name: str
    value: str
    kind: str = ALL
    plan_id: int | None = None


def speed_words(up_kbps: int, down_kbps: int) -> dict[str, str]:
    """The words of a speed. Cisco's bursts are its own advice: a second and a half of the speed in bytes, and twice that."""
    if not up_kbps or not down_kbps:
        return {}
    words = {}
    for side, kbps in (("up", up_kbps), ("down", down_kbps)):
        words |= {
            f"{side}_kbps": str(kbps),
            f"{side}_bps": str(kbps * 1000),
            f"{side}_burst": str(kbps * 1000 * 3 // 16),
            f"{side}_excess": str(kbps * 1000 * 3 // 8),
        }
    return words


def fill(template: str, words: Mapping[str, str]) -> str:
    """The template with its words; empty when one of them is."""
    names = WORD.findall(template)
    if not all(words.get(name) for name in names):
        return ""
    return WORD.sub(lambda found: words[found[1]], template)


def told(kinds: Iterable[str], words: Mapping[str, str], own: Iterable[Own] = ()) -> list[Item]:
    """What routers of these kinds are told: their templates, and what the tenant added or put in their place."""
    wanted, added = list(kinds), [(one, fill(one.value, words)) for one in own]
    items: dict[tuple[str, str], list[str]] = {}
    for kind in wanted:
        replaced = {one.name for one, value in added if value and one.kind in (ALL, kind)} - SEVERAL
        for name, template in TEMPLATES.get(kind, TEMPLATES["other"]):
            if name.partition(":")[0] not in replaced and (value := fill(template, words)):
                items.setdefault((name, value), []).append(kind)
    found = [Item(name, value, tuple(of)) for (name, value), of in items.items()]
    return found + [
        Item(one.name, value, (one.kind,) if one.kind else ())
        for one, value in added
        if value and one.kind in (ALL, *wanted)
    ]


def wall(kind: str, walled_list: str, walled_rate: str) -> list[tuple[str, str]]:
    """What a router of this kind is told of a line behind the wall."""
    words = {"list": walled_list, "walled_rate": walled_rate, **speed_words(*_kbps(walled_rate))}
    items = ((name, fill(template, words)) for name, template in WALLS.get(kind, WALLS["other"]))
    return [(name, value) for name, value in items if value]


def _kbps(rate: str) -> tuple[int, int]:
    up, _slash, down = rate.split(" ")[0].partition("/")
    return _one(up), _one(down)


def _one(speed: str) -> int:
    factor = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}.get(speed[-1:], 1)
    digits = speed[:-1] if factor > 1 else speed
    return int(digits) * factor // 1000 if digits.isdecimal() else 0


def fault_of_name(name: str) -> str:
    """Why the tenant cannot add this attribute, with the remedy; empty when it can."""
    bare = name.partition(":")[0].strip().lower()
    if bare in _NOT_HERE:
        return _("RADIUS itself is made of this attribute; it cannot be added.")
    if where := _elsewhere(bare):
        return _("This attribute is not set here.") + " " + where
    if dictionary.look_up(name) is None:
        known = dictionary.look_up(bare)
        if known:
            return _("Only an attribute with tags takes a number after a colon, from 0 to 31.")
        if close := dictionary.like(name):
            return _("FreeRADIUS knows no attribute of this name. Did you mean %(names)s?") % {
                "names": ", ".join(close)
            }
        return _("FreeRADIUS knows no attribute of this name. Write it as in its dictionary, e.g. Cisco-AVPair.")
    return ""


def fault_of_value(name: str, value: str) -> str:
    """Why this is no value of the attribute, with the remedy; empty when it is one."""
    found = dictionary.look_up(name)
    if found is None:
        return ""
    attribute, tag = found
    if unknown := [word for word in WORD.findall(value) if word not in WORDS]:
        return _("There is no word {%(word)s}. There are: %(words)s.") % {
            "word": unknown[0], "words": ", ".join(f"{{{word}}}" for word in WORDS),
        }  # fmt: skip
    if any(c in value for c in "\n\r\0`") or "%{" in value or not value.isprintable():
        return _("A value is one line without back-quotes and %{.")
    # Words become text or a number: a router's number must be one for whichever.
    sample = WORD.sub("1", value)
    try:
        attribute.encode(sample, tag)
    except ValueError:
        if attribute.values:
            names = list(attribute.values)
            return _("Write a number, or one of: %(names)s.") % {"names": ", ".join(names[:12])}
        return {
            "ipaddr": _("Write an IPv4 address, e.g. 10.0.0.1."),
            "ipv6addr": _("Write an IPv6 address, e.g. 2001:db8::1."),
            "ipv6prefix": _("Write an IPv6 prefix, e.g. 2001:db8:12::/56."),
            "string": _("A value has at most 247 bytes."),
            "octets": _("Write bytes as 0x and hexadecimal digits, at most 247 of them."),
        }.get(attribute.kind, _("Write a whole number that fits into this attribute."))
    return ""
