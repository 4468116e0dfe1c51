"""What routers say themselves: their sessions, read over the API and held against ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.routers import Api, Trouble
from fiberledger.tenancy import tenant_scope

from . import served
from .models import Drift, LineCommand, LiveSession, Nas, RouterReading
from .rules import normal_mac

SHOWN = 200  # unreported sessions that are kept to be looked at
# Reports and readings pass each other on the way: what began or ended this lately is not judged.
UNSETTLED = timedelta(seconds=30)
REMOVED = "removed over the API"


@dataclass(frozen=True, slots=True)
class OnRouter:
    """One session as the router lists it."""

    id: str
    path: str
    name: str
    mac: str
    ip: str
    session_id: str
    uptime: str
    service: str = ""  # pppoe, l2tp …; none of a hotspot's

    @property
    def seconds(self) -> int:
        return seconds_of(self.uptime)


def sessions_on(api: Api) -> list[OnRouter]:
    """Everybody whom the router serves, by PPP and hotspot. Raises Trouble."""
    found = [
        OnRouter(
            row[".id"], "/ppp/active", row.get("name", "").lower(), normal_mac(row.get("caller-id", "")),
            row.get("address", ""), plain_id(row.get("session-id", "")), row.get("uptime", ""),
            row.get("service", ""),
        )
        for row in api.rows("/ppp/active", ".id", "name", "caller-id", "address", "session-id", "uptime", "service")
    ]  # fmt: skip
    return found + [
        OnRouter(
            row[".id"], "/ip/hotspot/active", row.get("user", "").lower(), normal_mac(row.get("mac-address", "")),
            row.get("address", ""), "", row.get("uptime", ""),
        )
        for row in api.rows("/ip/hotspot/active", ".id", "user", "mac-address", "address", "uptime")
    ]  # fmt: skip


def plain_id(text: str) -> str:
    """0x81100001 over the API is 81100001 over RADIUS."""
    return text.lower().removeprefix("0x").lstrip("0")


def seconds_of(uptime: str) -> int:
    """1w2d3h4m5s in seconds."""
    total, number = 0, ""
    for letter in uptime:
        if letter.isdecimal():
            number += letter
        else:
            total += int(number or 0) * {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}.get(letter, 0)
            number = ""
    return total


def match(session: Any, on_router: Iterable[OnRouter]) -> OnRouter | None:
    """The router's row for a session of ours: by its number, else by username and device or address."""
    for row in on_router:
        if row.session_id and row.session_id == plain_id(session.session_id):
            return row
    for row in on_router:
        if row.name == session.name_on_router.lower() and (row.mac == session.mac or (row.ip and row.ip == session.ip)):
            return row
    return None


@dataclass(frozen=True, slots=True)
class Compared:
    """Ours held against theirs."""

    ghosts: list[Any]  # sessions of ours that the router does not have
    strange: list[OnRouter]  # the router's that nobody reported to us
    both: list[tuple[Any, OnRouter]]  # what both have


def compare(ours: Sequence[Any], theirs: Sequence[OnRouter], at: datetime) -> Compared:
    """`at`: when the reading began; whatever is younger is left for the next one."""
    by_name: dict[str, list[OnRouter]] = {}
    for row in theirs:
        by_name.setdefault(row.name, []).append(row)
    seen, compared = set(), Compared([], [], [])
    for session in ours:
        row = match(session, by_name.get(session.name_on_router.lower(), ()))
        if row is not None:
            seen.add(row.id + row.path)
            if row.seconds > UNSETTLED.total_seconds():
                compared.both.append((session, row))
        elif max(session.started_at, session.updated_at) < at - UNSETTLED:
            compared.ghosts.append(session)
    compared.strange.extend(
        row for row in theirs if row.id + row.path not in seen and row.seconds > UNSETTLED.total_seconds()
    )
    return compared


def open_api(nas: Nas, *, seconds: float = 10) -> Api:
    return Api(
        nas.src_ip, nas.api_port, username=nas.api_username, password=nas.plain_api_password(), tls=nas.api_tls,
        pin=nas.certificate, seconds=seconds,
    )  # fmt: skip


