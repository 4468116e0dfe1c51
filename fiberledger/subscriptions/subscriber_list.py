"""What this room adds to the list of subscribers: their plan, and cutting and resuming many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger import screens
from fiberledger.catalog.models import Plan
from fiberledger.money import Money
from fiberledger.screens import Bulk, Button, Column, Filter
from fiberledger.subscribers.states import OVER, Status

from . import services
from .models import Subscription


def rows(queryset: QuerySet) -> QuerySet:
    lines = Subscription.objects.select_related("plan").order_by("id")
    return queryset.prefetch_related(Prefetch("subscriptions", queryset=lines))


def _lines(subscriber: Any) -> list[Subscription]:
    """Those that are not over; of who has left, the last."""
    lines = list(subscriber.subscriptions.all())
    return [line for line in lines if Status(line.status) not in OVER] or lines[-1:]


def _each(word: Callable[[Subscription], Any]) -> Callable[[Any], str]:
    return lambda subscriber: ", ".join(dict.fromkeys(str(word(line)) for line in _lines(subscriber)))


def _fee(subscriber: Any) -> Money | None:
    return sum(line.monthly for line in _lines(subscriber)) or None


def _choices(request: Any) -> list[tuple[Any, Any]]:
    return list(Plan.objects.order_by("name").values_list("pk", "name"))


def _on_plans(queryset: QuerySet, values: list[str]) -> QuerySet:
    ids = [int(value) for value in values if value.isdecimal() and len(value) < 19]
    return queryset.filter(Exists(Subscription.objects.filter(subscriber=OuterRef("pk"), plan__in=ids)))


def _move(new: str, reason: str, said: Any, sources: Any = None) -> Any:
    def run(request: Any, found: QuerySet) -> None:
        ids = list(found.order_by().values_list("pk", flat=True))
        moved, stayed = services.move_subscribers(ids, new, reason=reason, by=request.actor, sources=sources)
        text = said % {"n": moved}
        if stayed:
            text += " " + _now("%(n)d stayed as they are.") % {"n": stayed}
        screens.toast(request, text, "good" if moved else "warn")

    return run


COLUMNS = [
    Column("plan", _("Plan"), value=_each(lambda line: line.plan.name)),
    Column("fee", _("Monthly fee"), kind="money", value=_fee, hidden=True, permission="catalog.view"),
    Column(
        "connection", _("Connection"), value=_each(lambda line: line.plan.get_connection_type_display()), hidden=True
    ),
    Column("billing", _("Billing"), value=_each(lambda line: line.get_billing_display()), hidden=True),
    Column("billed_until", _("Billed until"), value=_each(lambda line: line.billed_until or "–"), hidden=True),
]
FILTERS = [Filter("plan", _("Plan"), choices=_choices, apply=_on_plans)]
BULK = [
    Bulk(
        "suspend",
        _("Suspend"),
        _move(Status.SUSPENDED, services.Reason.REQUEST, _("%(n)d suspended.")),
        "ban",
        "subscriptions.suspend",
        _("This cuts the internet of %(count)s subscribers now."),
        "bad",
    ),
    Bulk(
        "resume",
        _("Resume"),
        _move(Status.ACTIVE, services.Reason.REQUEST, _("%(n)d back in service."), [Status.SUSPENDED, Status.HOLD]),
        "play",
        "subscriptions.suspend",
        _("This puts %(count)s subscribers back on the network, whatever they owe."),
    ),
]
LIST_BUTTONS = [
    Button(
        _("Register subscriber"), "subscriptions:register", "user-plus", "subscribers.create", primary=True, keys="n s"
    )
]
EMPTY = ["subscriptions:register", _("Register subscriber")]
