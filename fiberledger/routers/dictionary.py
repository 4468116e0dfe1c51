"""RADIUS attributes by name: which there are, what their values look like, and how they stand in a packet.

attributes.txt is gathered from FreeRADIUS' dictionary by scripts/radius_dictionary.py: what is not in it FreeRADIUS may not
know either, and it answers a login with silence when it is given such an attribute.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

VENDOR_SPECIFIC = 26
_SIZES = {"byte": (1, 0, 255), "short": (2, 0, 65535), "integer": (4, 0, 2**32 - 1), "integer64": (8, 0, 2**64 - 1)}
_SIGNED = (4, -(2**31), 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    vendor: str  # empty: everybody's
    vendor_number: int
    number: int
    kind: str
    tagged: bool = False
    values: Mapping[str, int] = field(default_factory=dict)

    def encode(self, value: str, tag: int = 0) -> bytes:
        """The attribute as it stands in a packet. Raises ValueError for what is no value of it."""
        data = self._bytes(value)
        if self.tagged:
            data = bytes([tag]) + (data if self.kind == "string" else data[1:])
        if len(data) > (247 if self.vendor_number else 253):
            raise ValueError("too long")
        head = bytes([self.number, len(data) + 2])
        if not self.vendor_number:
            return head + data
        inner = struct.pack("!I", self.vendor_number) + head + data
        return bytes([VENDOR_SPECIFIC, len(inner) + 2]) + inner

    def _bytes(self, value: str) -> bytes:
        if self.kind == "string":
            return value.encode()
        if self.kind == "octets":
            return bytes.fromhex(value[2:]) if value[:2] == "0x" else value.encode()
        if self.kind == "ipaddr":
            return ipaddress.IPv4Address(value).packed
        if self.kind == "ipv6addr":
            return ipaddress.IPv6Address(value).packed
        if self.kind == "ipv6prefix":
            network = ipaddress.IPv6Network(value)
            return bytes([0, network.prefixlen]) + network.network_address.packed
        if value in self.values:
            value = str(self.values[value])
        size, least, most = _SIGNED if self.kind == "signed" else _SIZES[self.kind]
        if not re.fullmatch(r"-?[0-9]{1,20}", value) or not least <= int(value) <= most:
            raise ValueError("no such number")
        return int(value).to_bytes(size, "big", signed=self.kind == "signed")


@cache
def _all() -> dict[str, Attribute]:
    found = {}
    for line in Path(__file__).with_name("attributes.txt").read_text().splitlines():
        vendor, vendor_number, name, number, kind, tag, names, *_ = [*line.split("\t"), "", ""]
        values = {word: int(code) for word, _, code in (pair.rpartition("=") for pair in names.split())}
        found[name.lower()] = Attribute(name, vendor, int(vendor_number), int(number), kind, tag == "tag", values)
    return found


def look_up(name: str) -> tuple[Attribute, int] | None:
    """The attribute of that name, whatever its capitals, and its tag: `ERX-Service-Activate:1` is tagged 1."""
    bare, colon, tag = name.strip().partition(":")
    attribute = _all().get(bare.lower())
    if attribute is None or (colon and not (attribute.tagged and re.fullmatch(r"[0-9]|[12][0-9]|3[01]", tag))):
        return None
    return attribute, int(tag or 0)


def like(name: str, most: int = 5) -> list[str]:
    """Names that somebody who wrote this may have meant."""
    import difflib

    wanted, names = name.partition(":")[0].lower(), _all()
    close = difflib.get_close_matches(wanted, names, most, 0.6) or [each for each in names if wanted and wanted in each]
    return [names[each].name for each in close[:most]]
