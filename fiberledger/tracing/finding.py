"""Who held an address at a time: from sessions that are on or over, from fixed addresses, and through CGNAT.

Each part is an index look-up. Of the history of sessions only the months from that time on are opened: a session that held an
address then ended in one of them, for it is filed by its end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from fiberledger import calendar
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import Holding
from fiberledger.ipam.networks import Ip, supernets
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant_id

SHORTEST = 16  # of an IPv6 prefix that a session may have been given

_PAST = "SELECT nas_id, account_id, username, mac, started_at, ended_at FROM access_pastsession"
_LIVE = "SELECT nas_id, account_id, username, mac, started_at, NULL::timestamptz FROM access_livesession"
_THEN = "tenant_id = %(tenant)s AND started_at <= %(at)s"
_OVER = f"{_THEN} AND ended_at > %(at)s"
_SESSIONS_4 = f"{_PAST} WHERE {_OVER} AND ip = %(ip)s UNION ALL {_LIVE} WHERE {_THEN} AND ip = %(ip)s"
_SESSIONS_6 = " UNION ALL ".join(
    [f"{_PAST} WHERE {_OVER} AND {name} = ANY (%(nets)s) AND {name} <> ''" for name in ("prefix6", "delegated6")]
    + [f"{_LIVE} WHERE {_THEN} AND (prefix6 = ANY (%(nets)s) OR delegated6 = ANY (%(nets)s))"]
)


@dataclass(frozen=True)
class Found:
    """One who held it: the line and the person as they are in the books, and from where that is known."""

    source: str  # session, fixed, unknown
    inside: str
    line_id: int | None
    subscriber: str
    number: str
    phone: str
    national_id: str
    place: str
    plan: str
    username: str
    device: str
    began_at: str
    ended_at: str


def holders(address: Ip, port: int | None, at: datetime) -> list[Found]:
    """Everybody who held the address then; of an outside address of CGNAT, who stood behind it."""
    found: list[Found] = []
    behind = ipam.inside_of(address, port, at) if address.version == 4 else []
    for ip in [address, *(inside for inside, _rule in behind)]:
        found += _of(ip, at)
    return found


def _of(ip: Ip, at: datetime) -> list[Found]:
    rows = sessions(ip, at)
    lines = _lines_of([row[1] for row in rows])
    found = [
        _found("session", ip, lines.get(account), username, mac, began, ended)
        for _nas, account, username, mac, began, ended in rows
    ]
    seen = {one.line_id for one in found}
    for holding in Holding.objects.at(ip, at).select_related("subscription__subscriber", "subscription__plan"):
        if holding.subscription_id is None or holding.subscription_id not in seen:
            name = "" if holding.subscription_id else holding.purpose
            found.append(_found("fixed", ip, holding.subscription, name, "", holding.began_at, holding.ended_at))
    return found


def sessions(ip: Ip, at: datetime) -> list[Any]:
    """The sessions that had it: (router, account, username, device, began, ended)."""
    asked: dict[str, Any] = {"tenant": current_tenant_id(), "at": at, "ip": str(ip)}
    if ip.version == 6:
        asked["nets"] = [str(net) for net in supernets(ip) if net.prefixlen >= SHORTEST]
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS_4 if ip.version == 4 else _SESSIONS_6, asked)
        return cursor.fetchall()


def _lines_of(accounts: list[int | None]) -> dict[int | None, Subscription]:
    wanted = [pk for pk in accounts if pk is not None]
    if not wanted:
        return {}
    lines = Subscription.objects.filter(access_account__in=wanted)
    return {line.access_account.pk: line for line in lines.select_related("subscriber", "plan", "access_account")}


def _found(
    source: str, ip: Ip, line: Subscription | None, username: str, device: str, began: datetime, ended: datetime | None
) -> Found:
    person = line.subscriber if line else None
    return Found(
        source=source,
        inside=str(ip),
        line_id=line.pk if line else None,
        subscriber=person.name if person else "",
        number=person.number if person else "",
        phone=person.phone if person else "",
        national_id=person.national_id if person else "",
        place=person.address if person else "",
        plan=str(line.plan) if line else "",
        username=username,
        device=device,
        began_at=_moment(began),
        ended_at=_moment(ended),
    )


def _moment(value: datetime | None) -> str:
    return f"{calendar.local(value):%Y-%m-%d %H:%M:%S %Z}" if value else ""


def frozen(found: list[Found]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]
