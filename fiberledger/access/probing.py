"""Whether each router is there: asked every minute by a job, all of a tenant's at once, none of them waited for by others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.routers import Changed, Denied, Refused, Trouble, coa
from fiberledger.tenancy import Refusal, tenant_scope

from . import reading
from .models import Nas, RouterEvent, RouterProbe

AT_ONCE = 24
PATIENCE = 5.0  # seconds for one router, logging in included
DOWN_AFTER = 2  # probes in a row without an answer
DENIED_AFTER = 3
_SAID = ("version", "board-name", "uptime", "cpu-load", "free-memory", "total-memory")
_WRITTEN = (
    "probed_at", "answered_at", "failures", "failing_since", "up", "since", "millis", "problem", "denied", "commands", "cpu",
    "memory", "uptime_seconds", "version", "board",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What came of asking one router."""

    there: bool
    problem: str = ""
    denied: bool = False
    certificate: str = ""  # over TLS, the one it is or may be known by
    offered: str = ""  # another one than that
    millis: int | None = None
    resource: dict[str, str] | None = None
    commands: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a router being there, from one probe to the next."""

    up: bool | None = None
    since: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None


def judge(before: Standing, there: bool, heard_at: datetime | None, at: datetime) -> Standing:
    """What a probe changes. A router is down after two probes without an answer, unless its own packets came meanwhile;
    one that never answered a probe is not known to be down."""
    if there:
        return Standing(True, before.since if before.up else at)
    failing = before.failing_since or at
    failed = replace(before, failures=before.failures + 1, failing_since=failing)
    if not before.up or failed.failures < DOWN_AFTER or (heard_at is not None and heard_at > failing):
        return failed
    return replace(failed, up=False, since=at)


def ask(nas: Nas, secret: str, *, thorough: bool = False) -> Said:
    """One router, within its time. Over its API where we have one, else by a command that harms nobody; `thorough`: both."""
    said = _over_api(nas) if nas.has_api else None
    if said is not None and not thorough:
        return said
    answer = coa.ask(
        (nas.src_ip, nas.coa_port), coa.DISCONNECT, secret, coa.which("fiberledger-test", "fiberledger-test", None),
        tries=2, wait=1.0,
    )  # fmt: skip
    words = "answers" if answer.kind != "silence" else "no answer"
    if said is not None:
        return replace(said, commands=words)
    return Said(there=answer.kind != "silence", commands=words, problem="" if words == "answers" else "no answer")


def _over_api(nas: Nas) -> Said:
    began = time.monotonic()
    try:
        with reading.open_api(nas, seconds=PATIENCE) as api:
            rows = api.rows("/system/resource", *_SAID)
            millis = int((time.monotonic() - began) * 1000)
            return Said(True, certificate=api.certificate, millis=millis, resource=rows[0] if rows else {})
    except Changed as changed:
        return Said(True, problem=str(changed), offered=changed.offered or "none")
    except Denied as denied:
        return Said(True, problem=str(denied), denied=True)
    except Refused as refused:
        return Said(True, problem=str(refused)[:200])
    except Trouble as trouble:
        return Said(False, problem=str(trouble)[:200])


def probe(tenant_id: int, nas_ids: Sequence[int] | None = None, *, thorough: bool = False) -> None:
    """Ask all routers in use, or these, with no transaction open, and write down what came of it."""
    with tenant_scope(tenant_id):
        routers = Nas.objects.in_use().order_by("pk")
        if nas_ids is not None:
            routers = routers.filter(pk__in=list(nas_ids))
        # Secrets are opened here: the threads ask no database.
        asked = [(nas, nas.plain_secret(), nas.plain_api_password()) for nas in routers]
    if not asked:
        return
    at = calendar.now()
    with ThreadPoolExecutor(min(AT_ONCE, len(asked))) as threads:
        said = list(threads.map(lambda one: ask(one[0], one[1], thorough=thorough), asked))
    with tenant_scope(tenant_id):
        record([(nas, answer) for (nas, _secret, _password), answer in zip(asked, said, strict=True)], at)


@transaction.atomic
def record(answers: Sequence[tuple[Nas, Said]], at: datetime) -> None:
    """What the probes found: how each router stands, and what happened to it."""
    ids = [nas.pk for nas, _said in answers]
    known = {probe.nas_id: probe for probe in RouterProbe.objects.filter(nas__in=ids)}
    now = {nas.pk: nas for nas in Nas.objects.filter(pk__in=ids)}  # what was saved while we asked
    rows, events = [], []
    for nas, said in answers:
        if (current := now.get(nas.pk)) is None:
            continue
        row = known.get(nas.pk) or RouterProbe(nas=current)
        before = Standing(row.up, row.since, row.failures, row.failing_since)
        after = judge(before, said.there, current.last_seen_at, at)
        if before.up is not None and after.up != before.up:
            events.append(RouterEvent(nas=current, kind="up" if after.up else "down", at=at, note=said.problem))
        row.up, row.since, row.failures, row.failing_since = after.up, after.since, after.failures, after.failing_since
        row.probed_at, row.problem = at, said.problem
        row.answered_at = at if said.there else row.answered_at
        row.denied = row.denied + 1 if said.denied else 0
        row.commands = said.commands or row.commands
        if row.denied == DENIED_AFTER:
            events.append(RouterEvent(nas=current, kind="denied", at=at))
        if said.resource is not None:
            row.millis = said.millis
            _describe(row, said.resource)
        events += _certificate(current, said, at)
        rows.append(row)
    RouterProbe.objects.bulk_create(rows, update_conflicts=True, unique_fields=["nas"], update_fields=_WRITTEN)
    RouterEvent.objects.bulk_create(events)


def _describe(row: RouterProbe, resource: dict[str, str]) -> None:
    free, total = _number(resource.get("free-memory")), _number(resource.get("total-memory"))
    cpu = _number(resource.get("cpu-load"))
    row.cpu = min(cpu, 100) if cpu is not None else None
    row.memory = 100 - min(free * 100 // total, 100) if free is not None and total else None
    row.uptime_seconds = reading.seconds_of(resource.get("uptime", ""))
    row.version, row.board = resource.get("version", "")[:40], resource.get("board-name", "")[:60]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def _certificate(nas: Nas, said: Said, at: datetime) -> list[RouterEvent]:
    """The first certificate is remembered; another one is kept beside it until somebody accepts it."""
    if said.certificate:
        if nas.certificate != said.certificate and not nas.certificate:
            Nas.objects.filter(pk=nas.pk, certificate="").update(certificate=said.certificate)
        if nas.certificate_offered:
            Nas.objects.filter(pk=nas.pk).update(certificate_offered="")
    elif said.offered and said.offered != nas.certificate_offered:
        Nas.objects.filter(pk=nas.pk).update(certificate_offered=said.offered)
        return [RouterEvent(nas=nas, kind="certificate", at=at, note=fingerprint(said.offered))]
    return []


def fingerprint(digest: str) -> str:
    """As a router's own pages show it: pairs, in groups one can read out."""
    return digest if digest == "none" else " ".join(digest[n : n + 8] for n in range(0, len(digest), 8))


def want(nas: Nas) -> None:
    """Have a job ask this router everything, now; the answer shows when it is there."""
    RouterProbe.objects.update_or_create(nas=nas, defaults={"asked_at": calendar.now()})
    lock = f"access.probe:{nas.pk}"
    jobs.enqueue("access.probe_router", nas_id=nas.pk, lock=lock, queueing_lock=lock, priority=jobs.SOON)


def accept_certificate(nas: Nas, *, by: Any) -> None:
    """From now on the router is known by the certificate that it showed last."""
    offered = nas.certificate_offered
    if not offered:
        raise Refusal(_("It shows the certificate it is known by."))
    audit.note(
        by, "router.certificate_accepted", nas, before={"certificate": nas.certificate}, after={"certificate": offered}
    )
    nas.certificate, nas.certificate_offered = "" if offered == "none" else offered, ""
    nas.save(update_fields=["certificate", "certificate_offered"])
    want(nas)
