from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.access import accepting
from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount, Nas
from fiberledger.routers.drivers import TAG, Queue, Step, Thing, Way, tag_of
from fiberledger.tenancy import Refusal, current_tenant_id

from .models import Difference, LineOnRouter, OnRouter, RouterStep
from .rules import EVERYTHING, FIXED, Key, Wall, Want, differs, line_of, wanted_things
from .working import Result, Work

EVERY = timedelta(minutes=5)
LONGEST_WAIT = timedelta(minutes=15)
HOLD = timedelta(minutes=3)  # whoever works on a router and dies lets it go after this long
STEPS_KEPT = timedelta(days=90)


# --- what a router is kept like ---------------------------------------------------------------------------------


def keep(kept: OnRouter, *, by: Any) -> OnRouter:
    """Say what we keep on a router, and by which way. It is looked at at once."""
    nas = kept.nas
    if kept.mode != OnRouter.Mode.OFF and not nas.has_api:
        raise Refusal(_("Give the router an API username and password first: that is how we reach it."))
    old = OnRouter.objects.filter(pk=nas.pk).first()
    kept.next_at, kept.failures = calendar.now(), 0
    kept.save()
    if kept.mode in (OnRouter.Mode.OFF, OnRouter.Mode.NOTHING):
        Difference.objects.filter(nas=nas).delete()
        LineOnRouter.objects.filter(nas=nas).delete()
    audit.note(
        by, "lines_on_router.kept", kept, before=audit.snapshot(old) if old else None, after=audit.snapshot(kept)
    )
    look_now([nas.pk])
    return kept


def look_now(nas_ids: Iterable[int], at: datetime | None = None) -> None:
    """Have jobs look at these routers, one of each waiting being enough."""
    for nas_id in sorted(set(nas_ids)):
        lock = f"provisioning.nas:{nas_id}"
        jobs.enqueue("provisioning.reconcile", nas_id=nas_id, at=at, lock=lock, queueing_lock=lock)


def copy_config(nas_id: int) -> None:
    """Have a job copy the router's configuration."""
    lock = f"provisioning.copy:{nas_id}"
    jobs.enqueue("provisioning.copy_config", nas_id=nas_id, lock=lock, queueing_lock=lock)


def follow(subscription_ids: Sequence[int]) -> None:
    """These subscriptions have other terms now: whichever routers hold their lines are looked at."""
    accounts = AccessAccount.objects.filter(subscription_id__in=subscription_ids).values_list("only_nas_id", "kind")
    kept = list(OnRouter.objects.exclude(mode__in=["off", "nothing"]))
    if not kept:
        return
    accounts = list(accounts)
    look_now(
        one.pk
        for one in kept
        if any(
            (nas_id == one.pk or (nas_id is None and one.unbound_too))
            and (one.mode == OnRouter.Mode.EVERYTHING or kind == "static")
            for nas_id, kind in accounts
        )
    )


# --- differences ------------------------------------------------------------------------------------------------


def accept(found: Difference, *, until: datetime, why: str, by: Any) -> None:
    """Leave this as it is until then: nothing is done about it, unless what should be there changes."""
    accepting.accept(found, "difference.accepted", until=until, why=why, by=by)


def take_over(found: Difference, *, by: Any) -> None:
    """Make the entry that has our name on the router ours: it is marked, and made as it should be."""
    if found.what != Difference.What.TAKEN:
        raise Refusal(_("There is nobody else's entry to take over."))
    found.taking_over = True
    found.save(update_fields=["taking_over"])
    audit.note(by, "difference.taken_over", found)
    look_now([found.nas_id])


def heal(found: Sequence[Difference], *, by: Any) -> int:
    """Have the routers of these looked at now, whatever was tried before. Returns how many routers."""
    routers = {one.nas_id for one in found}
    OnRouter.objects.filter(pk__in=routers).update(next_at=calendar.now(), failures=0)
    look_now(routers)
    audit.note_many(
        by, "difference.healed", (("provisioning.difference", one.pk, str(one), None, None) for one in found)
    )
    return len(routers)


