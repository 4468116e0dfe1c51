from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.screens import Button, Column, Empty, Filter, Screen, View
from fiberledger.subscribers.services import search

from .models import BillingRun, Invoice
from .services import numbers_like


def _overdue(rows: Any) -> Any:
    return rows.overdue(calendar.today())


def _search(queryset, text, actor):
    """An invoice by its number, with or without prefix and zeros; else those of the subscribers that are found."""
    found = queryset.filter(number__in=numbers_like(text))
    if found.exists():
        return found
    return queryset.filter(subscriber__in=search(text, actor=actor, limit=200))


invoices = Screen(
    model=Invoice,
    permission="billing",
    icon="receipt-text",
    number="number",
    columns=(
        Column("number", sort=False),
        Column("subscriber__name", _("Subscriber"), needs="subscriber"),
        Column("subscriber__number", _("Customer number"), hidden=True),
        Column("kind", hidden=True),
        Column("issued_on", sort="issued_on"),
        Column("due_on", sort=False),
        Column("total", sort=False),
        Column("period_start", sort=False, hidden=True),
        Column("period_end", _("Until (not included)"), sort=False, hidden=True),
        Column("created_by_name", kind="who", sort=False, hidden=True),
        Column("status", sort=False),
    ),
    filters=(
        "status",
        "kind",
        "issued_on",
        "due_on",
        Filter("overdue", _("Overdue"), test=_overdue, icon="clock-alert"),
        Filter("run", _("Billing run"), lookup="run"),
        Filter("plan", _("Plan"), lookup="subscription__plan"),
        "total",
    ),
    search=_search,
    search_hint=_("Invoice number or subscriber"),
    order="-pk",
    views=(
        View("open", _("Open"), "status=issued&status=part_paid"),
        View("overdue", _("Overdue"), "overdue=1"),
        View("paid", _("Paid"), "status=paid"),
        View("void", _("Void"), "status=void"),
    ),
    list_buttons=(Button(_("Run billing"), "billing:run-new", "play", "billing.run", primary=True),),
    empty=Empty(
        _("No invoices yet"),
        _("Invoices are made by a billing run: it shows what it would bill, and you confirm."),
        "receipt-text", "billing:run-new", _("Run billing"),
    ),
)  # fmt: skip

runs = Screen(
    model=BillingRun,
    name="run",
    view_needs="billing.run",
    rows="started",
    icon="play",
    columns=(
        Column("as_of", sort=False),
        Column("scope_label", _("Who")),
        "issued",
        "skipped",
        Column("run__state", _("State"), kind="badge", needs="run"),
        Column("created_by_name", _("By"), kind="who"),
        Column("created_at", sort=False),
    ),
    order="-pk",
    title=_("Billing runs"),
    exports=False,
    list_buttons=(Button(_("Run billing"), "billing:run-new", "play", "billing.run", primary=True),),
    empty=Empty(
        _("No billing run yet"), _("A run bills everybody who is due, after showing you what it would do."), "play",
        "billing:run-new", _("Run billing"),
    ),
)  # fmt: skip
