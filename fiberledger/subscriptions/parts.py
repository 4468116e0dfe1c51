"""What this room adds to a subscriber's record: the plan in the header, the lines, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.money import Money
from fiberledger.screens import Button, Fact, Facts, Tab, Trail
from fiberledger.subscribers.states import OVER, Status, may_go

from .models import PlannedChange, SoldAddOn, StatusChange, Subscription

_ON = "subscribers.subscriber"
_SHOWN = 12


def _lines(request: Any, subscriber: Any) -> list[Subscription]:
    """The newest ones, and one more than is shown where there are more."""
    found = getattr(request, "_lines_of", {})
    if subscriber.pk not in found:
        found[subscriber.pk] = list(_all_lines(subscriber)[: _SHOWN + 1])
        request._lines_of = found
    return found[subscriber.pk]


def _all_lines(subscriber: Any) -> Any:
    return Subscription.objects.filter(subscriber=subscriber).select_related("plan", "plan__tax").order_by("-id")


def _facts(request: Any, subscriber: Any) -> list[Fact]:
    lines = _lines(request, subscriber)
    if len(lines) > _SHOWN:
        return [Fact(_("Plan"), _("several"), url="?tab=lines", icon="gauge")]
    live = [line for line in lines if Status(line.status) not in OVER]
    if not live:
        return [Fact(_("Plan"), _("none"), tone="quiet", icon="gauge")]
    hint = Money(sum((line.monthly.amount for line in live), start=live[0].monthly.amount * 0), live[0].currency)
    names = ", ".join(dict.fromkeys(line.plan.name for line in live))
    return [Fact(_("Plan"), names, url="?tab=lines", hint=hint, icon="gauge")]


def _lines_tab(request: Any, subscriber: Any) -> dict[str, Any]:
    lines, before = _lines(request, subscriber), request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        lines = list(_all_lines(subscriber).filter(pk__lt=int(before))[: _SHOWN + 1])
    older = lines[_SHOWN - 1].pk if len(lines) > _SHOWN else None
    lines = lines[:_SHOWN]
    for line in lines:
        line.subscriber = subscriber
    changes = (
        StatusChange.objects.filter(subscriber=subscriber).select_related("subscription__plan").order_by("-id")[:30]
    )
    actor = request.actor
    taken, agreed = _add_ons_of(lines), _changes_of(lines)
    return {
        "lines": [
            (line, [b for b in actions_of(line) if actor.may(b[2])], taken.get(line.pk, []), agreed.get(line.pk))
            for line in lines
        ],
        "may_change_plan": actor.may("subscriptions.change_plan"),
        "may_sell_add_ons": actor.may("subscriptions.sell_add_ons"),
        "older": older,
        "changes": changes,
        "may_sell": actor.may("subscriptions.sell") and not subscriber.is_archived,
    }


def _add_ons_of(lines: list[Subscription]) -> dict[int, list[SoldAddOn]]:
    """What the lines have besides their plan, and what they had lately, newest first."""
    lately = calendar.now() - timedelta(days=31)
    found: dict[int, list[SoldAddOn]] = {}
    for sold in SoldAddOn.objects.filter(subscription__in=lines).not_over(lately).order_by("-id")[:100]:
        found.setdefault(sold.subscription_id, []).append(sold)
    return found


def _changes_of(lines: list[Subscription]) -> dict[int, PlannedChange]:
    """The change of plan that waits, or the last one that could not be made."""
    shown = ["waiting", "refused"]
    found = PlannedChange.objects.filter(subscription__in=lines, state__in=shown).select_related("plan")
    return {change.subscription_id: change for change in found.order_by("pk")}


def actions_of(line: Subscription) -> list[tuple[Any, str, str]]:
    """(label, address, permission) of everything the table of statuses lets this line do."""
    found = []
    for new, name, label, permission in (
        (Status.ACTIVE, "activate", _("Activate"), "subscriptions.suspend"),
        (Status.SUSPENDED, "suspend", _("Suspend"), "subscriptions.suspend"),
        (Status.HOLD, "hold", _("Hold"), "subscriptions.hold"),
        (Status.INACTIVE, "restore", _("Restore"), "subscriptions.end"),
        (Status.TERMINATED, "end", _("Terminate"), "subscriptions.end"),
    ):
        if name == "restore" and line.status != Status.TERMINATED:
            continue
        if name == "activate" and line.status in (Status.SUSPENDED, Status.HOLD, Status.OVERDUE):
            name, label = "resume", _("Resume")
        if may_go(line.status, new):
            found.append((label, reverse(f"subscriptions:{name}", args=[line.pk]), permission))
    if not line.state.is_over:
        found.append(
            (_("Change plan"), reverse("subscriptions:change-plan", args=[line.pk]), "subscriptions.change_plan")
        )
        found.append(
            (_("Sell an add-on"), reverse("subscriptions:sell-add-on", args=[line.pk]), "subscriptions.sell_add_ons")
        )
    return found


def _when(*statuses: str) -> Callable[[Any], bool]:
    return lambda subscriber: subscriber.status in statuses


PARTS = [
    Facts(_ON, _facts, "subscriptions.view", order=5),
    Tab("lines", _("Subscriptions"), "subscriptions/_lines.html", _lines_tab, "subscriptions.view", _ON, 10, "gauge"),
    Button(
        _("Sell a plan"),
        "subscriptions:sell",
        "shopping-cart",
        "subscriptions.sell",
        _ON,
        order=30,
        keys="s",
        when=lambda s: not s.is_archived,
    ),
    Button(
        _("Sell a plan"),
        "subscriptions:sell",
        "shopping-cart",
        "subscriptions.sell",
        _ON,
        primary=True,
        order=4,
        when=_when(Status.LEAD),
    ),
    Button(
        _("Activate"),
        "subscriptions:activate-all",
        "play",
        "subscriptions.suspend",
        _ON,
        primary=True,
        post=True,
        order=3,
        when=_when(Status.PENDING),
        confirm=_("The line is installed: it goes into service and its billing begins today."),
    ),
    Button(
        _("Suspend"),
        "subscriptions:suspend-all",
        "ban",
        "subscriptions.suspend",
        _ON,
        order=32,
        tone="bad",
        when=_when(Status.ACTIVE, Status.OVERDUE),
    ),
    Button(
        _("Resume"),
        "subscriptions:resume-all",
        "play",
        "subscriptions.suspend",
        _ON,
        order=31,
        when=_when(Status.SUSPENDED, Status.HOLD),
    ),
    Button(
        _("Put on hold"),
        "subscriptions:hold-all",
        "pause",
        "subscriptions.hold",
        _ON,
        order=33,
        when=_when(Status.ACTIVE, Status.OVERDUE, Status.SUSPENDED),
    ),
    Button(_("Change status"), "subscriptions:status", "refresh-cw", "subscriptions.suspend", _ON, order=34),
    Button(
        _("Terminate"),
        "subscriptions:end-all",
        "log-out",
        "subscriptions.end",
        _ON,
        order=80,
        tone="bad",
        when=lambda s: not s.is_archived,
    ),
    Button(
        _("Restore"),
        "subscriptions:restore-all",
        "archive-restore",
        "subscriptions.end",
        _ON,
        primary=True,
        order=5,
        when=_when(Status.TERMINATED),
    ),
    Button(
        _("Blacklist"),
        "subscriptions:blacklist",
        "shield-ban",
        "subscribers.blacklist",
        _ON,
        order=85,
        tone="bad",
        when=lambda s: s.status != Status.BLACKLISTED,
    ),
    Button(
        _("Lift the blacklist"),
        "subscriptions:lift-blacklist",
        "shield-check",
        "subscribers.blacklist",
        _ON,
        order=6,
        post=True,
        when=_when(Status.BLACKLISTED),
        confirm=_("They become inactive and may buy again."),
    ),
    Trail(
        _ON,
        "subscriptions.subscription",
        lambda subscriber: Subscription.objects.filter(subscriber=subscriber).values_list("pk", flat=True)[:60],
    ),
]
