from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Hit, PaletteAction

from .models import Plan


def find(actor: Any, text: str) -> list[Hit]:
    """Plans by name or code."""
    if not actor.may("catalog.view") or len(text) < 2:
        return []
    return [
        Hit(
            plan.name,
            reverse("catalog:plan", args=[plan.pk]),
            plan.speed,
            "gauge",
            Plan.Status(plan.status),
            kind=_("Plan"),
        )
        for plan in Plan.objects.filter(name__icontains=text).exclude(status=Plan.Status.ARCHIVED)[:4]
    ]


ACTIONS = [
    PaletteAction(_("New plan"), "catalog:plan-new", "gauge", "catalog.edit", order=40),
    PaletteAction(_("New add-on"), "catalog:addon-new", "puzzle", "catalog.edit", order=41),
]
