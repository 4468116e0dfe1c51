"""The verbs of add-ons: what a line takes besides its plan, and gives back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs, money
from fiberledger.catalog.models import AddOn
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import Refusal

from . import addressing, charging
from .events import EVENT_SIZE, AddOnsChanged
from .models import SoldAddOn, Subscription

Kind = AddOn.Kind
# What only a line that works can use up.
_USED_UP = (Kind.DATA, Kind.SPEED)


@transaction.atomic
def sell_add_on(
    subscription: Subscription, add_on: AddOn, *, key: UUID, by: Any, price: Decimal | None = None, detail: str = ""
) -> SoldAddOn:  # fmt: skip
    """Sell an add-on to a line. It counts from now; a boost from when the boosts bought before it are over.

    The same key returns the first sale and changes nothing: a double click is one event told twice. What is paid once is
    charged at once, in this transaction; what is paid every period stands on the line's next invoices. A fixed address is
    the one in `detail`, or the next free one. Refuses an address that is not to be had, an add-on that is not on sale, a line that could not use it, a second fixed address, and a price of one's own without permission.
    """
    Subscriber.objects.lock(subscription.subscriber_id)
    if earlier := SoldAddOn.objects.filter(key=key).first():
        return earlier
    line = Subscription.objects.select_related("plan", "subscriber").get(pk=subscription.pk)
    add_on = AddOn.objects.get(pk=add_on.pk)
    now = calendar.now()
    theirs = line.add_ons.not_over(now)
    _refuse_what_makes_no_sense(line, add_on, theirs)
    sold = SoldAddOn.objects.create(
        subscription=line, add_on=add_on, key=key, kind=add_on.kind, name=add_on.name,
        price=_agreed(add_on, price, by), currency=add_on.currency, tax=add_on.tax, tax_inclusive=add_on.tax_inclusive,
        every_period=add_on.every_period, is_public=add_on.is_public, mb=add_on.mb, download_kbps=add_on.download_kbps,
        upload_kbps=add_on.upload_kbps, detail=detail.strip()[:100], sold_at=now, sold_by_name=by.name[:120],
        **_when(line, add_on, theirs, now),
    )  # fmt: skip
    if sold.kind == Kind.ADDRESS and (address := addressing.give(sold, by)) != sold.detail:
        sold.detail = address
        sold.save(update_fields=["detail"])
    audit.note(by, "add_on.sold", line, after={"add_on": sold.name, "price": str(sold.money), **_span(sold)})
    if not sold.every_period and sold.price:
        charging.charge(sold, by)
    _tell(sold)
    return sold


def _refuse_what_makes_no_sense(line: Subscription, add_on: AddOn, theirs: Any) -> None:
    if not add_on.is_on_sale:
        raise Refusal(
            _("“%(plan)s” is not on sale (%(status)s).")
            % {"plan": add_on, "status": add_on.get_status_display().lower()}
        )
    if line.state.is_over:
        raise Refusal(_("This subscription has ended; restore it first."))
    if add_on.currency != line.currency:
        raise Refusal(_("“%(plan)s” is priced in %(currency)s.") % {"plan": add_on, "currency": add_on.currency})
    if add_on.kind in _USED_UP and not line.is_in_service:
        raise Refusal(
            _("The line is %(status)s: “%(add_on)s” would run out unused. Put the line into service first.")
            % {"status": line.get_status_display().lower(), "add_on": add_on}
        )
    if add_on.kind == Kind.SPEED and not _is_faster(add_on, line):
        raise Refusal(_("“%(add_on)s” is no faster than the plan %(plan)s.") % {"add_on": add_on, "plan": line.plan})
    if add_on.kind == Kind.ADDRESS and theirs.filter(kind=Kind.ADDRESS).exists():
        raise Refusal(_("The line has a fixed address already; end that one first."))


def _is_faster(add_on: AddOn, line: Subscription) -> bool:
    plan_down = line.plan.download_kbps
    plan_up = line.plan.upload_kbps or plan_down
    if not plan_down or not plan_up:  # without a limit nothing is faster
        return False
    return (add_on.download_kbps or 0) > plan_down or (add_on.upload_kbps or 0) > plan_up


def _agreed(add_on: AddOn, price: Decimal | None, by: Any) -> Decimal:
    if price is None or price == add_on.price:
        return add_on.price
    if not by.may("subscriptions.price"):
        raise Refusal(_("You may not give a price other than the add-on's."))
    if not price.is_finite() or price < 0:
        raise Refusal(_("A price cannot be less than zero."))
    if price != money.round_to(price, add_on.currency):
        raise Refusal(_("The price has more digits than %s has coins.") % add_on.currency)
    return price


def _when(line: Subscription, add_on: AddOn, theirs: Any, now: datetime) -> dict[str, datetime | None]:
    if add_on.kind == Kind.SPEED:
        last = theirs.filter(kind=Kind.SPEED, ends_at__isnull=False).order_by("-ends_at").first()
        begins = max(now, last.ends_at) if last else now
        return {"starts_at": begins, "ends_at": begins + timedelta(hours=add_on.hours or 0)}
    if add_on.kind != Kind.DATA or add_on.every_period:
        return {"starts_at": now, "ends_at": None}
    if add_on.hours:
        return {"starts_at": now, "ends_at": now + timedelta(hours=add_on.hours)}
    return {"starts_at": now, "ends_at": calendar.start_of_day(line.period_around(calendar.today())[1])}


@transaction.atomic
def end_add_on(sold: SoldAddOn, *, by: Any, on: date | None = None, reason: str = "") -> SoldAddOn:
    """Take an add-on off a line: now, or (`on`) with the beginning of a day to come.

    What was charged stays owed; from that day on it is charged no more. Refuses one that is over, and a day past. One
    that was to end on a later day ends on the new one.
    """
    Subscriber.objects.lock(sold.subscription.subscriber_id)
    sold = SoldAddOn.objects.select_related("subscription__subscriber", "subscription__plan").get(pk=sold.pk)
    if sold.is_over:
        raise Refusal(_("“%s” has ended already.") % sold.name)
    today = calendar.today()
    if on is not None and on < today:
        raise Refusal(_("It cannot end on a day past."))
    at = calendar.now() if on is None or on == today else calendar.start_of_day(on)
    if sold.ends_at is not None and not sold.every_period and at > sold.ends_at:
        raise Refusal(_("“%s” ends before that day by itself.") % sold.name)
    before = _span(sold)
    sold.ends_at = max(at, sold.starts_at)
    sold.ended_by_name, sold.end_reason = by.name[:120], reason.strip()[:200]
    sold.save(update_fields=["ends_at", "ended_by_name", "end_reason"])
    audit.note(
        by, "add_on.ended", sold.subscription, before={"add_on": sold.name, **before}, after=_span(sold),
        **({"reason": sold.end_reason} if sold.end_reason else {}),
    )  # fmt: skip
    _tell(sold)
    return sold


def end_all_of(subscription_ids: Iterable[int], *, by: Any, reason: str) -> list[int]:
    """The lines have ended, and with them whatever they had besides. Returns the lines that had something."""
    now = calendar.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE subscriptions_soldaddon SET ends_at = greatest(%s, starts_at), ended_by_name = %s, end_reason = %s
                WHERE subscription_id = ANY(%s::bigint[]) AND (ends_at IS NULL OR ends_at > %s)
               RETURNING subscription_id""",
            [now, by.name[:120], reason[:200], list(subscription_ids), now],
        )
        lines = sorted({row[0] for row in cursor.fetchall()})
    for start in range(0, len(lines), EVENT_SIZE):
        jobs.publish(AddOnsChanged(lines[start : start + EVENT_SIZE]))
    return lines


def _tell(sold: SoldAddOn) -> None:
    """Now, and again when it begins and when it ends: by then nobody is there to say so."""
    jobs.publish(AddOnsChanged([sold.subscription_id]))
    now = calendar.now()
    for at in (sold.starts_at, sold.ends_at):
        if at is not None and at > now:
            jobs.enqueue("subscriptions.add_ons_turn", at=at, subscription_ids=[sold.subscription_id])


def _span(sold: SoldAddOn) -> dict[str, str]:
    until = {"until": sold.ends_at.isoformat(timespec="minutes")} if sold.ends_at else {}
    return {"from": sold.starts_at.isoformat(timespec="minutes"), **until}
