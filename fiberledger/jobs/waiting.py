from __future__ import annotations

import json

from django.db import connection
from procrastinate.contrib.django import app

from fiberledger import calendar


def run_waiting(tenant_id: int, *, limit: int = 10_000) -> int:
    """Run the tenant's waiting jobs here and now, in order, until none is due by the calendar; returns how many ran.

    For simulations, where time moves and no worker watches. A job that raises ends as failed, and its error is raised.
    """
    for ran in range(limit):
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (
                     SELECT id FROM procrastinate_jobs
                     WHERE status = 'todo' AND (args->>'tenant_id')::bigint = %s
                       AND (scheduled_at IS NULL OR scheduled_at <= %s)
                     ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)
                   RETURNING id, task_name, args""",
                [tenant_id, calendar.now()],
            )
            job = cursor.fetchone()
        if job is None:
            return ran
        job_id, name, args = job  # Django hands jsonb over as text
        status = "failed"
        try:
            app.tasks[name].func(**json.loads(args))
            status = "succeeded"
        finally:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s",
                    [status, job_id],
                )
    raise RuntimeError(f"tenant {tenant_id} still had waiting jobs after {limit}")
