"""Deterministic CGNAT: which outside address and ports an inside address has, and the way back. Pure functions.

The n-th inside address has the n-th block of ports, counted through the outside addresses one after the other; so a rule is
its own log, and no router need write down every connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from .networks import Ip, Net

PORTS = 65_536


@dataclass(frozen=True)
class Plan:
    inside: Net
    outside: Net
    ports: int  # for each inside address
    first_port: int = 1024

    @property
    def each(self) -> int:
        """How many inside addresses share one outside address."""
        return (PORTS - self.first_port) // self.ports

    @property
    def needed(self) -> int:
        """How many outside addresses the inside ones need."""
        return -(-self.inside.num_addresses // self.each) if self.each else 0

    @property
    def fits(self) -> bool:
        return 0 < self.needed <= self.outside.num_addresses

    def outside_of(self, ip: Ip) -> tuple[Ip, int, int]:
        """The outside address and the first and last port of an inside one."""
        n = int(ip) - int(self.inside[0])
        begin = self.first_port + n % self.each * self.ports
        return self.outside[n // self.each], begin, begin + self.ports - 1

    def inside_of(self, ip: Ip, port: int) -> Ip | None:
        """Who has this port of an outside address; None where nobody has."""
        if port < self.first_port:
            return None
        place = (port - self.first_port) // self.ports
        if place >= self.each:
            return None
        n = (int(ip) - int(self.outside[0])) * self.each + place
        return self.inside[n] if n < self.inside.num_addresses else None
