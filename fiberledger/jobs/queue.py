from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import close_old_connections, connection, transaction
from procrastinate import App, JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued

from fiberledger.tenancy import current_tenant_id
from fiberledger.tenancy.hot import hot

# Inside the worker `app` talks through the worker's own connection, and what it defers survives our rollback.
_enqueuer = App(connector=DjangoConnector())

listeners: dict[type, list[str]] = {}

# Somebody stands there and waits for it: taken before all that is merely due, and by a worker's hand that takes nothing
# else. What such a job sets going is as urgent as itself.
SOON = 10
SOON_QUEUE = "soon"
urgent: set[str] = set()  # listeners that somebody waits for; filled by wiring

_urgency: ContextVar[int] = ContextVar("urgency", default=0)

_again = RetryStrategy(max_attempts=8, exponential_wait=3)


def _own_connection(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if connection.in_atomic_block:  # run in-process by run_waiting inside someone's transaction
            return function(*args, **kwargs)
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return run


@contextmanager
def as_urgent_as(priority: int) -> Iterator[None]:
    """What is queued inside is at least as urgent as that."""
    token = _urgency.set(max(priority, _urgency.get()))
    try:
        yield
    finally:
        _urgency.reset(token)


def is_urgent() -> bool:
    return _urgency.get() >= SOON


def _of_a_job(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(context: JobContext, *args: Any, **kwargs: Any) -> Any:
        with as_urgent_as(context.job.priority):
            return function(*args, **kwargs)

    return run


def task(name: str, *, retry: RetryStrategy | bool = _again, queue: str = "default") -> Callable:
    """Register `def job(tenant_id, **ids)` under a stable name. It opens its own tenant_scope, and talks to the
    world outside of it. A job that raises is tried again, later and later, eight times."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        app.task(name=name, retry=retry, queue=queue, pass_context=True)(_of_a_job(_own_connection(function)))
        return function

    return register


def periodic(cron: str, name: str) -> Callable:
    """Run `def tick()` for the whole installation at the cron's minutes (UTC); one that was missed is not made up."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        def tick(timestamp: int) -> None:
            function()

        app.periodic(cron=cron)(app.task(name=name, queueing_lock=name)(_own_connection(tick)))
        return function

    return register


def enqueue(
    name: str,
    *,
    tenant_id: int | None = None,
    lock: str | None = None,
    queueing_lock: str | None = None,
    at: datetime | None = None,
    priority: int | None = None,
    **ids: Any,
) -> int | None:
    """Write a job in the current transaction; with it the job appears, or neither does.

    `lock`: jobs of one lock run one after the other. `queueing_lock`: at most one of them waits; a second is not
    written and None returned. Both are made the tenant's own. `at`: not before. Without a priority it is as urgent as the
    job that it is called in. Returns the job's id.
    """
    tenant_id = tenant_id or current_tenant_id()
    priority = _urgency.get() if priority is None else priority
    deferrer = _enqueuer.configure_task(
        name,
        queue=_queue(priority),
        lock=lock and f"{tenant_id}:{lock}",
        queueing_lock=queueing_lock and f"{tenant_id}:{queueing_lock}",
        schedule_at=at,
        priority=priority,
    )
    if queueing_lock is None:
        return deferrer.defer(tenant_id=tenant_id, **ids)
    try:
        with transaction.atomic():  # a refused lock would abort the transaction it was raised in
            return deferrer.defer(tenant_id=tenant_id, **ids)
    except AlreadyEnqueued:
        return None


# What procrastinate's own defer does, for all listeners in one statement.
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(array_agg(
             ROW(queue, name, priority, NULL, NULL, %(args)s::jsonb, NULL)::procrastinate_job_to_defer_v1))
      FROM unnest(%(names)s::text[], %(queues)s::text[], %(priorities)s::int[]) AS job (name, queue, priority)"""


def _queue(priority: int) -> str:
    return SOON_QUEUE if priority >= SOON else "default"


def publish(event: Any) -> None:
    """Queue every listener that wiring names for this event, with the event's fields as its arguments."""
    if names := listeners.get(type(event)):
        priorities = [SOON if name in urgent else _urgency.get() for name in names]
        args = json.dumps({"tenant_id": current_tenant_id(), **asdict(event)})
        hot(_DEFER, {"names": names, "queues": list(map(_queue, priorities)), "priorities": priorities, "args": args})


def for_each_tenant(name: str, *, queueing_lock: str | None = None) -> None:
    """Queue one job of that name for every active ISP: what a periodic tick does."""
    from fiberledger.tenancy.models import (
        Tenant,
    )  # models are not ready when tasks are imported

    for tenant_id in Tenant.objects.filter(status="active", kind="isp").values_list("pk", flat=True):
        enqueue(name, tenant_id=tenant_id, queueing_lock=queueing_lock or name)
