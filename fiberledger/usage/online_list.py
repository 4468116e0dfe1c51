"""What this room says of sessions that are on: how fast they are, by their last two reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Column

from .models import SessionCount, show_rate


def rows(queryset: QuerySet) -> QuerySet:
    count = SessionCount.objects.filter(key=OuterRef("key"))
    return queryset.annotate(
        down_rate=Subquery(count.values("down_rate")[:1]), up_rate=Subquery(count.values("up_rate")[:1])
    )


def _rate(name: str) -> Any:
    def read(session: Any) -> str | None:
        rate = getattr(session, name, None)
        return None if rate is None else show_rate(rate)

    return read


COLUMNS = [
    Column("down_rate", _("Down now"), value=_rate("down_rate"), sort=False, permission="usage.view"),
    Column("up_rate", _("Up now"), value=_rate("up_rate"), sort=False, permission="usage.view"),
]


def facts(sessions: Iterable[Any]) -> dict[Any, list[tuple[Any, Any]]]:
    counts = SessionCount.objects.in_bulk([session.key for session in sessions])
    return {
        key: [(_("Speed now"), render_to_string("usage/_rate.html", {"count": count}))] for key, count in counts.items()
    }
