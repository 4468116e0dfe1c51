from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.screens import Chart, ChartData, Figure, Reading, WorkItem, Worklist

from . import probing
from .models import Drift, LiveSession, LoginGuess, Nas, RefusedLogin
from .rules import OF_BINDING


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


def _unreached(request: Any) -> Reading:
    """By our probes: a router may be silent because nobody logs in, and one that is not reached may still serve."""
    routers = Nas.objects.visible_to(request.actor)
    down = routers.down().count()
    note = _("of %(n)d in use") % {"n": routers.in_use().count()}
    return Reading(down, note=note, tone="bad" if down else "", rising_is="bad")


def _drift(request: Any) -> Reading:
    """How many sessions are not as the books say, and since when the oldest."""
    astray = (
        Drift.objects.visible_to(request.actor)
        .standing()
        .to_heal()
        .order_by()
        .aggregate(n=Count("pk"), oldest=Min("since"))
    )
    if not astray["n"]:
        return Reading(0, note=_("every session is as the books say"), rising_is="bad")
    minutes = int((calendar.now() - astray["oldest"]).total_seconds() // 60)
    note = ngettext("the oldest for %(n)d minute", "the oldest for %(n)d minutes", minutes) % {"n": minutes}
    return Reading(astray["n"], note=note, tone="bad" if minutes >= 10 else "", rising_is="bad")


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
    routers = Nas.objects.visible_to(request.actor)
    for nas in routers.down().select_related("probe").order_by("probe__since")[:5]:
        yield WorkItem(
            _("%(name)s is not reached") % {"name": nas.name},
            f"{reverse('access:nas', args=[nas.pk])}?tab=health",
            nas.probe.problem or _("It answers neither its API nor commands."),
            icon="unplug",
            tone="bad",
            action=_("Look"),
        )
    for nas in routers.in_use().exclude(certificate_offered="").order_by("name")[:5]:
        yield WorkItem(
            _("%(name)s shows another certificate") % {"name": nas.name},
            reverse("access:accept-certificate", args=[nas.pk]),
            _("Nothing is said to it over the API until somebody accepts it: was it reset or replaced?"),
            icon="shield-alert",
            tone="bad",
            action=_("Look"),
        )
    for nas in routers.in_use().filter(probe__denied__gte=probing.DENIED_AFTER).order_by("name")[:5]:
        yield WorkItem(
            _("%(name)s refuses our API password") % {"name": nas.name},
            f"{reverse('access:nas', args=[nas.pk])}?tab=health",
            _("Somebody changed it on the router, or its user is gone."),
            icon="key-round",
            tone="bad",
            action=_("Look"),
        )
    for nas in routers.nearly_full().order_by("name")[:5]:
        yield WorkItem(
            _("%(name)s is nearly full") % {"name": nas.name},
            reverse("access:nas", args=[nas.pk]),
            _("Sessions: %(load)s.") % {"load": nas.load},
            icon="gauge",
            action=_("Look"),
        )
    for nas in routers.silent().order_by("last_seen_at")[:5]:
        yield WorkItem(
            _("%(name)s is silent") % {"name": nas.name},
            reverse("access:nas", args=[nas.pk]),
            _("Nobody can log in through it, or its tunnel to us is down."),
            icon="router",
            tone="bad",
            action=_("Look"),
        )
    if guessing := LoginGuess.objects.lately().count():
        text = ngettext("Somebody guesses passwords", "%(n)d guess passwords", guessing) % {"n": guessing}
        yield WorkItem(
            text, reverse("access:loginguess-list"), _("More wrong passwords than the login rules allow. See from where, and for whom."),
            icon="siren", count=guessing, tone="bad", action=_("Look"),
        )  # fmt: skip
    moved = RefusedLogin.objects.filter(reason__in=OF_BINDING, last_at__gt=calendar.now() - timedelta(days=1)).count()
    if moved:
        text = ngettext("%(n)d line tries with another device", "%(n)d lines try with another device", moved) % {
            "n": moved
        }
        yield WorkItem(
            text, f"{reverse('access:refusedlogin-list')}?moved=1", _("They are bound to the one they had. Bind them anew, or leave them out."),
            icon="replace", count=moved, action=_("Look"),
        )  # fmt: skip
    astray = Drift.objects.visible_to(request.actor).standing().to_heal()
    late = astray.filter(since__lt=calendar.now() - timedelta(minutes=10))
    if count := late.count():
        text = ngettext("%(n)d session does not obey", "%(n)d sessions do not obey", count) % {"n": count}
        yield WorkItem(
            text, f"{reverse('access:drift-list')}?open=1", _("For more than ten minutes they have not had what the books say."),
            icon="git-compare", count=count, tone="bad",
        )  # fmt: skip


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
        "routers-down", gettext_lazy("Routers not reached"), _unreached, "access:nas-list", "unplug", "access.routers_view",
        desks=("owner", "network"), order=43,
    ),
    Figure(
        "drift", gettext_lazy("Drift"), _drift, "access:drift-list", "git-compare", "access.sessions",
        desks=("network",), order=39,
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
