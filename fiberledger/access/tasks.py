"""The jobs: what talks to routers, and what runs by the clock."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from django.db import connection, transaction

from fiberledger import calendar, jobs
from fiberledger.identity import Actor
from fiberledger.routers import Trouble, coa
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant

from . import probing, reading, services
from .models import LineCommand, LiveSession, Nas, RadiusLine, RouterEvent
from .rules import CHANGEABLE, CHANGEABLE_ELSEWHERE

AT_ONCE = 200  # commands a job sends before it lets another router's job go first
FEW = 10  # of them that are looked up together; what is urgent comes next
BETWEEN = 0.02  # seconds: small routers take about fifty a second


@jobs.task("access.apply_access")
def apply_access(tenant_id: int, subscription_ids: list[int], **_: object) -> None:
    """The network obeys the subscriptions: projection first, then the sessions that are on."""
    with tenant_scope(tenant_id):
        services.let_go_addresses(subscription_ids, by=Actor.system("network"))
        services.apply_now(subscription_ids)


@jobs.task("access.follow_addresses")
def follow_addresses(tenant_id: int, subscription_ids: list[int], **_: object) -> None:
    """Addresses were given or taken back where they are kept: the accounts and the network follow."""
    with tenant_scope(tenant_id):
        services.follow_addresses(subscription_ids)


@jobs.task("access.apply_plan")
def apply_plan(tenant_id: int, plan_id: int, **_: object) -> None:
    """The plan was edited: all its lines."""
    from fiberledger.subscriptions.models import Subscription

    with tenant_scope(tenant_id):
        ids = list(Subscription.objects.filter(plan_id=plan_id).values_list("pk", flat=True))
        services.apply_now(ids)


@jobs.task("access.write_lines")
def write_lines(tenant_id: int) -> None:
    """Every line's answer, in the words of all kinds of routers there are now."""
    with tenant_scope(tenant_id):
        services.rebuild()


@jobs.task("access.send_commands")
def send_commands(tenant_id: int, nas_id: int) -> None:
    """Send what waits for one router, one after the other, with no transaction open while we wait for it.

    A few at a time, the urgent ones first: whoever has just paid does not wait behind a thousand that are cut. An urgent
    job sends those alone.
    """
    tried: list[int] = []
    silent, nas = False, None
    while len(tried) < AT_ONCE:
        with tenant_scope(tenant_id):
            nas = Nas.objects.filter(pk=nas_id).first()
            turn = LineCommand.objects.in_turn().filter(nas_id=nas_id).exclude(pk__in=tried)
            batch = list((turn.filter(urgent=True) if jobs.is_urgent() else turn)[:FEW])
            if nas is None or not batch:
                break
            sessions = {s.key: s for s in LiveSession.objects.filter(key__in=[c.session_key for c in batch])}
            names = {s.username for s in sessions.values()}
            lines = {line.username: line for line in RadiusLine.objects.filter(username__in=names)}
            secret = nas.plain_secret()
        for command in batch:
            silent = _send(tenant_id, nas, secret, command, sessions.get(command.session_key), lines, silent)
        tried += [command.pk for command in batch]
    if nas is None or not tried:
        return
    with tenant_scope(tenant_id):
        if nas.has_api:
            services.ask_router(nas_id, at=calendar.now() + reading.UNSETTLED)
        if LineCommand.objects.waiting().filter(nas_id=nas_id).exists():
            services.send_soon(nas_id, at=calendar.now() + timedelta(seconds=30) if silent else None)


def _send(
    tenant_id: int,
    nas: Nas,
    secret: str,
    command: LineCommand,
    session: LiveSession | None,
    lines: dict[str, RadiusLine],
    silent: bool,
) -> bool:
    """One command, and what became of it; returns whether the router kept silent."""
    if session is None:
        _record(tenant_id, command, coa.Answer("nak", coa.NO_SUCH_SESSION), None, None)
        return silent
    if silent and not nas.has_api:  # it did not answer the one before: do not let each cost three seconds
        _record(tenant_id, command, coa.Answer("silence"), session, None)
        return silent
    line = None if command.by_hand else _granted(lines.get(session.username))
    if line is not None and line.terms == session.terms:
        _record(tenant_id, command, coa.Answer("ack"), None, None)  # put right in the meantime
        return silent
    address = (nas.src_ip, nas.coa_port)
    found = coa.which(session.session_id, session.name_on_router, session.ip)
    answer = coa.Answer("silence") if silent else None
    if answer is None and line is not None and line.terms[:6] == session.terms[:6]:
        items = [
            item for item in line.items_for(nas.kind) if item[0] in (CHANGEABLE | CHANGEABLE_ELSEWHERE | {"Class"})
        ]
        answer = coa.ask(address, coa.CHANGE, secret, found + coa.new_terms(items))
    if answer is None or (answer.kind == "nak" and answer.error != coa.NO_SUCH_SESSION):
        # A router that will not change the session drops it: the client comes back with the right terms.
        answer = coa.ask(address, coa.DISCONNECT, secret, found)
        line = None
    silent = answer.kind == "silence"
    if answer.kind != "ack" and answer.error != coa.NO_SUCH_SESSION and nas.has_api:
        answer, line = _over_api(nas, session) or answer, None
    _record(tenant_id, command, answer, session, line)
    time.sleep(BETWEEN)
    return silent