# --- before and after a router is worked on -----------------------------------------------------------------------


def claim(nas_ids: Iterable[int] | None = None) -> list[OnRouter]:
    """Take the routers whose turn it is, or those of these that nobody works on; nobody else gets them meanwhile."""
    now = calendar.now()
    free = OnRouter.objects.due() if nas_ids is None else OnRouter.objects.filter(
        Q(busy_until=None) | Q(busy_until__lte=now), pk__in=list(nas_ids), nas__active=True
    ).exclude(mode="off")  # fmt: skip
    mine = []
    for pk in free.values_list("pk", flat=True):
        got = OnRouter.objects.filter(Q(busy_until=None) | Q(busy_until__lte=now), pk=pk)
        if got.update(busy_until=now + HOLD):
            mine.append(pk)
    return list(OnRouter.objects.filter(pk__in=mine).select_related("nas"))


def prepare(kept: Sequence[OnRouter]) -> list[tuple[Work, Want]]:
    """What should be on these routers, of all their lines in a few questions, and how each is reached."""
    wants = _wants(kept)
    judged: dict[int, list[Difference]] = defaultdict(list)
    for one in Difference.objects.filter(nas__in=[each.pk for each in kept]):
        if one.is_accepted or one.taking_over:
            judged[one.nas_id].append(one)
    return [
        (
            Work(
                current_tenant_id(),
                one.pk,
                one.driver,
                way_to(one.nas, one),
                FIXED if one.mode == OnRouter.Mode.FIXED else EVERYTHING,
                wants[one.pk].things,
                frozenset((d.kind, d.tag) for d in judged[one.pk] if d.is_accepted),
                frozenset((d.kind, d.tag) for d in judged[one.pk] if d.taking_over),
            ),
            wants[one.pk],
        )
        for one in kept
    ]


def way_to(nas: Nas, kept: OnRouter, *, seconds: float = 10) -> Way:
    return Way(
        nas.src_ip, (kept.port or 0) if kept.driver == OnRouter.Driver.REST else nas.api_port, nas.api_username,
        nas.plain_api_password(), nas.api_tls, seconds, pin=nas.certificate,
    )  # fmt: skip


def _wants(kept: Sequence[OnRouter]) -> dict[int, Want]:
    """Whatever the mode, the lines are found by the router that their account names, or by its naming none."""
    serving = [one for one in kept if one.mode in (OnRouter.Mode.FIXED, OnRouter.Mode.EVERYTHING)]
    accounts = AccessAccount.objects.filter(only_nas__in=[one.pk for one in serving])
    if any(one.unbound_too for one in serving):
        accounts = AccessAccount.objects.filter(Q(only_nas__in=[one.pk for one in serving]) | Q(only_nas=None))
    if not any(one.mode == OnRouter.Mode.EVERYTHING for one in serving):
        accounts = accounts.filter(kind="static")
    lines = defaultdict(list)
    now = calendar.now()
    if serving:
        for facts in access.facts_of(list(accounts.values_list("subscription_id", flat=True))):
            lines[facts.only_nas_id].append(line_of(facts, now))
    wants = {}
    for one in kept:
        nas, mine = one.nas, lines[one.pk] + (lines[None] if one.unbound_too else [])
        if one.mode == OnRouter.Mode.FIXED:
            mine = [line for line in mine if line.kind == "static"]
        elif one.mode == OnRouter.Mode.NOTHING:
            mine = []
        wall = Wall(nas.for_suspended == Nas.Answer.REJECT, nas.walled_list, nas.walled_pool, nas.walled_rate)
        wants[one.pk] = wanted_things(mine, wall)
    return wants


