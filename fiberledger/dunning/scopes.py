"""Where a run cuts: a place within what the actor may see, as plain ids that a job reads later."""

from __future__ import annotations

from typing import Any

from fiberledger.places.models import Area, Branch


def scope_for(actor: Any, *, area: Area | None = None, branch: Branch | None = None) -> dict[str, Any]:
    """The place a run is for, within what the actor may see."""
    scope: dict[str, Any] = {}
    if area is not None:
        scope["area"] = area.pk
    if branch is not None:
        scope["branch"] = branch.pk
    if actor.branch_ids is not None:
        scope["branches"] = sorted(actor.branch_ids)
    if actor.area_ids is not None:
        scope["areas"] = sorted(actor.area_ids)
    if actor.reseller_names is not None:
        scope["resellers"] = sorted(actor.reseller_names)
    if actor.only_assigned:
        scope["collector"] = actor.membership_id
    return scope


def name_of(scope: dict[str, Any]) -> str:
    names = []
    if "area" in scope and (area := Area.objects.filter(pk=scope["area"]).first()):
        names.append(area.full_name)
    if "branch" in scope and (branch := Branch.objects.filter(pk=scope["branch"]).first()):
        names.append(branch.name)
    return " · ".join(names)


def where(scope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The scope as a condition on subscriber `s`."""
    conditions, values = [], {}
    for name, condition in (
        ("subscribers", "s.id = ANY(%(subscribers)s)"),
        (
            "area",
            """s.area_id IN (SELECT below.id FROM places_area top JOIN places_area below
                 ON below.tenant_id = top.tenant_id AND below.path >= top.path
                AND below.path < left(top.path, -1) || '0' WHERE top.tenant_id = %(tenant)s AND top.id = %(area)s)""",
        ),
        ("branch", "s.branch_id = %(branch)s"),
        ("branches", "s.branch_id = ANY(%(branches)s)"),
        ("areas", "s.area_id = ANY(%(areas)s)"),
        ("resellers", "s.reseller_name = ANY(%(resellers)s)"),
        ("collector", "s.collector_id = %(collector)s"),
    ):
        if name in scope:
            conditions.append(f"AND {condition}")
            values[name] = scope[name]
    return "\n".join(conditions), values
