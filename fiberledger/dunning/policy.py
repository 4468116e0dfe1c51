"""The tenant's rules of suspension: every tenant has its row."""

from __future__ import annotations

from .models import SuspensionPolicy


def provision() -> None:
    SuspensionPolicy.objects.get_or_create()


def in_force() -> SuspensionPolicy:
    return SuspensionPolicy.objects.first() or SuspensionPolicy()
