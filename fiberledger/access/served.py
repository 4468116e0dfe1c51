"""How a router really serves its sessions: their speed and the wall's address list, read back and put right step by step.

RADIUS terms are what a session was granted. Somebody may change a queue or an address list on the router by hand all the
same, or a router keeps an entry that it should have dropped; then a line that paid stays cut, or one that did not is free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from fiberledger import calendar
from fiberledger.routers import Api, Trouble, coa
from fiberledger.routers.drivers.objects import TAG
from fiberledger.routers.mikrotik import Row, number

from .models import Drift, LineCommand, Nas, RadiusLine
from .rules import CHANGEABLE, WALLED

QUEUES, LISTS = "/queue/simple", "/ip/firewall/address-list"
MOST = 100  # sessions put right in one go; the next reading takes the others
AGAIN = timedelta(minutes=30)  # what could not be put right is not tried again before

UNLISTED = gettext_noop("taken off the list")
CHANGED = gettext_noop("speed changed and read back")
SWITCHED_OFF = gettext_noop("a queue made by hand switched off")
DROPPED = gettext_noop("dropped over the API: it comes back with the right terms")


@dataclass(frozen=True, slots=True)
class Served:
    """What a router says of speeds and of the list behind the wall."""

    rates: Mapping[str, str] = field(default_factory=dict)  # of its own queues, by name in lower case: bit/s up/down
    by_hand: Mapping[str, Row] = field(default_factory=dict)  # queues that somebody made and that go before, by target
    listed: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by address: the entries' .id


@dataclass(frozen=True, slots=True)
class Finding:
    """One session that is served otherwise than its terms say."""

    session: Any
    row: Any  # as the router lists it
    kind: str  # of Drift.ON_ROUTER
    detail: str


def read(api: Api, walled_list: str) -> Served:
    """The simple queues, those of the router's own making and those of somebody's, and the wall's list. Raises Trouble."""
    rates: dict[str, str] = {}
    by_hand: dict[str, Row] = {}
    for row in api.rows(QUEUES, ".id", "name", "target", "max-limit", "dynamic", "disabled", "comment"):
        if row.get("dynamic") == "true":
            rates[row.get("name", "").lower()] = row.get("max-limit", "")
        elif row.get("disabled") != "true" and not row.get("comment", "").startswith(TAG):
            for target in row.get("target", "").lower().split(","):
                by_hand.setdefault(target.removesuffix("/32"), row)
    listed: dict[str, list[str]] = {}
    if walled_list:
        for row in api.rows(LISTS, ".id", "address", list=walled_list):
            listed.setdefault(row.get("address", "").removesuffix("/32"), []).append(row[".id"])
    return Served(rates, by_hand, listed)


def judge(
    pairs: Sequence[tuple[Any, Any]], served: Served, terms: Mapping[str, Mapping[str, str]], walled_list: str
) -> list[Finding]:
    """Sessions whose terms are right and that are served otherwise.

    `pairs`: a session of ours and the router's row for it. `terms`: what a username is granted; one without a rate is not
    judged by its speed, nor is somebody who is on the same router twice (the router numbers their queues).
    """
    times = Counter(row.name for _session, row in pairs)
    found = []
    for session, row in pairs:
        is_listed = bool(row.ip) and row.ip in served.listed
        walled = session.terms == WALLED
        if walled and walled_list and row.ip and not is_listed:
            found.append(Finding(session, row, "unlisted", walled_list))
        elif not walled and is_listed:
            found.append(Finding(session, row, "listed", walled_list))
        elif not walled and (wanted := _rate(terms.get(session.username))) and times[row.name] == 1 and row.service:
            by_hand = _by_hand(served, row)
            has = by_hand.get("max-limit", "") if by_hand else served.rates.get(_queue(row), "")
            if speeds(has) != speeds(wanted):
                found.append(Finding(session, row, "rate", f"{in_words(has)} ≠ {in_words(wanted)}"))
    return found


def _queue(row: Any) -> str:
    return f"<{row.service}-{row.name}>"


def _by_hand(served: Served, row: Any) -> Row | None:
    return served.by_hand.get(_queue(row)) or served.by_hand.get(row.ip or "-")


def _rate(terms: Mapping[str, str] | None) -> str:
    return (terms or {}).get("Mikrotik-Rate-Limit", "")


def speeds(rate: str) -> tuple[int, ...]:
    """Up and down in bit/s of a rate as either side writes it: `10M/512k 20M/1M …` or `10000000/512000`. Without a limit: none."""
    limit = rate.split(" ")[0]
    numbers = tuple(_bits(part) for part in limit.split("/")) if limit else ()
    return numbers if any(numbers) else ()


def _bits(text: str) -> int:
    digits = number(text)
    return int(digits) if digits.isascii() and digits.isdecimal() else -1


def in_words(rate: str) -> str:
    """5M/20M, whoever wrote it; – without a limit."""
    return "/".join(_short(bits) for bits in speeds(rate)) or "–"


