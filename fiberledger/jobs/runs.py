from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.tenancy import Refusal, tenant_scope

from .queue import enqueue

_own = threading.local()


def start_run(
    kind: str,
    title: str,
    job: str,
    *,
    by: Any,
    url: str = "",
    total: int = 0,
    **options: Any,
) -> Any:
    """Write a Run and the job that does it (called with `run_id`); `options` are kept on the Run for the job to read."""
    from .models import Run

    run = Run.objects.create(
        kind=kind,
        title=title,
        url=url,
        total=total,
        options=options,
        started_by_id=getattr(by, "user_id", None),
        started_by_name=by.name,
    )
    enqueue(job, run_id=run.pk)
    return run


@contextmanager
def running(tenant_id: int, run_id: int) -> Iterator[Any]:
    """Around the body of a long job: the Run is marked running, then done with the `result` dict the body filled, or
    failed with the reason in words. Opens no transaction around the body; the body opens its own scopes.

    A Refusal ends the run as failed and is not tried again; any other error is raised on, so that the job is.
    """
    from .models import Run

    with tenant_scope(tenant_id):
        Run.objects.filter(pk=run_id).update(state=Run.State.RUNNING, started_at=calendar.now(), message="")
        run = Run.objects.get(pk=run_id)
    try:
        yield run
    except Refusal as refusal:
        _end(tenant_id, run_id, Run.State.FAILED, str(refusal), run.result)
    except Exception:
        _end(
            tenant_id,
            run_id,
            Run.State.FAILED,
            _("Something broke; it will be tried again."),
            run.result,
        )
        raise
    else:
        _end(tenant_id, run_id, Run.State.DONE, run.message, run.result)


def _end(tenant_id: int, run_id: int, state: str, message: str, result: dict) -> None:
    from .models import Run

    with tenant_scope(tenant_id):
        Run.objects.filter(pk=run_id).update(state=state, ended_at=calendar.now(), message=message, result=result)


def progress(tenant_id: int, run_id: int, done: int, total: int | None = None) -> None:
    """Tell the watchers how far it is, on a connection of its own: the work's transaction may still be open.

    Never call it after this transaction has written the same Run, or the two wait for each other.
    """
    if not hasattr(_own, "connection"):
        _own.connection = connections.create_connection("default")
    _own.connection.close_if_unusable_or_obsolete()  # the server may have been restarted since: nobody else looks
    with _own.connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant_id)])
        cursor.execute(
            "UPDATE jobs_run SET done = %s, total = coalesce(%s, total) WHERE id = %s AND tenant_id = %s",
            [done, total, run_id, tenant_id],
        )
