from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db.models import Q

from fiberledger.tenancy.models import TenantQuerySet

from .actor import Actor


class ScopedQuerySet(TenantQuerySet):
    """Rows that belong to a branch, an area, a reseller or a collector; each lookup names the way there.

    A row is reached through `visible_to(actor)`. Where the actor is limited in a way that this queryset has no
    lookup for, there is nothing to see.
    """

    branch_lookup: ClassVar[str | None] = None
    area_lookup: ClassVar[str | None] = None
    reseller_lookup: ClassVar[str | None] = None
    collector_lookup: ClassVar[str | None] = None

    def visible_to(self, actor: Actor | None) -> Self:
        limit = self.limit_for(actor)
        return self.filter(limit) if limit else self

    @classmethod
    def limit_for(cls, actor: Actor | None) -> Q:
        """The condition by itself, for a queryset of something else that hangs on these rows."""
        if actor is not None and actor.kind == "system":
            return Q()
        if actor is None or actor.kind != "staff":
            return Q(pk__in=[])
        limit = Q()
        for lookup, value, suffix in (
            (cls.branch_lookup, actor.branch_ids, "__in"),
            (cls.area_lookup, actor.area_ids, "__in"),
            (cls.reseller_lookup, actor.reseller_names, "__in"),
            (cls.collector_lookup, actor.membership_id if actor.only_assigned else None, ""),
        ):
            if value is None:
                continue
            if lookup is None:
                return Q(pk__in=[])
            wanted: Any = sorted(value) if isinstance(value, frozenset) else value
            limit &= Q(**{f"{lookup}{suffix}": wanted})
        return limit