def read_router(tenant_id: int, nas_id: int) -> None:
    """Ask one router who is on it and how they are served. Ghosts are closed at their last report; what was never reported is
    kept to be seen; who is served otherwise than granted is put right, and whom the router said it had dropped and has not, is
    dropped over the API.

    Talks with no transaction open. A router that does not answer changes nothing but the note that it did not.
    """
    with tenant_scope(tenant_id):
        nas = Nas.objects.in_use().filter(pk=nas_id).first()
    if nas is None or not nas.has_api:
        return
    at = calendar.now()
    try:
        with open_api(nas) as api:
            theirs, as_served = sessions_on(api), served.read(api, nas.walled_list)
    except Trouble as trouble:
        with tenant_scope(tenant_id):
            RouterReading.objects.update_or_create(nas=nas, defaults={"read_at": at, "problem": str(trouble)[:200]})
        return
    with tenant_scope(tenant_id):
        ours = list(
            LiveSession.objects.filter(nas=nas).only(
                "key",
                "username",
                "sent_name",
                "session_id",
                "mac",
                "ip",
                "started_at",
                "updated_at",
                "terms",
                "account_id",
            )
        )
        compared = compare(ours, theirs, at)
        _note(nas, at, theirs, compared)
        stubborn = _stubborn(nas, at)
        terms = served.granted(session.username for session, _row in compared.both)
        found = served.judge(compared.both, as_served, terms, nas.walled_list)
        to_heal = served.keep(nas, found, {session.key for session, _row in compared.both}, at - UNSETTLED)
        secret = nas.plain_secret()
    if not stubborn and not to_heal:
        return
    removed: list[LiveSession] = []
    healed: list[served.Done] = []
    with suppress(Trouble), open_api(nas) as api:
        theirs = sessions_on(api) if stubborn else []
        removed.extend(session for session in stubborn if remove(api, session, theirs))
        healed = served.heal(api, nas, to_heal, terms, secret)
    with tenant_scope(tenant_id):
        served.record(nas, healed)
        for session in removed:
            LineCommand.objects.create(
                nas=nas, session_key=session.key, username=session.username, kind="disconnect", state="confirmed",
                answer=REMOVED, reason=_("It was confirmed and went on all the same."), tries=1,
                answered_at=calendar.now(), actor_name="system",
            )  # fmt: skip


def _note(nas: Nas, at: datetime, theirs: Sequence[OnRouter], compared: Compared) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("SELECT radius_forget(%s)", [(ghost.key,) for ghost in compared.ghosts])
    RouterReading.objects.update_or_create(
        nas=nas,
        defaults={
            "read_at": at, "good_at": at, "problem": "", "active": len(theirs), "ghosts": len(compared.ghosts),
            "unreported": [
                {"name": row.name, "mac": row.mac, "ip": row.ip, "uptime": row.uptime} for row in compared.strange[:SHOWN]
            ],
        },
    )  # fmt: skip


def _stubborn(nas: Nas, at: datetime) -> list[LiveSession]:
    """Sessions that the router confirmed to have dropped a while ago, and that are on."""
    found = Drift.objects.standing().to_heal().filter(nas=nas).exclude(kind__in=["speed", *Drift.ON_ROUTER])
    keys = found.filter(sent="confirmed", sent_at__lt=at - UNSETTLED).values_list("session_key", flat=True)
    return list(LiveSession.objects.filter(key__in=list(keys[:SHOWN])))


def remove(api: Api, session: LiveSession, on_router: Iterable[OnRouter]) -> bool:
    """Drop a session over the API; False when the router does not have it. Raises Trouble.

    The router is asked for all its sessions: it keeps usernames as they were typed, and finds none in other letters.
    """
    row = match(session, [row for row in on_router if row.name == session.name_on_router.lower()])
    return row is not None and api.remove(row.path, row.id)
