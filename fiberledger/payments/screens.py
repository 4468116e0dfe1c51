from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.screens import Button, Column, Empty, Filter, Screen, View
from fiberledger.screens.cells import looks
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import Subscriber

from .models import CashClosing, Payment

looks("good", "circle-check", "received")


def _search(payments: Any, text: str, actor: Any) -> Any:
    """By receipt number, else by whoever paid."""
    text = text.strip()
    by_number = payments.filter(number__iexact=text)
    if text and any(char.isdigit() for char in text) and by_number.exists():
        return by_number
    return payments.filter(subscriber_id__in=subscribers.search(text, actor=actor, limit=500))


payments = Screen(
    model=Payment,
    permission="payments",
    edit_needs="-",
    create_needs="-",
    icon="banknote",
    number="number",
    columns=(
        Column("number", _("Receipt"), sort=False),
        Column("subscriber__name", _("Subscriber"), url=lambda payment: f"/subscribers/{payment.subscriber_id}/"),
        Column("amount", sort=False),
        "method",
        "received_on",
        Column("collector_name", _("Collected by"), sort=False),
        Column("state", _("State"), kind="badge", sort=False),
        Column("subscriber__number", _("Number"), hidden=True),
        Column("received_at", _("Recorded"), hidden=True, sort=False),
        Column("reference", _("Reference"), hidden=True, sort=False),
        Column("note", _("Note"), hidden=True, sort=False),
    ),
    filters=(
        Filter("today", _("Today"), test=lambda rows: rows.filter(received_on=calendar.today()), icon="calendar"),
        Filter(
            "month",
            _("This month"),
            test=lambda rows: rows.filter(received_on__gte=calendar.today().replace(day=1)),
            icon="calendar-days",
        ),
        "received_on",
        "method",
        "collector",
        Filter("reversed", _("Reversed"), test=lambda rows: rows.filter(reversed_at__isnull=False), icon="undo-2"),
    ),
    views=(
        View("today", _("Today"), "today=1"),
        View("month", _("This month"), "month=1"),
        View("reversed", _("Reversed"), "reversed=1"),
    ),
    search=_search,
    search_hint=_("Receipt, name, phone or number"),
    order="-received_on",
    list_buttons=(Button(_("Collect a payment"), "payments:collect", "hand-coins", "payments.record", primary=True),),
    empty=Empty(
        _("No payments yet"),
        _("When a subscriber pays, record it here: the receipt, the books and the line follow by themselves."),
        "banknote",
        "payments:collect",
        _("Collect a payment"),
    ),
)

closings = Screen(
    model=CashClosing,
    name="closing",
    view_needs="payments.approve_closing",
    edit_needs="-",
    create_needs="-",
    icon="calculator",
    columns=(
        Column("on", _("Day")),
        Column("collector_name", _("Collector"), sort=False),
        Column("expected", sort=False),
        Column("counted", sort=False),
        Column("difference", _("Difference"), kind="money", sort=False),
        Column("payments_count", sort=False),
        "status",
        Column("approved_by", hidden=True, sort=False),
    ),
    filters=("status", "on", "collector"),
    views=(View("waiting", _("To approve"), "status=waiting"),),
    order="-on",
    empty=Empty(
        _("No cash was closed yet"),
        _("In the evening each collector counts their cash; the difference to the book is written down and approved."),
        "calculator",
        "payments:cash",
        _("Close my cash"),
    ),
)

due = Screen(
    model=Subscriber,
    name="due",
    namespace="payments",
    title=_("To collect"),
    view_needs="payments.record",
    edit_needs="-",
    create_needs="-",
    icon="hand-coins",
    columns=(
        Column("name", sort="name_key"),
        Column("phone", sort=False, kind="code", value=lambda subscriber: subscriber.shown_phone),
        Column("area__name", _("Area"), sort=False),
        Column("address", sort=False),
        Column(
            "owed",
            _("Owed"),
            kind="money",
            sort=False,
            needs="receivable",
            value=lambda subscriber: subscriber.receivable.balance,
            url=lambda subscriber: reverse("payments:collect_from", args=[subscriber.pk]),
            currency="receivable__currency",
        ),
        Column(
            "oldest_due", _("Due since"), kind="date", value=lambda row: getattr(row, "oldest_due", None), sort=False
        ),
        Column("status", sort=False),
    ),
    filters=("area", "collector", "status"),
    search=subscribers.matching,
    order="name_key",
    record=False,
    exports=False,
    buttons=(Button(_("Collect"), "payments:collect_from", "hand-coins", "payments.record", primary=True),),
    empty=Empty(_("Nobody owes anything"), _("Everyone you look after has paid."), "party-popper"),
)
