"""Networks as text and as numbers: reading what people write, what lies inside what, what is left between.

Pure functions: no database. `Net` is an IPv4 or IPv6 network, `Ip` an address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

Net = ipaddress.IPv4Network | ipaddress.IPv6Network
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_SPACES = {ord(c): None for c in " \t\u00a0\u200b\u200e\u200f\ufeff"}


def read_network(text: str) -> Net:
    """The network somebody wrote, as 10.0.0.0/24 or 10.0.0.0 255.255.255.0. What is wrong is said with its remedy."""
    plain = " ".join(str(text).split())
    if "/" not in plain and " " in plain:
        plain = plain.replace(" ", "/", 1)
    plain = plain.translate(_SPACES).strip("[]")
    if not plain:
        raise ValidationError(_("Write a network, e.g. 10.0.0.0/24 or 2001:db8::/32."))
    address, slash, length = plain.partition("/")
    ip = read_address(address)
    if not slash:
        raise ValidationError(
            _("The length is missing: did you mean %(guess)s?") % {"guess": f"{ip}/{24 if ip.version == 4 else 64}"}
        )
    try:
        return ipaddress.ip_network(f"{ip}/{length}")
    except ValueError:
        pass
    try:
        near = ipaddress.ip_network(f"{ip}/{length}", strict=False)
    except ValueError:
        most = ip.max_prefixlen
        raise ValidationError(
            _("After the slash stands a length from 0 to %(most)d, e.g. %(guess)s.")
            % {"most": most, "guess": f"{ip}/{24 if most == 32 else 64}"}
        ) from None
    raise ValidationError(_("Host bits are set: did you mean %(guess)s?") % {"guess": near})


def read_address(text: str) -> Ip:
    """The address somebody wrote; forgives spaces, refuses the rest with the remedy."""
    plain = str(text).translate(_SPACES).strip("[]")
    if not plain:
        raise ValidationError(_("Write an address, e.g. 10.0.0.1 or 2001:db8::1."))
    if "/" in plain:
        raise ValidationError(
            _("This is a network; write one address of it, e.g. %(guess)s.") % {"guess": plain.split("/")[0]}
        )
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    parts = plain.split(".")
    if len(parts) == 4 and all(part.isdecimal() and len(part) < 5 for part in parts):
        if too_big := next((part for part in parts if int(part) > 255), None):
            raise ValidationError(_("%(part)s is more than 255: check that part of the address.") % {"part": too_big})
        raise ValidationError(
            _("Zeros in front are ambiguous: did you mean %(guess)s?")
            % {"guess": ".".join(str(int(part)) for part in parts)}
        )
    raise ValidationError(_("“%(text)s” is no address; write it as 10.0.0.1 or 2001:db8::1.") % {"text": plain[:60]})


def only(ip: Ip) -> Net:
    """An address as the network it alone is."""
    return ipaddress.ip_network(ip)


def supernets(of: Net | Ip) -> list[Net]:
    """Every network an address or network lies in, the widest first, itself last."""
    net = only(of) if isinstance(of, ipaddress.IPv4Address | ipaddress.IPv6Address) else of
    return [net.supernet(new_prefix=length) for length in range(net.prefixlen + 1)]


def usable(net: Net) -> tuple[Ip, Ip]:
    """The first and last address a host may have: without an IPv4 network's own and its broadcast address."""
    if net.version == 4 and net.prefixlen < 31:
        return net[1], net[-2]
    return net[0], net[-1]


def gaps(first: int, last: int, taken: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of first … last after these ranges, which may overlap and come in any order."""
    at = first
    for begin, end in sorted(taken):
        if begin > last:
            break
        if begin > at:
            yield at, begin - 1
        at = max(at, end + 1)
    if at <= last:
        yield at, last


def outermost(nets: Iterable[Net]) -> list[Net]:
    """Those of them that lie in no other."""
    kept: list[Net] = []
    for net in sorted(nets, key=lambda net: (net.version, int(net[0]), net.prefixlen)):
        if not kept or kept[-1].version != net.version or int(net[0]) > int(kept[-1][-1]):
            kept.append(net)
    return kept
