from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who does it: staff, a subscriber, an API key, or the system itself. Fixed for one request or job.

    `branch_ids`, `area_ids` (with everything below them), `reseller_names` and `only_assigned` say which rows they
    reach; None and False are no limit. See visibility.
    """

    kind: str
    name: str
    user_id: int | None = None
    membership_id: int | None = None
    permissions: frozenset[str] = frozenset()
    branch_ids: frozenset[int] | None = None
    area_ids: frozenset[int] | None = None
    reseller_names: frozenset[str] | None = None
    only_assigned: bool = False
    ip: str | None = None
    on_behalf_of: str = ""
    roles: frozenset[str] = frozenset()  # codes of the templates their roles come from; "" for roles made here

    @classmethod
    def system(cls, name: str) -> Actor:
        """The program itself, under the name of what it was doing. May do everything."""
        return cls("system", name)

    @classmethod
    def nobody(cls, ip: str | None, name: str = "") -> Actor:
        """Someone at the door. May do nothing; the audit log still wants to know where they stood."""
        return cls("nobody", name or "?", ip=ip)

    def __str__(self) -> str:
        return self.name

    def may(self, permission: str) -> bool:
        return self.kind == "system" or permission in self.permissions

    @property
    def is_limited(self) -> bool:
        """Do they reach only a part of the tenant's rows?"""
        return (
            self.branch_ids is not None
            or self.area_ids is not None
            or self.reseller_names is not None
            or self.only_assigned
        )
