"""Working on one router: read it, do the steps, see each of them work. Knows no database, and never raises."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from fiberledger.routers import Refused, Trouble
from fiberledger.routers.drivers import Step, Thing, Way, drivers

from .rules import Key, Plan, ends_sessions, is_done, plan_of

AT_ONCE = 200  # steps before another router gets its turn
LONGEST = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Work:
    """Everything there is to know before one goes to the router."""

    tenant_id: int
    nas_id: int
    driver: str
    way: Way
    kinds: tuple[type[Thing], ...]
    wanted: Mapping[Key, Thing]
    accepted: frozenset[Key] = frozenset()  # left as they are
    taking_over: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step, and what became of it: confirmed, sent (not seen to work), refused."""

    step: Step
    state: str
    answer: str = ""


@dataclass(slots=True)
class Result:
    problem: str = ""
    plan: Plan | None = None  # as it was before the steps
    done: list[Outcome] = field(default_factory=list)
    left: bool = False  # there was more to do than fits into one go
    bytes_read: int = 0


def work_on(work: Work) -> Result:
    result, began = Result(), time.monotonic()
    try:
        with drivers.get(work.driver).open(work.way) as router:
            found = router.read(work.kinds)
            plan = plan_of(work.wanted, found, work.taking_over)
            todo = [step for step in plan.steps if step.key not in work.accepted]
            result.plan = plan
            for step in todo:
                if len(result.done) == AT_ONCE or time.monotonic() - began > LONGEST:
                    result.left = True
                    break
                try:
                    seen = router.apply(step)
                    if is_done(step, seen):
                        if username := ends_sessions(step):
                            router.disconnect(username)
                        result.done.append(Outcome(step, "confirmed"))
                    else:
                        result.done.append(Outcome(step, "sent"))
                except Refused as refused:
                    result.done.append(Outcome(step, "refused", str(refused)[:200]))
            result.bytes_read = getattr(getattr(router, "wire", None), "bytes_read", 0)
    except Trouble as trouble:
        result.problem = str(trouble)[:200] or "no answer"
    return result
