from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException

from fiberledger.operate import Trouble, outage

from .queue import SOON_QUEUE

# A worker that has not been heard of for DEAD_AFTER is dead; its jobs run again LOOK_EVERY later at the latest.
HEARTBEAT, DEAD_AFTER, LOOK_EVERY = 4.0, 20.0, 5.0
PATIENCE = 10.0  # a database that restarts is waited for; one that is away for longer ends the worker

log = logging.getLogger(__name__)

# One whose like already waits need not run again: the waiting one will do. Two who look at once do not both take it.
_PUT_BACK = """
    WITH dead AS MATERIALIZED (
      SELECT job.id, job.queueing_lock FROM procrastinate_jobs job
        LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
       WHERE job.status = 'doing'
         AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(dead_after)s))
         FOR UPDATE OF job SKIP LOCKED
    ), judged AS MATERIALIZED (
      SELECT id, queueing_lock IS NOT NULL AND (
               row_number() OVER (PARTITION BY queueing_lock ORDER BY id) > 1
               OR EXISTS (SELECT FROM procrastinate_jobs waits
                           WHERE waits.status = 'todo' AND waits.queueing_lock = dead.queueing_lock)) AS idle
        FROM dead
    ), dropped AS (
      UPDATE procrastinate_jobs SET status = 'failed' WHERE id IN (SELECT id FROM judged WHERE idle)
    )
    SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM judged WHERE NOT idle"""


def work(concurrency: int) -> None:
    """Take jobs until told to stop. While the database is away nothing is taken; when it goes away meanwhile, Trouble
    is raised, and whoever watches this process starts another, which waits."""
    outage.wait_for_database()
    connector = PsycopgConnector(kwargs=connector_params(), timeout=PATIENCE)
    with app.replace_connector(connector) as at_work:
        try:
            asyncio.run(_serve(at_work, concurrency))
        except ConnectorException as error:
            raise Trouble(f"the database went away ({str(error.__cause__ or error).strip().splitlines()[0]})") from None


async def _serve(at_work: App, concurrency: int) -> None:
    """However much is due, one hand is free for what somebody waits for. Both end together, told to or not."""
    async with at_work.open_async():
        looking = asyncio.create_task(_look_for_stalled(at_work))
        hands = [
            asyncio.create_task(_work(at_work, "worker", concurrency)),
            asyncio.create_task(_work(at_work, "soon", 1, queues=[SOON_QUEUE], install_signal_handlers=False)),
        ]
        try:
            await asyncio.wait(hands, return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            for hand in hands:
                hand.cancel()
            ended = await asyncio.gather(*hands, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end


async def _work(at_work: App, name: str, concurrency: int, **more: Any) -> None:
    await at_work.run_worker_async(
        concurrency=concurrency,
        shutdown_graceful_timeout=6,
        name=f"{name}-{os.getpid()}",
        update_heartbeat_interval=HEARTBEAT,
        stalled_worker_timeout=DEAD_AFTER,
        **more,
    )


async def _look_for_stalled(at_work: App) -> None:
    while True:
        try:
            await put_back_stalled(at_work)
        except ConnectorException as error:
            log.warning("cannot look for stalled jobs: %s", error.__cause__ or error)
        await asyncio.sleep(LOOK_EVERY)


async def put_back_stalled(at_work: App) -> None:
    """Let the jobs run again whose worker died: it said nothing more, and its locks would be held for ever."""
    await at_work.connector.execute_query_async(_PUT_BACK, dead_after=DEAD_AFTER)
