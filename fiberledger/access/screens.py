from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Bulk, Button, Column, Empty, Fact, Filter, Screen, Tab, View
from fiberledger.screens.cells import looks

from . import pages
from .forms import NasForm
from .models import Drift, LineCommand, LiveSession, Nas, RefusedLogin, SessionHistory

looks("good", "radio", "heard")
looks("bad", "radio", "silent")
looks("quiet", "circle-slash", "off", "gone")
looks("bad", "circle-help", "unanswered")
looks("good", "signature", "signed")
looks("warn", "pen-off", "both", "unsigned")
looks("bad", "door-open", "intruder", "outside")
looks("warn", "brick-wall", "shut_in")
looks("warn", "gauge", "speed", "terms")

STATES = {"heard": _("Heard"), "silent": _("Silent"), "new": _("Never heard"), "off": _("Not in use")}
SIGNS = {
    "signed": _("Signed"), "both": _("Some are signed"), "unsigned": _("Not signed"), "unheard": _("None heard"),
}  # fmt: skip


def _silent(rows: Any) -> Any:
    return rows.silent()


def _unsigned(rows: Any) -> Any:
    return rows.unsigned()


def _accepted(rows: Any) -> Any:
    return rows.accepted()


def _to_heal(rows: Any) -> Any:
    return rows.to_heal()


def _nas_facts(request: Any, nas: Nas) -> list[Fact]:
    online = LiveSession.objects.filter(nas=nas).count()
    astray = Drift.objects.standing().to_heal().filter(nas=nas).count()
    url = f"{reverse('access:livesession-list')}?nas={nas.pk}"
    tone = {"silent": "bad", "heard": "good"}.get(nas.state, "quiet")
    return [
        Fact(_("State"), STATES[nas.state], tone=tone, icon="radio"),
        Fact(_("Last heard"), nas.last_seen_at, icon="clock"),
        Fact(_("Online now"), f"{online:,}", url=url, icon="wifi"),
        Fact(
            _("Its logins"),
            SIGNS[nas.signs],
            icon="signature",
            tone={"signed": "good", "unheard": ""}.get(nas.signs, "warn"),
        ),
        Fact(
            _("Drift"),
            f"{astray:,}",
            url=f"{reverse('access:drift-list')}?nas={nas.pk}",
            icon="git-compare",
            tone="bad" if astray else "good",
        ),
    ]


routers = Screen(
    model=Nas,
    form=NasForm,
    name="nas",
    view_needs="access.routers_view",
    edit_needs="access.routers",
    create_needs="access.routers",
    icon="router",
    columns=(
        "name",
        Column("state", _("State"), kind="badge", value=lambda nas: _Word(nas.state, STATES)),
        "src_ip",
        "kind",
        "branch",
        Column("last_seen_at", kind="ago"),
        Column("signs", _("Its logins"), kind="badge", value=lambda nas: _Word(nas.signs, SIGNS), hidden=True),
        Column("signing", hidden=True),
        Column("for_suspended", hidden=True),
        Column("interim_seconds", hidden=True),
        Column("active", hidden=True),
        Column("note", hidden=True),
    ),
    filters=(
        "kind",
        "branch",
        "active",
        Filter("silent", _("Silent"), test=_silent, icon="radio"),
        Filter("unsigned", _("Without signature"), test=_unsigned, icon="pen-off"),
    ),
    views=(View("unsigned", _("Without signature"), "unsigned=1"),),
    search=("name__icontains", "src_ip", "note__icontains"),
    order="name",
    facts=_nas_facts,
    status="",
    number="src_ip",
    sections=(
        (_("Router"), ("name", "kind", "src_ip", "branch", "active", "note")),
        (_("RADIUS"), ("interim_seconds", "signing", "signed_at", "unsigned_at", "coa_port")),
        (_("MikroTik API"), ("api_username", "api_port", "api_tls")),
        (_("Who is not served"), ("for_suspended", "for_unknown", "walled_pool", "walled_list", "walled_rate")),
    ),
    tabs=(
        Tab("setup", _("Set-up"), "access/_setup.html", pages.setup, "access.routers", order=20, icon="terminal"),
        Tab(
            "on-router",
            _("On the router"),
            "access/_on_router.html",
            pages.on_router,
            "access.sessions",
            order=25,
            icon="users",
        ),
        Tab("commands", _("Commands"), "access/_table_tab.html", pages.commands_of_router, order=30, icon="send"),
    ),
    buttons=(
        Button(_("Test"), "access:test-router", "activity", "access.routers", post=True, order=10),
        Button(_("Reveal the secret"), "access:reveal-secret", "eye", "access.reveal", order=20),
    ),
    empty=Empty(
        _("No routers yet"),
        _(
            "A router asks us who may enter. Add it with the address its packets come from; then paste the script it needs."
        ),
        "router",
        "access:nas-new",
        _("Add a router"),
    ),
    help=_("Each router needs an address of its own, best in a tunnel to us: that is how we know it."),
)