def _over_api(nas: Nas, session: LiveSession) -> coa.Answer | None:
    """The way round: drop the session over the router's API. None where that does not answer either."""
    try:
        with reading.open_api(nas, seconds=5) as api:
            removed = reading.remove(api, session, reading.sessions_on(api))
    except Trouble:
        return None
    return coa.Answer("ack", said=reading.REMOVED) if removed else coa.Answer("nak", coa.NO_SUCH_SESSION)


@jobs.task("access.read_router")
def read_router(tenant_id: int, nas_id: int) -> None:
    """Who is on the router, by its own account, held against what we think."""
    reading.read_router(tenant_id, nas_id)


@jobs.task("access.probe")
def probe(tenant_id: int) -> None:
    """Which of the tenant's routers are there, and how they are."""
    probing.probe(tenant_id)


@jobs.task("access.probe_router")
def probe_router(tenant_id: int, nas_id: int) -> None:
    """Somebody wants to know of this one: its API and its ear for commands."""
    probing.probe(tenant_id, [nas_id], thorough=True)


def _granted(line: RadiusLine | None) -> RadiusLine | None:
    """The line, when it may be online on its own terms."""
    if line is None or line.verdict != "accept":
        return None
    return None if any(end and end <= calendar.now() for end in (line.ends_at, line.cut_at)) else line


def _record(
    tenant_id: int, command: LineCommand, answer: coa.Answer, session: LiveSession | None, line: RadiusLine | None
) -> None:
    """What became of the command. After three silences it counts as unanswered; the next reconciliation wants it anew."""
    tries = command.tries + 1
    if answer.kind == "silence":
        state = "waiting" if tries < 3 else "unanswered"
    elif answer.kind == "nak":
        state = "gone" if answer.error == coa.NO_SUCH_SESSION else "refused"
    else:
        state = "confirmed"
    with tenant_scope(tenant_id):
        LineCommand.objects.filter(pk=command.pk, state="waiting").update(
            state=state,
            tries=tries,
            answer=answer.words,
            answered_at=None if answer.kind == "silence" else calendar.now(),
        )
        if session is None:
            return
        if state == "gone":
            with connection.cursor() as cursor:
                cursor.execute("SELECT radius_forget(%s)", [session.key])
        elif state == "confirmed" and line is not None:
            LiveSession.objects.filter(key=session.key).update(terms=line.terms)


@jobs.task("access.reconcile")
def reconcile(tenant_id: int) -> None:
    """Every live session has the terms its line has now; those that do not get a command."""
    with tenant_scope(tenant_id):
        services.note_bindings()
        services.reconcile()
        for nas in Nas.objects.in_use().exclude(api_username=""):
            services.ask_router(nas.pk)


@jobs.task("access.check_projection")
def check_projection(tenant_id: int) -> None:
    """Nightly: the projection is made equal to the rules, and old commands and refusals are forgotten."""
    with tenant_scope(tenant_id):
        services.rebuild()
        old = calendar.now() - timedelta(days=90)
        LineCommand.objects.filter(asked_at__lt=old).exclude(state="waiting").delete()
        services.forget_refusals(old)
        RouterEvent.objects.filter(at__lt=calendar.now() - timedelta(days=400)).delete()
    reconcile(tenant_id)


@jobs.periodic("* * * * *", "access.sweep")
def sweep() -> None:
    """Every minute: sessions gone silent are closed, those that are over filed, and the lines of edited plans written anew."""
    services.sweep()
    while services.file_sessions() == 50_000:
        pass
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, plan_id FROM access_take_edited_plans()")
        for tenant_id, plan_id in cursor.fetchall():
            jobs.enqueue("access.apply_plan", tenant_id=tenant_id, plan_id=plan_id)


@jobs.periodic("* * * * *", "access.probe_all")
def probe_all() -> None:
    """Every minute, each tenant's routers at a second of its own."""
    for tenant_id in Tenant.objects.filter(status="active", kind="isp").values_list("pk", flat=True):
        at = calendar.now() + timedelta(seconds=tenant_id * 7 % 50)
        jobs.enqueue("access.probe", tenant_id=tenant_id, at=at, lock="access.probe", queueing_lock="access.probe")


@jobs.periodic("*/5 * * * *", "access.reconcile_all")
def reconcile_all() -> None:
    jobs.for_each_tenant("access.reconcile")


@jobs.periodic("17 22 * * *", "access.check_all")
def check_all() -> None:
    jobs.for_each_tenant("access.check_projection")


@jobs.periodic("40 */6 * * *", "access.keep_partitions")
def keep_partitions() -> None:
    """Four months of partitions ahead; those beyond the retention dropped."""
    services.make_partitions()
    months = int(os.environ.get("SESSION_MONTHS", "24"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_drop_partitions(%s)", [calendar.now() - timedelta(days=31 * max(months, 4))])
    kept = int(os.environ.get("LOGIN_MONTHS", "6"))
    services.drop_login_entries(calendar.now() - timedelta(days=31 * max(kept, 2)))
