from __future__ import annotations

import inspect
import json

from django.db import connection
from procrastinate.contrib.django import app

from fiberledger import calendar

from .queue import as_urgent_as

_AT_ONCE = 200


def run_waiting(tenant_id: int, *, limit: int = 100_000) -> int:
    """Run the tenant's waiting jobs here and now, in order, until none is due by the calendar; returns how many ran.

    For simulations, where time moves and no worker watches. A job that raises ends as failed, and its error is raised.
    """
    ran = 0
    while claimed := _claim(tenant_id):
        status: dict[str, list[int]] = {"succeeded": [], "failed": [], "todo": [job[0] for job in claimed]}
        try:
            for job, name, args, priority in claimed:
                status["todo"].remove(job)
                status["failed"].append(job)
                with as_urgent_as(priority):
                    inspect.unwrap(app.tasks[name].func)(**json.loads(args))  # Django hands jsonb over as text
                status["succeeded"].append(status["failed"].pop())
        finally:
            for word, jobs in status.items():
                _mark(jobs, word)
        ran += len(claimed)
        if ran > limit:
            raise RuntimeError(f"tenant {tenant_id} still has waiting jobs after {ran}")
    return ran


def _claim(tenant_id: int) -> list[tuple[int, str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE procrastinate_jobs SET status = 'doing' WHERE id IN (
                 SELECT id FROM procrastinate_jobs
                 WHERE status = 'todo' AND (args->>'tenant_id')::bigint = %s
                   AND (scheduled_at IS NULL OR scheduled_at <= %s)
                 ORDER BY priority DESC, id LIMIT %s FOR UPDATE SKIP LOCKED)
               RETURNING id, task_name, args, priority""",
            [tenant_id, calendar.now(), _AT_ONCE],
        )
        return sorted(cursor.fetchall(), key=lambda job: (-job[3], job[0]))


def _mark(jobs: list[int], status: str) -> None:
    if jobs:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = ANY(%s)", [status, jobs]
            )