class _Word(str):
    """A state with its word."""

    label: str

    def __new__(cls, state: str, words: dict[str, Any]) -> _Word:
        word = super().__new__(cls, state)
        word.label = str(words[state])
        return word

    @property
    def value(self) -> str:
        return str(self)


def _of_routers(request: Any) -> list[tuple[Any, Any]]:
    return list(Nas.objects.visible_to(request.actor).values_list("pk", "name"))


def _at_routers(queryset: QuerySet, values: list[str]) -> QuerySet:
    return queryset.filter(nas__in=[int(value) for value in values if value.isdecimal() and len(value) < 19])


_NAS = Filter("nas", _("Router"), choices=_of_routers, apply=_at_routers)


def _whose(session: Any) -> str:
    account = session.account
    return account.subscription.subscriber.name if account else ""


def _whose_url(session: Any) -> str:
    account = session.account
    return (
        f"{reverse('subscribers:subscriber', args=[account.subscription.subscriber_id])}?tab=network" if account else ""
    )


_PERSON = Column(
    "person", _("Subscriber"), value=_whose, needs="account__subscription__subscriber", url=_whose_url, sort=False
)

live_sessions = Screen(
    model=LiveSession,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="wifi",
    title=_("online now"),
    columns=(
        Column("username", kind="code"),
        _PERSON,
        Column("ip", sort=False),
        Column("mac", sort=False, kind="code"),
        Column("nas", sort=False),
        Column("lasted", _("Online for"), sort="started_at"),
        Column("downloaded", _("Down"), sort="out_octets"),
        Column("uploaded", _("Up"), sort="in_octets"),
        Column("updated_at", _("Last report"), kind="ago", sort="updated_at"),
        Column("prefix6", hidden=True, sort=False),
        Column("delegated6", hidden=True, sort=False),
        Column("called", hidden=True, sort=False),
        Column("session_id", hidden=True, sort=False, kind="code"),
    ),
    filters=(
        _NAS,
        Filter("walled", _("Behind the wall"), test=lambda rows: rows.filter(terms="walled"), icon="brick-wall"),
        Filter("stranger", _("Unknown username"), test=lambda rows: rows.filter(account=None), icon="user-x"),
    ),
    search=pages.search_sessions,
    search_hint=_("Username, address or device"),
    order="username",
    record=False,
    status="",
    bulk=(
        Bulk(
            "disconnect",
            _("Disconnect"),
            pages.disconnect_many,
            "unplug",
            "access.disconnect",
            _("Disconnect %(count)s sessions? Their devices may come back at once."),
            "bad",
        ),
    ),
    empty=Empty(_("Nobody is online"), _("Sessions appear here as soon as a router reports them."), "wifi"),
)

