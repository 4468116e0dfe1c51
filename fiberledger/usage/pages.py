"""Parts of pages: what a subscriber's usage tab shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from fiberledger import calendar, screens
from fiberledger.access.models import AccessAccount, LiveSession, show_octets
from fiberledger.screens import ChartData, Column
from fiberledger.subscriptions.models import Subscription

from . import rollup
from .models import LineUsage, SessionCount
from .wording import why

DAYS, HOURS = 30, 48
_LINES = 10  # of one subscriber, on one page


def of_subscriber(request: Any, subscriber: Any) -> dict[str, Any]:
    """What a subscriber's lines moved: now, today hour by hour, day by day, month by month."""
    subscriptions = list(
        Subscription.objects.filter(subscriber=subscriber).select_related("plan").order_by("-id")[:_LINES]
    )
    accounts = {a.subscription_id: a for a in AccessAccount.objects.filter(subscription__in=subscriptions)}
    counts = _speeds(accounts.values())
    kept = {usage.account_id: usage for usage in LineUsage.objects.filter(account__in=list(accounts.values()))}
    ids = [account.pk for account in accounts.values()]
    lines = []
    for subscription in subscriptions:
        if (account := accounts.get(subscription.pk)) and account.kind != "static":
            usage = kept.get(account.pk)
            lines.append(
                {
                    "subscription": subscription,
                    "usage": usage,
                    "why": usage and why(usage, subscription.plan),
                    "bar": usage and min(usage.percent or 0, 100),
                    "last_day": usage and usage.ends_on - timedelta(days=1),
                    "counts": counts.get(account.pk, []),
                    "month": _this_month(account.pk),
                }
            )
    return {
        "lines": lines,
        "days": _days(ids),
        "days_title": _("The last %(n)d days") % {"n": DAYS},
        "hours": _hours(ids),
        "hours_title": _("The last %(n)d hours") % {"n": HOURS},
        "months": screens.table(
            [
                Column("name", _("Month")),
                Column("down", _("Down")),
                Column("up", _("Up")),
                Column("all", _("Together")),
            ],
            [_shown(moved, formats.date_format(moved.at, "YEAR_MONTH_FORMAT")) for moved in rollup.months_of(ids)],
            url=None,
            caption=_("By month"),
            empty=_("Nothing was used yet."),
        ),
    }


def _speeds(accounts: Any) -> dict[int, list[SessionCount]]:
    """The sessions that are on, by account."""
    live = LiveSession.objects.filter(username__in=[a.username.lower() for a in accounts]).order_by("started_at")
    keys = list(live.values_list("key", flat=True)[:50])
    found: dict[int, list[SessionCount]] = {}
    for count in SessionCount.objects.in_bulk(keys).values():
        found.setdefault(count.account_id, []).append(count)
    return found


def _this_month(account_id: int) -> dict[str, str]:
    start = calendar.month_start(calendar.today())
    months = [moved for moved in rollup.months_of([account_id], 1) if moved.at == start]
    return _shown(months[0] if months else rollup.Moved(start, 0, 0), "")


def _shown(moved: rollup.Moved, name: str) -> dict[str, str]:
    return {
        "name": name,
        "down": show_octets(moved.down),
        "up": show_octets(moved.up),
        "all": show_octets(moved.up + moved.down),
    }


def _chart(found: list[rollup.Moved], labels: list[tuple[Any, str]], summary: str) -> ChartData:
    """In gigabytes, with a place for every day or hour, also those in which nothing moved."""
    by_time = {moved.at: moved for moved in found}
    nothing = rollup.Moved(None, 0, 0)
    moved = [by_time.get(at, nothing) for at, _label in labels]
    return ChartData(
        [label for _at, label in labels],
        [
            (_("Down"), [round(one.down / 1e9, 2) for one in moved]),
            (_("Up"), [round(one.up / 1e9, 2) for one in moved]),
        ],
        summary=summary,
        kind="stacked",
        unit="GB",
    )


def _days(accounts: list[int]) -> ChartData:
    today = calendar.today()
    since = today - timedelta(days=DAYS - 1)
    found = rollup.days_of(accounts, since)
    days = [since + timedelta(days=n) for n in range(DAYS)]
    summary = _("%(all)s in %(n)d days; the most on one day was %(most)s.") % {
        "all": show_octets(sum(moved.up + moved.down for moved in found)),
        "n": DAYS,
        "most": show_octets(max((moved.up + moved.down for moved in found), default=0)),
    }
    return _chart(found, [(day, formats.date_format(day, "j M")) for day in days], summary)


def _hours(accounts: list[int]) -> ChartData:
    now = calendar.local(calendar.now()).replace(minute=0, second=0, microsecond=0)
    hours = [now - timedelta(hours=HOURS - 1 - n) for n in range(HOURS)]
    found = rollup.hours_of(accounts, hours[0])
    return _chart(found, [(hour, f"{hour:%H:%M}") for hour in hours], _("Each hour by its beginning."))
