"""Parts of pages: what tabs show, and how sessions are searched."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fiberledger import screens
from fiberledger.ipam.mapping import share_of, show_count
from fiberledger.ipam.models import Pool
from fiberledger.routers import dictionary
from fiberledger.screens import Column, Fact

from . import online, probing, services
from .models import (
    BindingChange,
    LineCommand,
    LiveSession,
    Nas,
    Pop,
    RadiusLine,
    RefusedLogin,
    RouterEvent,
    RouterProbe,
    RouterReading,
    SessionHistory,
    show_seconds,
)
from .rules import normal_mac

_LINES = 8  # of one subscriber, on one page


def search_sessions(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """A whole address or device, or a username's beginning; each by an index."""
    text = text.strip()
    if mac := normal_mac(text):
        return queryset.filter(mac=mac)
    try:
        return queryset.filter(ip=str(ipaddress.ip_address(text)))
    except ValueError:
        name = text.lower()
        if queryset.model is SessionHistory:
            return queryset.filter(username=name)
        return queryset.filter(username__gte=name, username__lt=name + "\U0010ffff")


def search_log(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """A whole device or a whole username; each by an index."""
    mac = normal_mac(text)
    return queryset.filter(mac=mac) if mac else queryset.filter(username=text.strip().lower())


def guessed(guess: Any) -> str:
    return guess.nas.name if guess.kind == "router" else guess.subject


def disconnect_many(request: Any, rows: QuerySet) -> None:
    count = 0
    for session in rows.select_related("account")[:1000]:
        services.disconnect(session, reason=_("Disconnected by hand"), by=request.actor)
        count += 1
    text = ngettext("%(n)d disconnection is wanted.", "%(n)d disconnections are wanted.", count) % {"n": count}
    screens.toast(request, text, "info")


def search_drift(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    return queryset.filter(username__startswith=text.strip().lower())


def heal_many(request: Any, rows: QuerySet) -> None:
    count = services.heal(list(rows[:1000]), by=request.actor)
    text = ngettext("%(n)d command was sent anew.", "%(n)d commands were sent anew.", count) % {"n": count}
    screens.toast(request, text, "info")


def commands_of_router(request: Any, nas: Nas) -> dict[str, Any]:
    rows = LineCommand.objects.filter(nas=nas).order_by("-pk")[:50]
    columns = [
        Column("username", kind="code"),
        "kind",
        "state",
        "answer",
        "reason",
        Column("asked_at", kind="ago"),
        "actor_name",
    ]
    return {"table": screens.table(columns, rows, model=LineCommand, empty=_("Nothing was commanded yet."))}


def health(request: Any, nas: Nas) -> dict[str, Any]:
    """Whether the router is there, how it is, and what happened to it."""
    rows = RouterEvent.objects.filter(nas=nas).order_by("-pk")[:50]
    columns = [Column("kind", kind="badge"), Column("at", kind="moment"), "note"]
    return {
        **probed(request, nas),
        "table": screens.table(
            columns, rows, url=None, model=RouterEvent, caption=_("What happened"), empty=_("Nothing yet."),
        ),
    }  # fmt: skip


def probed(request: Any, nas: Nas) -> dict[str, Any]:
    """What the last probe found."""
    found = RouterProbe.objects.filter(nas=nas).first()
    facts = [Fact(_("Last probe"), found.probed_at if found else _("not yet"))]
    if found and found.probed_at:
        if found.problem:
            facts.append(Fact(_("Problem"), found.problem, tone="bad"))
        facts.append(Fact(_("Last answer"), found.answered_at or _("never")))
        if found.up is not None:
            facts.append(Fact(_("Reached since") if found.up else _("Not reached since"), found.since))
        if nas.has_api and not found.problem:
            facts.append(Fact(_("API"), _("lets us in, within %(n)d ms") % {"n": found.millis or 0}, tone="good"))
        if found.commands:
            word = (
                _("answers, and the secret fits")
                if found.commands == "answers"
                else _("no answer: wrong secret, port closed or tunnel down")
            )
            facts.append(Fact(_("Commands over RADIUS"), word, tone="good" if found.commands == "answers" else "warn"))
        if found.version:
            facts += [
                Fact(_("Version"), f"{found.version} · {found.board}"),
                Fact(_("Running for"), show_seconds(found.uptime_seconds or 0)),
                Fact(_("Processor"), f"{found.cpu} %", tone="bad" if (found.cpu or 0) >= 90 else ""),
                Fact(_("Memory in use"), f"{found.memory} %", tone="bad" if (found.memory or 0) >= 90 else ""),
            ]
    if nas.api_tls:
        known = probing.fingerprint(nas.certificate) if nas.certificate else _("none yet: the first one is remembered")
        facts.append(Fact(_("Known by its certificate"), known))
    return {
        "nas": nas, "waiting": bool(found and found.is_waiting), "said": facts, "may_test": request.actor.may("access.routers"),
    }  # fmt: skip


def routers_of_pop(request: Any, pop: Pop) -> dict[str, Any]:
    rows = Nas.objects.visible_to(request.actor).filter(pop=pop).with_load().order_by("name")[:200]
    columns = [
        "name",
        Column("src_ip", kind="code"),
        "kind",
        Column("load", _("Sessions")),
        Column("last_seen_at", kind="ago"),
    ]
    return {"table": screens.table(columns, rows, model=Nas, empty=_("No router stands here yet."))}


def pools_of_router(request: Any, nas: Nas) -> dict[str, Any]:
    """Its pools, and how much of each is in use by whoever is online here."""
    pools = list(Pool.objects.filter(routers__nas=nas).select_related("prefix").order_by("name", "first"))
    online = services.online_in(pools, nas=nas)
    columns = [
        Column("name", kind="code"), Column("first", kind="code"), Column("last", kind="code"),
        Column("size", _("Serves"), value=lambda pool: show_count(pool.size)),
        Column("online", _("Online now"), value=lambda pool: online.get(pool.pk, 0), kind="number"),
        Column("used", _("Used"), value=lambda pool: share_of(online.get(pool.pk, 0), pool.size)),
        "prefix",
    ]  # fmt: skip
    return {
        "nas": nas,
        "may_choose": request.actor.may("access.routers"),
        "table": screens.table(columns, pools, model=Pool, empty=_("No pool was named for this router yet.")),
    }


def on_router(request: Any, nas: Nas) -> dict[str, Any]:
    """What the router said of its sessions when it was last asked."""
    found = RouterReading.objects.filter(nas=nas).first()
    columns = [
        Column("name", _("Username"), kind="code"), Column("mac", _("Device"), kind="code"),
        Column("ip", _("Address")), Column("uptime", _("Online for")),
    ]  # fmt: skip
    facts = [Fact(_("Last asked"), found.read_at if found else _("not yet"))]
    if found:
        facts += [Fact(_("Problem"), found.problem, tone="bad")] if found.problem else []
        facts += [
            Fact(_("On the router"), f"{found.active:,}"),
            Fact(_("Reported to us"), f"{LiveSession.objects.filter(nas=nas).count():,}"),
            Fact(_("Were over without a report"), f"{found.ghosts:,}"),
        ]
    return {
        "nas": nas,
        "said": facts,
        "may_ask": request.actor.may("access.routers"),
        "table": screens.table(
            columns, found.unreported if found else [], url=None,
            caption=_("On the router, and never reported to us"), empty=_("Whoever is on the router was reported to us."),
        ),
    }  # fmt: skip


def setup(request: Any, nas: Nas) -> dict[str, Any]:
    """The commands to paste into the router. What is secret stands in it only for who revealed it."""
    from .routeros import VERSIONS, our_address, script

    asked = request.GET.get("os", "")
    version = int(asked) if asked in map(str, VERSIONS) else VERSIONS[0]
    return {
        "nas": nas,
        "script": script(nas, server=our_address(request.get_host()), version=version),
        "version": version,
        "versions": VERSIONS,
        "mikrotik": nas.kind == Nas.Kind.MIKROTIK,
        "may_reveal": request.actor.may("access.routers") and request.actor.may("access.reveal"),
        "filename": f"fiberledger-{nas.pk}.rsc",
    }


def attribute_facts(request: Any, attribute: Any) -> list[Fact]:
    found = dictionary.look_up(attribute.name)
    if found is None:
        return [Fact(_("FreeRADIUS"), _("knows no such attribute"), tone="bad", icon="circle-help")]
    vendor = found[0].vendor or _("everybody's")
    return [
        Fact(_("Vendor"), vendor, icon="factory"),
        Fact(_("Number"), f"{found[0].vendor_number}.{found[0].number}" if found[0].vendor else str(found[0].number)),
        Fact(_("Value"), found[0].kind),
    ]


def _kind_for(sessions: list[LiveSession], kinds: list[str]) -> str:
    """Of the router the line is on, else of one there is."""
    return sessions[0].nas.kind if sessions else "mikrotik" if "mikrotik" in kinds or not kinds else kinds[0]


def network(request: Any, subscriber: Any) -> dict[str, Any]:
    """A subscriber's lines on the network: account, online now, wanted against projected, why refused, sessions."""
    from fiberledger.subscriptions.models import Subscription

    from .models import AccessAccount

    lines, before = [], request.GET.get("before", "")
    subscriptions = Subscription.objects.filter(subscriber=subscriber).select_related("plan").order_by("-id")
    if before.isdecimal() and len(before) < 19:
        subscriptions = subscriptions.filter(pk__lt=int(before))
    shown = list(subscriptions[: _LINES + 1])
    older, shown = shown[_LINES - 1].pk if len(shown) > _LINES else None, shown[:_LINES]
    accounts = {
        account.subscription_id: account
        for account in AccessAccount.objects.filter(subscription__in=shown).select_related("only_nas")
    }
    usernames = [account.username.lower() for account in accounts.values()]
    projected = {line.account_id: line for line in RadiusLine.objects.filter(account__in=list(accounts.values()))}
    live: dict[str, list[LiveSession]] = {}
    for session in LiveSession.objects.filter(username__in=usernames).select_related("nas").order_by("started_at"):
        live.setdefault(session.username, []).append(session)
    said = online.facts([session for sessions in live.values() for session in sessions])
    refused = {row.username: row for row in RefusedLogin.objects.filter(username__in=usernames).select_related("nas")}
    kinds = sorted(services.kinds_in_use())
    for subscription in shown:
        account = accounts.get(subscription.pk)
        if account is None:
            lines.append({"subscription": subscription, "account": None})
            continue
        line, name = projected.get(account.pk), account.username.lower()
        sessions = live.get(name, [])
        kind = _kind_for(sessions, kinds)
        refusal = refused.get(name)
        # Routers count time in whole seconds.
        if refusal and sessions and sessions[-1].started_at + timedelta(seconds=1) > refusal.last_at:
            refusal = None
        lines.append(
            {
                "subscription": subscription,
                "account": account,
                "line": line,
                "items": [(name, value) for name, value in line.items_for(kind) if name != "Class"] if line else [],
                "at": dict(Nas.Kind.choices)[kind] if line else "",
                "sessions": [
                    (session, line is not None and session.terms not in ("", line.terms), said.get(session.key, ()))
                    for session in sessions
                ],
                "refusal": refusal,
                "bindings": BindingChange.objects.filter(account=account).select_related("nas").order_by("-pk")[:5],
                "commands": LineCommand.objects.filter(username=name).order_by("-pk")[:5],
            }
        )
    past = SessionHistory.objects.filter(username__in=usernames).select_related("nas").order_by("-ended_at")[:50]
    columns = [
        Column("started_at", kind="moment"), Column("lasted", _("Lasted")), "ip", Column("mac", kind="code"),
        Column("downloaded", _("Down")), Column("uploaded", _("Up")), "cause", "nas",
    ]  # fmt: skip
    if len(usernames) > 1:
        columns.insert(0, Column("username", kind="code"))
    may = request.actor.may
    return {
        "lines": lines,
        "older": older,
        "past": screens.table(
            columns, past, model=SessionHistory, url=lambda row: "", caption=_("Past sessions"),
            empty=_("No past sessions."),
        ),
        "may_edit": may("access.edit"),
        "may_reveal": may("access.reveal"),
        "may_disconnect": may("access.disconnect"),
    }  # fmt: skip