past_sessions = Screen(
    model=SessionHistory,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="history",
    columns=(
        Column("username", kind="code", sort=False),
        Column("started_at", kind="moment", sort=False, hidden=True),
        Column("ended_at", kind="moment", sort="ended_at"),
        Column("lasted", _("Lasted"), sort=False),
        Column("ip", sort=False),
        Column("mac", sort=False, kind="code"),
        Column("nas", sort=False),
        Column("downloaded", _("Down"), sort=False),
        Column("uploaded", _("Up"), sort=False),
        Column("cause", sort=False),
        Column("prefix6", hidden=True, sort=False),
        Column("delegated6", hidden=True, sort=False),
        Column("session_id", hidden=True, sort=False, kind="code"),
    ),
    filters=("ended_at", _NAS),
    search=pages.search_sessions,
    search_hint=_("Username, address or device, whole"),
    order="-ended_at",
    record=False,
    status="",
    empty=Empty(_("No past sessions yet"), _("When a session ends it is kept here."), "history"),
)

refusals = Screen(
    model=RefusedLogin,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="shield-x",
    columns=(
        Column("username", kind="code", sort=False),
        Column("reason", sort=False),
        Column("nas", sort=False),
        Column("mac", sort=False, kind="code"),
        Column("times", sort=False),
        Column("first_at", kind="moment", sort=False),
        Column("last_at", kind="ago", sort="last_at"),
    ),
    filters=("last_at",),
    search=("username__istartswith", "mac"),
    order="-last_at",
    record=False,
    status="",
    empty=Empty(
        _("No refused logins"), _("Who is turned away, and why, is kept here for ninety days."), "shield-check"
    ),
)

drift = Screen(
    model=Drift,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="git-compare",
    title=_("Drift"),
    rows="standing",
    columns=(
        Column("username", kind="code", sort=False),
        _PERSON,
        Column("kind", kind="badge", sort=False),
        Column("detail", kind="code", sort=False),
        Column("since", kind="ago", sort="since"),
        Column("nas", sort=False),
        Column(
            "sent",
            _("Last command"),
            kind="badge",
            value=lambda found: _Word(found.sent, dict(LineCommand.State.choices)) if found.sent else None,
            sort=False,
        ),
        Column("answer", _("Answer"), value=lambda found: found.answer or "", sort=False),
        Column("accepted_until", kind="moment", sort=False),
        Column("accepted_by", sort=False, hidden=True),
        Column("accepted_why", sort=False, hidden=True),
    ),
    filters=(
        "kind",
        _NAS,
        Filter("accepted", _("Accepted"), test=_accepted, icon="hand"),
        Filter("open", _("To heal"), test=_to_heal, icon="heart-pulse"),
    ),
    views=(View("open", _("To heal"), "open=1"), View("accepted", _("Accepted"), "accepted=1")),
    search=pages.search_drift,
    page_size=40,
    search_hint=_("Username"),
    order="since",
    record=False,
    status="",
    bulk=(
        Bulk(
            "heal",
            _("Heal now"),
            pages.heal_many,
            "heart-pulse",
            "access.disconnect",
            _("Send the commands for %(count)s sessions again, now? Some of them are dropped and come back."),
        ),
    ),
    buttons=(
        Button(
            _("Accept as it is"), "access:accept-drift", "hand", "access.edit", when=lambda found: not found.is_accepted
        ),
    ),
    empty=Empty(
        _("The network does what the books say"),
        _(
            "Every session has what its line should have. What differs appears here, with the time it began and what is done about it."
        ),
        "circle-check",
    ),
)

commands = Screen(
    model=LineCommand,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="send",
    columns=(
        Column("username", kind="code", sort=False),
        Column("kind", kind="text", sort=False, value=lambda command: command.get_kind_display()),
        "state",
        "answer",
        Column("reason", sort=False),
        Column("nas", sort=False),
        Column("asked_at", kind="ago", sort=False),
        Column("actor_name", kind="who", sort=False),
        Column("tries", hidden=True, sort=False),
    ),
    filters=("state", "kind", _NAS),
    search=("username__istartswith",),
    order="-pk",
    record=False,
    status="",
    views=(View("failed", _("Without success"), "state=refused&state=unanswered"),),
    empty=Empty(_("No commands yet"), _("What we tell the routers, and what they answer, is kept here."), "send"),
)
