from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Bulk, Button, Column, Empty, Fact, Filter, Screen, Tab, View
from fiberledger.screens.cells import looks

from . import online, pages
from .forms import AttributeForm, NasForm, PopForm
from .models import (
    REASONS,
    Drift,
    LineCommand,
    LiveSession,
    LoginEntry,
    LoginGuess,
    Nas,
    Pop,
    RadiusAttribute,
    RefusedLogin,
    SessionHistory,
    show_seconds,
)
from .rules import OF_BINDING

looks("good", "radio", "heard")
looks("bad", "radio", "silent")
looks("quiet", "circle-slash", "off", "gone")
looks("bad", "circle-help", "unanswered")
looks("good", "signature", "signed")
looks("warn", "pen-off", "both", "unsigned")
looks("bad", "door-open", "intruder", "outside")
looks("warn", "user-x", "user")
looks("warn", "router", "router")
looks("warn", "smartphone", "device")
looks("warn", "brick-wall", "shut_in")
looks("warn", "gauge", "speed", "terms")
looks("bad", "unplug", "down")
looks("good", "plug", "up")
looks("bad", "key-round", "denied")
looks("bad", "shield-alert", "certificate")

REACHED = {"up": _("Reached"), "down": _("Not reached")}
STATES = {"heard": _("Heard"), "silent": _("Silent"), "new": _("Never heard"), "off": _("Not in use")}
SIGNS = {
    "signed": _("Signed"), "both": _("Some are signed"), "unsigned": _("Not signed"), "unheard": _("None heard"),
}  # fmt: skip


def _down(rows: Any) -> Any:
    return rows.down()


def _full(rows: Any) -> Any:
    return rows.nearly_full()


def _reached(nas: Nas) -> Any:
    """Up or down by our probes, where that is known."""
    up = getattr(nas, "probe_up", None)
    return None if up is None or not nas.active else _Word("up" if up else "down", REACHED)


def _percent(name: str) -> Any:
    return lambda nas: f"{value} %" if (value := getattr(nas, name, None)) is not None else ""


def _silent(rows: Any) -> Any:
    return rows.silent()


def _unsigned(rows: Any) -> Any:
    return rows.unsigned()


def _because(queryset: QuerySet, values: list[str]) -> QuerySet:
    return queryset.filter(reason__in=[value for value in values if value in REASONS])


_REASON = Filter("reason", _("Why"), choices=list(REASONS.items()), apply=_because)


def _shut_out(rows: Any) -> Any:
    return rows.shut_out()


