from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.screens import Chart, ChartData, Figure, Reading, WorkItem, Worklist

from .models import LineCommand, LiveSession, Nas, RefusedLogin


def _online(request: Any) -> Reading:
    return Reading(LiveSession.objects.visible_to(request.actor).count(), note=_("reported by routers"))


def _silent(request: Any) -> Reading:
    routers = Nas.objects.visible_to(request.actor)
    silent = routers.silent().count()
    return Reading(
        silent,
        note=_("of %(n)d in use") % {"n": routers.in_use().count()},
        tone="bad" if silent else "",
        rising_is="bad",
    )


def _refused(request: Any) -> Reading:
    since = calendar.start_of_day(calendar.today())
    count = RefusedLogin.objects.filter(last_at__gte=since).count()
    return Reading(count, note=_("usernames turned away"), rising_is="bad")


def _by_router(request: Any) -> ChartData:
    rows = (
        LiveSession.objects.visible_to(request.actor)
        .order_by()
        .values_list("nas__name")
        .annotate(count=Count("pk"))
        .order_by("-count")[:12]
    )
    return ChartData([name for name, _n in rows], [(_("Online now"), [n for _name, n in rows])], kind="across")


def _work(request: Any) -> Iterable[WorkItem]:
    for nas in Nas.objects.visible_to(request.actor).silent().order_by("last_seen_at")[:5]:
        yield WorkItem(
            _("%(name)s is silent") % {"name": nas.name},
            reverse("access:nas", args=[nas.pk]),
            _("Nobody can log in through it, or its tunnel to us is down."),
            icon="router",
            tone="bad",
            action=_("Look"),
        )
    failed = LineCommand.objects.filter(state="unanswered").exclude(session_key__isnull=True)
    count = failed.filter(session_key__in=LiveSession.objects.values("key")).values("session_key").distinct().count()
    if count:
        text = ngettext("%(n)d session did not obey", "%(n)d sessions did not obey", count) % {"n": count}
        url = f"{reverse('access:linecommand-list')}?state=unanswered"
        yield WorkItem(text, url, _("Their routers did not answer our commands."), icon="send", count=count)


FIGURES = [
    Figure(
        "online", gettext_lazy("Online now"), _online, "access:livesession-list", "wifi", "access.sessions",
        desks=("owner", "help", "network"), order=40,
    ),
    Figure(
        "routers-silent", gettext_lazy("Silent routers"), _silent, "access:nas-list", "router", "access.routers_view",
        desks=("network",), order=41,
    ),
    Figure(
        "refused-today", gettext_lazy("Refused today"), _refused, "access:refusedlogin-list", "shield-x",
        "access.sessions", desks=("help", "network"), order=42,
    ),
    Worklist("network", gettext_lazy("Network"), _work, "access.routers_view", desks=("owner", "network"), order=20),
    Chart(
        "online-by-router", gettext_lazy("Online by router"), _by_router, "access.sessions", desks=("network",), order=10,
        url="access:livesession-list",
    ),
]  # fmt: skip