def _short(bits: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if bits and bits % size == 0:
            return f"{bits // size}{letter}"
    return str(bits)


def granted(usernames: Iterable[str]) -> dict[str, dict[str, str]]:
    """What RADIUS grants each of these usernames' lines that may be online: attribute and value."""
    lines = RadiusLine.objects.filter(username__in=list(usernames), verdict="accept")
    return {line.username: dict(line.items_for("mikrotik")) for line in lines}


def keep(nas: Nas, found: Sequence[Finding], looked_at: Set[UUID], since: datetime) -> list[Finding]:
    """Write down what differs on this router, since when, and forget what does not any more. Returns what is to be put right now.

    A session that drifts by its terms already is left to the commands that are sent for that; one for which a command is on
    its way, or was answered after `since`, to the next reading: what was read may be from before it.
    """
    now = calendar.now()
    busy, tried = set(), set()
    sent = LineCommand.objects.filter(username__in=[one.session.username for one in found], asked_at__gt=now - AGAIN)
    for command in sent.only("session_key", "state", "asked_at", "answered_at"):
        if command.state == "waiting" or max(command.asked_at, command.answered_at or command.asked_at) > since:
            busy.add(command.session_key)
        elif command.state != "confirmed":
            tried.add(command.session_key)
    found = [one for one in found if one.session.key not in busy]
    keys = {one.session.key for one in found}
    there = Drift.objects.filter(nas=nas, kind__in=Drift.ON_ROUTER).only("session_key")
    right = [drift.pk for drift in there if drift.session_key in looked_at - keys - busy]
    Drift.objects.filter(pk__in=right).delete()
    known = {drift.session_key: drift for drift in Drift.objects.filter(session_key__in=keys)}
    to_heal = []
    for one in found:
        before = known.get(one.session.key)
        if before is not None and before.kind not in Drift.ON_ROUTER:
            continue
        if before is None or (before.kind, before.detail) != (one.kind, one.detail):
            before, _new = Drift.objects.update_or_create(
                session_key=one.session.key,
                defaults={
                    "nas": nas, "account_id": one.session.account_id, "username": one.session.username, "kind": one.kind,
                    "has": one.session.terms, "wants": one.session.terms, "detail": one.detail, "since": now,
                    "again": False, "accepted_until": None, "accepted_by": "", "accepted_why": "",
                },
            )  # fmt: skip
        if not before.is_accepted and (before.again or one.session.key not in tried):
            to_heal.append(one)
    to_heal = to_heal[:MOST]
    Drift.objects.filter(session_key__in=[one.session.key for one in to_heal], again=True).update(again=False)
    return to_heal


@dataclass(frozen=True, slots=True)
class Done:
    """What was done for a finding, and whether reading back showed it."""

    finding: Finding
    kind: str  # of LineCommand
    answer: str
    seen: bool


def put_right(api: Api, nas: Nas, finding: Finding, terms: Mapping[str, str], secret: str) -> Done:
    """The smallest step that helps, and then the look whether it did: an entry taken off the list, the speed sent again, or
    the session dropped so that it comes back. Raises Trouble."""
    session, row = finding.session, finding.row
    if finding.kind == "listed":
        for entry in read(api, nas.walled_list).listed.get(row.ip, ()):
            api.remove(LISTS, entry)
        gone = row.ip not in read(api, nas.walled_list).listed
        return Done(finding, "unlist", UNLISTED if gone else finding.detail, gone)
    if finding.kind == "rate":
        if by_hand := _by_hand(read(api, ""), row):
            api.set(QUEUES, by_hand[".id"], {"disabled": True})
            return Done(finding, "change", SWITCHED_OFF, _by_hand(read(api, ""), row) is None)
        found = coa.which(session.session_id, session.name_on_router, session.ip)
        answer = coa.ask((nas.src_ip, nas.coa_port), coa.CHANGE, secret, found + coa.new_terms([item for item in terms.items() if item[0] in CHANGEABLE | {"Class"}]), tries=2)  # fmt: skip
        has = read(api, "").rates.get(_queue(row), "")
        if answer.kind == "ack" and speeds(has) == speeds(_rate(terms)):
            return Done(finding, "change", CHANGED, True)
    return Done(finding, "disconnect", DROPPED, api.remove(row.path, row.id))


def heal(
    api: Api, nas: Nas, findings: Sequence[Finding], terms: Mapping[str, Mapping[str, str]], secret: str
) -> list[Done]:
    """Put these right one after the other; where the router stops answering the others wait for the next reading."""
    done: list[Done] = []
    with suppress(Trouble):
        for finding in findings:
            done.append(put_right(api, nas, finding, terms.get(finding.session.username, {}), secret))
    return done


def record(nas: Nas, done: Iterable[Done]) -> None:
    """Note what was done; what was seen to be right is no drift any more."""
    now = calendar.now()
    for one in done:
        session = one.finding.session
        LineCommand.objects.create(
            nas=nas, session_key=session.key, username=session.username, kind=one.kind,
            state="confirmed" if one.seen else "refused", answer=_(one.answer)[:200], reason=_("The router served it otherwise."),
            tries=1, asked_at=now, answered_at=now, actor_name="system",
        )  # fmt: skip
        if one.seen:
            Drift.objects.filter(session_key=session.key, kind__in=Drift.ON_ROUTER).delete()