def _moved(rows: Any) -> Any:
    return rows.filter(reason__in=OF_BINDING)


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
        Column("reached", _("Probe"), kind="badge", value=_reached, sort=False),
        "src_ip",
        Column("pop", sort=False),
        Column("load", _("Sessions"), sort=False),
        Column("last_seen_at", kind="ago"),
        Column("signs", _("Its logins"), kind="badge", value=lambda nas: _Word(nas.signs, SIGNS), hidden=True),
        Column("signing", hidden=True),
        Column(
            "answered_at",
            _("Last answer"),
            kind="ago",
            value=lambda nas: getattr(nas, "probe_answered_at", None),
            sort=False,
        ),
        Column("cpu", _("Processor"), value=_percent("probe_cpu"), sort=False),
        Column("memory", _("Memory in use"), value=_percent("probe_memory"), sort=False, hidden=True),
        Column(
            "uptime",
            _("Running for"),
            value=lambda nas: show_seconds(getattr(nas, "probe_uptime_seconds", None) or 0),
            sort=False,
            hidden=True,
        ),
        Column(
            "version",
            _("Version"),
            value=lambda nas: getattr(nas, "probe_version", None) or "",
            sort=False,
            hidden=True,
        ),
        Column("kind", hidden=True),
        Column("branch", hidden=True, sort=False),
        Column("for_suspended", hidden=True),
        Column("interim_seconds", hidden=True),
        Column("active", hidden=True),
        Column("note", hidden=True),
    ),
    filters=(
        "pop",
        "branch",
        Filter("area", _("Area"), lookup="pop__area"),
        "kind",
        "active",
        Filter("down", _("Not reached"), test=_down, icon="unplug"),
        Filter("silent", _("Silent"), test=_silent, icon="radio"),
        Filter("unsigned", _("Without signature"), test=_unsigned, icon="pen-off"),
        Filter("full", _("Nearly full"), test=_full, icon="gauge"),
    ),
    views=(View("unsigned", _("Without signature"), "unsigned=1"),),
    search=("name__icontains", "src_ip", "note__icontains"),
    order="name",
    rows="with_load",
    page_size=40,
    facts=_nas_facts,
    status="",
    number="src_ip",
    sections=(
        (_("Router"), ("name", "kind", "src_ip", "tunnel", "pop", "branch", "capacity", "active", "note")),
        (_("RADIUS"), ("interim_seconds", "signing", "signed_at", "unsigned_at", "coa_port")),
        (_("MikroTik API"), ("api_username", "api_port", "api_tls")),
        (_("Who is not served"), ("for_suspended", "for_unknown", "walled_pool", "walled_list", "walled_rate")),
    ),
    tabs=(
        Tab("health", _("Health"), "access/_health.html", pages.health, order=15, icon="heart-pulse"),
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
        Tab("pools", _("Pools"), "access/_pools.html", pages.pools_of_router, order=27, icon="layers"),
        Tab("commands", _("Commands"), "access/_table_tab.html", pages.commands_of_router, order=30, icon="send"),
    ),
    buttons=(
        Button(_("Test"), "access:test-router", "activity", "access.routers", post=True, order=10),
        Button(_("Reveal the secret"), "access:reveal-secret", "eye", "access.reveal", order=20),
        Button(
            _("Reveal the API password"),
            "access:reveal-api-password",
            "eye",
            "access.reveal",
            order=21,
            when=lambda nas: bool(nas.api_password),
        ),
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


pops = Screen(
    model=Pop,
    form=PopForm,
    view_needs="access.routers_view",
    edit_needs="access.routers",
    create_needs="access.routers",
    icon="map-pin",
    columns=(
        "name",
        Column("branch", sort=False),
        Column("area", sort=False),
        Column("address", sort=False),
        Column("routers", _("Routers"), kind="number", value=lambda pop: getattr(pop, "routers", None), sort=False),
        Column("note", hidden=True, sort=False),
    ),
    filters=("branch", "area"),
    search=("name__icontains", "address__icontains"),
    order="name",
    rows="with_routers",
    status="",
    tabs=(Tab("routers", _("Routers"), "access/_table_tab.html", pages.routers_of_pop, order=10, icon="router"),),
    empty=Empty(
        _("No points of presence yet"),
        _("A tower, a cabinet, a room: where routers stand. Routers are found and counted by it."),
        "map-pin",
        "access:pop-new",
        _("Add a point of presence"),
    ),
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
    rows="listed",
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
        *online.columns(),
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
    page_size=40,
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
        Column("port", sort=False, kind="code", hidden=True),
        Column("times", sort=False),
        Column("first_at", kind="moment", sort=False),
        Column("last_at", kind="ago", sort="last_at"),
    ),
    filters=("last_at", _REASON, _NAS, Filter("moved", _("Another device"), test=_moved, icon="replace")),
    views=(View("moved", _("Another device"), "moved=1"),),
    search=("username__istartswith", "mac"),
    buttons=(
        Button(
            _("Bind to this device"),
            "access:rebind",
            "link",
            "access.edit",
            post=True,
            confirm=_(
                "The line is bound to the device, port and router of this try from now on, and the old device no longer gets in."
            ),
            when=lambda refused: refused.is_of_binding,
        ),
    ),
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
    page_size=35,
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

attributes = Screen(
    model=RadiusAttribute,
    form=AttributeForm,
    view_needs="access.routers_view",
    edit_needs="access.routers",
    create_needs="access.routers",
    icon="braces",
    columns=(
        "name",
        Column("value", kind="code", sort=False),
        Column("kind", sort=False),
        Column("plan", sort=False),
        Column("active", sort=False),
        Column("note", hidden=True, sort=False),
    ),
    filters=("kind", "plan", "active"),
    search=("name__icontains", "value__icontains"),
    order="name",
    status="",
    facts=pages.attribute_facts,
    buttons=(
        Button(
            _("Remove"),
            "access:remove-attribute",
            "trash-2",
            "access.routers",
            post=True,
            confirm=_("Lines are no longer answered this from their next login on."),
            tone="bad",
        ),
    ),
    empty=Empty(
        _("No attributes of your own"),
        _(
            "Speed, pool, profile and the wall are told each kind of router in its own words already. Add what yours need beside that."
        ),
        "braces",
        "access:radiusattribute-new",
        _("Add an attribute"),
    ),
    help=_("They count from a line's next login on; sessions that are on stay as they are."),
)

login_log = Screen(
    model=LoginEntry,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="scroll-text",
    columns=(
        Column("at", kind="moment", sort="at"),
        Column("username", kind="code", sort=False),
        Column("reason", sort=False),
        Column("nas", sort=False),
        Column("mac", sort=False, kind="code"),
        Column("times", sort=False),
        Column("port", sort=False, kind="code", hidden=True),
        Column("last_at", kind="moment", sort=False, hidden=True),
    ),
    filters=("at", _REASON, _NAS),
    search=pages.search_log,
    search_hint=_("Username or device, whole"),
    order="-at",
    record=False,
    status="",
    empty=Empty(
        _("No refused logins"),
        _("Every login that is turned away is written down here, once a minute at the most."),
        "scroll-text",
    ),
)

guessing = Screen(
    model=LoginGuess,
    view_needs="access.sessions",
    edit_needs="-",
    create_needs="-",
    icon="siren",
    title=_("Password guessing"),
    rows="guessing",
    columns=(
        Column("subject", kind="code", sort=False, value=pages.guessed),
        Column("kind", kind="badge", sort=False),
        Column("tries", sort=False),
        Column("began_at", kind="moment", sort=False),
        Column("alerted_at", kind="ago", sort="alerted_at"),
        Column("nas", sort=False),
        Column("blocked_until", kind="moment", sort=False),
    ),
    filters=("kind", _NAS, Filter("shut-out", _("Shut out now"), test=_shut_out, icon="ban")),
    search=("subject__istartswith",),
    search_hint=_("Username or device"),
    order="-alerted_at",
    record=False,
    status="",
    buttons=(
        Button(
            _("Let in again"),
            "access:let-in",
            "door-open",
            "access.edit",
            post=True,
            when=lambda guess: guess.is_shut_out,
        ),
    ),
    empty=Empty(
        _("Nobody guesses passwords"),
        _("Who is wrong more often than the login rules allow, for one username or from one device, appears here."),
        "shield-check",
    ),
)
