from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Column, Empty, Filter, Screen, View
from fiberledger.screens.cells import looks

from .models import LineUsage

looks("quiet", "check", "plain")
looks("warn", "gauge", "near", "over", "slowed")
looks("bad", "octagon-pause", "stopped")
looks("info", "clock", "hours")
looks("good", "zap", "boosted")


def _whose_url(usage: LineUsage) -> str:
    subscriber_id = usage.account.subscription.subscriber_id
    return f"{reverse('subscribers:subscriber', args=[subscriber_id])}?tab=usage"


def _percent(usage: LineUsage) -> str | None:
    return None if usage.percent is None else f"{usage.percent} %"


def search(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """A username's beginning."""
    return queryset.filter(account__username__istartswith=text.strip())


lines = Screen(
    model=LineUsage,
    view_needs="usage.view",
    edit_needs="-",
    create_needs="-",
    icon="chart-column",
    title=_("Usage"),
    columns=(
        Column("account__username", _("Username"), kind="code", sort=False, url=_whose_url),
        Column(
            "person", _("Subscriber"), value=lambda usage: usage.account.subscription.subscriber.name,
            needs="account__subscription__subscriber", url=_whose_url, sort=False,
        ),
        Column("plan", _("Plan"), value=lambda usage: usage.account.subscription.plan.name, needs="account__subscription__plan", sort=False),
        Column("used_words", _("Used"), sort="used"),
        Column("allowance_words", _("Allowed"), sort=False),
        Column("percent", _("Share"), value=_percent, sort=False),
        Column("state", kind="badge", sort=False),
        Column("speed", _("Speed instead"), sort=False),
        Column("since", kind="ago", sort=False, hidden=True),
        Column("starts_on", hidden=True, sort=False),
        Column("ends_on", sort=False),
    ),
    filters=("state", Filter("limited", _("With a data limit"), test=lambda rows: rows.filter(allowance__isnull=False), icon="gauge")),
    views=(
        View("near", _("Near their limit"), "state=near"),
        View("slowed", _("Slowed down"), "state=slowed"),
        View("stopped", _("Stopped"), "state=stopped"),
        View("boosted", _("Boosted"), "state=boosted"),
    ),
    search=search,
    search_hint=_("Username"),
    order="-used",
    record=False,
    status="",
    empty=Empty(_("Nothing was used yet"), _("What lines use is added up every minute and shown here, the heaviest first."), "chart-column"),
)  # fmt: skip
