"""The scope picker: everything, one branch, or one area with all below it.

It stands in the address as ?in=b3 or ?in=a17 (?in=all) and stays in the session; it only ever narrows what the actor may
see anyway. Lists narrow themselves; a page or figure of one's own calls `narrow(request, queryset)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

KEY = "scope"


@dataclass(frozen=True)
class Scope:
    """Where the actor is looking: `code` is "", "b3" or "a17"; `path` the area's."""

    code: str = ""
    label: str = ""
    path: str = ""

    @property
    def branch_id(self) -> int | None:
        return int(self.code[1:]) if self.code.startswith("b") else None

    @property
    def area_id(self) -> int | None:
        return int(self.code[1:]) if self.code.startswith("a") else None

    def __bool__(self) -> bool:
        return bool(self.code)


def current(request: Any) -> Scope:
    """The request's scope, chosen by ?in= or remembered from before."""
    if (found := getattr(request, "_scope", None)) is not None:
        return found
    session = getattr(request, "session", None)
    asked = request.GET.get("in")
    tenant = getattr(getattr(request, "tenant", None), "pk", None)
    scope = None
    if asked is not None and session is not None and tenant is not None:
        scope = _look_up(request, asked)
        kept = None if scope is None or not scope else [tenant, scope.code, scope.label, scope.path]
        if session.get(KEY) != kept:
            session[KEY] = kept
    if scope is None:
        kept = session.get(KEY) if session is not None else None
        scope = Scope(*kept[1:]) if kept and kept[0] == tenant else Scope()
    request._scope = scope
    return scope


def _look_up(request: Any, code: str) -> Scope | None:
    from fiberledger.places.models import Area, Branch

    if code in ("", "all"):
        return Scope()
    kind, pk = code[:1], code[1:]
    if not pk.isdecimal() or len(pk) > 18:
        return None
    if kind == "b" and (branch := Branch.objects.filter(pk=pk).first()) and _allowed(request, "branch_ids", branch.pk):
        return Scope(code, str(branch))
    if kind == "a" and (area := Area.objects.filter(pk=pk).first()):
        return Scope(code, str(area), area.path)
    return None


def _allowed(request: Any, attribute: str, pk: int) -> bool:
    ids = getattr(request.actor, attribute, None)
    return ids is None or pk in ids


def narrow(request: Any, queryset: QuerySet) -> QuerySet:
    """The rows of the queryset that lie in the scope; all of them where the model has no place."""
    return narrow_to(current(request), queryset)


def narrow_to(scope: Scope, queryset: QuerySet) -> QuerySet:
    if not scope:
        return queryset
    if scope.branch_id is not None and (lookup := getattr(queryset, "branch_lookup", None)):
        return queryset.filter(**{_id(lookup): scope.branch_id})
    if scope.area_id is not None and (lookup := getattr(queryset, "area_lookup", None)):
        from fiberledger.places.models import Area

        # "0" follows "/": the half-open range is the area and everything below it.
        inside = Area.objects.filter(path__gte=scope.path, path__lt=scope.path[:-1] + "0")
        return queryset.filter(**{f"{_id(lookup)}__in": inside.values("pk")})
    return queryset


def _id(lookup: str) -> str:
    return lookup if lookup.endswith("_id") or lookup in ("pk", "id") else f"{lookup}_id"