def record(work: Work, want: Want, result: Result) -> None:
    """Write down how it went: what was done, what differs still and since when, and when it is asked again."""
    now = calendar.now()
    kept = OnRouter.objects.get(pk=work.nas_id)
    kept.busy_until, kept.asked_at, kept.problem = None, now, result.problem
    if result.problem:
        kept.failures = min(kept.failures + 1, 100)
        kept.silent_since = kept.silent_since or now
        kept.next_at = now + min(timedelta(minutes=2 ** min(kept.failures - 1, 4)), LONGEST_WAIT)
    else:
        kept.failures, kept.silent_since, kept.good_at = 0, None, now
        kept.next_at = now if result.left else now + EVERY
    _note_steps(work, result, now)
    if result.plan is not None and not result.problem:
        differ = _keep_differences(work, want, result, now)
        kept.lines, kept.right = _keep_lines(work, want, differ, now)
        kept.queues = sum(1 for thing in want.things.values() if isinstance(thing, Queue))
    kept.save()
    if result.left:
        look_now([kept.pk])


def let_go(nas_id: int) -> None:
    """Nobody works on it any more, and nothing is known of how it went."""
    OnRouter.objects.filter(pk=nas_id).update(busy_until=None, next_at=calendar.now() + EVERY)


def _note_steps(work: Work, result: Result, now: datetime) -> None:
    accounts = _usernames([pk for one in result.done if (pk := _account_of(one.step.thing))])
    RouterStep.objects.bulk_create(
        RouterStep(
            nas_id=work.nas_id, account_id=pk if (pk := _account_of(one.step.thing)) in accounts else None,
            name=_name_of(one.step.thing), kind=one.step.thing.kind, verb=one.step.verb, state=one.state, answer=one.answer,
            done_at=now, detail=_detail(one.step, result)[:300],
        )
        for one in result.done
    )  # fmt: skip


def _detail(step: Step, result: Result) -> str:
    if step.verb != "change":
        return _words(step.thing)
    before = result.plan.has.get(step.key) if result.plan else None
    has, wants = (before.shown() if before else {}), step.thing.shown()
    return ", ".join(f"{name}: {has.get(name, '–')} → {wants.get(name, '–')}" for name in step.differs)


def _keep_differences(work: Work, want: Want, result: Result, now: datetime) -> set[Key]:
    """What is not right after the steps. A difference keeps its age as long as it stands; what was accepted was this one:
    another is somebody's to judge anew."""
    plan = result.plan
    assert plan is not None
    outcomes = {one.step.key: one for one in result.done}
    rows: dict[Key, Difference] = {}
    for step in plan.steps:
        outcome = outcomes.get(step.key)
        if outcome and outcome.state == "confirmed":
            continue
        what = {"add": "missing", "change": "other", "remove": "extra"}[step.verb]
        has, wants = _has_and_wants(step, plan.has.get(step.key))
        rows[step.key] = Difference(
            what=what, has=has, wants=wants, state=outcome.state if outcome else "wanted",
            answer=outcome.answer if outcome else "",
        )  # fmt: skip
    for key, holder in plan.taken.items():
        apart = differs(want.things[key], holder)
        rows[key] = Difference(
            what="taken", has=_some(holder.thing, apart), wants=_some(want.things[key], apart), state="blocked",
            answer=holder.note[:200],
        )  # fmt: skip
    for account_id in want.impossible:
        rows["line", tag_of(account_id)] = Difference(what="impossible", state="blocked")
    known = {(one.kind, one.tag): one for one in Difference.objects.filter(nas_id=work.nas_id)}
    Difference.objects.filter(pk__in=[one.pk for key, one in known.items() if key not in rows]).delete()
    names = _usernames([pk for _kind, tag in rows if (pk := _account_in(tag))])
    for (kind, tag), row in rows.items():
        old, account_id = known.get((kind, tag)), _account_in(tag)
        row.nas_id, row.kind, row.tag, row.since = work.nas_id, kind, tag[:80], now
        row.account_id, row.name = account_id if account_id in names else None, names.get(account_id or 0, tag)[:128]
        if old is not None:
            row.pk, row.since = old.pk, old.since
            if row.wants == old.wants:
                row.accepted_until, row.accepted_by, row.accepted_why = (
                    old.accepted_until, old.accepted_by, old.accepted_why,
                )  # fmt: skip
                row.taking_over = old.taking_over and row.what == "taken"
    new = [row for row in rows.values() if row.pk is None]
    Difference.objects.bulk_create(new)
    changed = [row for row in rows.values() if row not in new]
    Difference.objects.bulk_update(
        changed,
        ["what", "has", "wants", "state", "answer", "accepted_until", "accepted_by", "accepted_why", "taking_over"],
        batch_size=500,
    )
    return set(rows)


def _usernames(account_ids: list[int]) -> dict[int, str]:
    return dict(AccessAccount.objects.filter(pk__in=account_ids).values_list("pk", "username"))


def _has_and_wants(step: Step, before: Thing | None) -> tuple[str, str]:
    if step.verb == "add":
        return "", _words(step.thing)[:200]
    if step.verb == "remove":
        return _words(step.thing)[:200], ""
    return _some(before, step.differs), _some(step.thing, step.differs)


def _some(thing: Thing | None, names: Iterable[str]) -> str:
    has = thing.shown() if thing else {}
    return ", ".join(f"{name}={has.get(name, '–')}" for name in names if name != "comment")[:200]


def _words(thing: Thing) -> str:
    """What it says besides its name, which stands beside it."""
    return ", ".join(f"{name}={value}" for name, value in thing.shown().items() if name != "name")


def _account_of(thing: Thing) -> int | None:
    return _account_in(thing.tag)


def _account_in(tag: str) -> int | None:
    """Whose a thing is by its tag; whatever somebody else wrote there is nobody's."""
    number = tag.removeprefix(TAG)
    return int(number) if tag.startswith(TAG) and number.isdecimal() and len(number) < 19 else None


def _name_of(thing: Thing) -> str:
    values = thing.values()
    return (values.get("name") or values.get("mac-address") or values.get("address") or thing.tag)[:128]


def _keep_lines(work: Work, want: Want, differ: set[Key], now: datetime) -> tuple[int, int]:
    """Per line, what is wanted and whether it was read back so; how many there are and how many are right."""
    parts: dict[int, list[Thing]] = defaultdict(list)
    for thing in want.things.values():
        if (account_id := _account_of(thing)) is not None:
            parts[account_id].append(thing)
    wrong = {_account_in(tag) for _kind, tag in differ}
    wrong_terms = {tag for kind, tag in differ if kind.endswith("profile")}
    known = {one.account_id: one for one in LineOnRouter.objects.filter(nas_id=work.nas_id)}
    new, changed, right = [], [], 0
    for account_id, things in parts.items():
        digest = blake2b(json.dumps([thing.values() for thing in things]).encode(), digest_size=8).hexdigest()
        is_right = account_id not in wrong and not any(t.values().get("profile") in wrong_terms for t in things)
        right += is_right
        line = known.pop(account_id, None)
        if line is None:
            line = LineOnRouter(account_id=account_id, nas_id=work.nas_id, wanted=digest, wanted_at=now)
            new.append(line)
        elif line.wanted != digest or is_right != line.is_confirmed:
            changed.append(line)
        if line.wanted != digest:
            line.wanted, line.wanted_at = digest, now
        if is_right and line.confirmed != digest:
            line.confirmed, line.confirmed_at = digest, now
        elif not is_right:
            line.confirmed = ""
    LineOnRouter.objects.filter(account__in=list(known), nas_id=work.nas_id).delete()
    LineOnRouter.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["tenant", "account"],
        update_fields=["nas", "wanted", "wanted_at", "confirmed", "confirmed_at"],
    )  # fmt: skip
    LineOnRouter.objects.bulk_update(changed, ["wanted", "wanted_at", "confirmed", "confirmed_at"], batch_size=1000)
    return len(parts) + len(want.impossible), right


def forget_steps() -> None:
    RouterStep.objects.filter(done_at__lt=calendar.now() - STEPS_KEPT).delete()
