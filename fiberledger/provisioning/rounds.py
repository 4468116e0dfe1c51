"""The round: every router whose turn it is, many at a time, so that those that do not answer hold up nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant

from . import services
from .rules import Want
from .working import Work, work_on

THREADS = 32

log = logging.getLogger(__name__)


def reconcile(tenant_id: int, nas_id: int) -> bool:
    """Look at one router now. False: somebody works on it at this moment, or there is nothing to keep on it."""
    with tenant_scope(tenant_id):
        tasks = services.prepare(services.claim([nas_id]))
    for work, want in tasks:
        result = work_on(work)
        with tenant_scope(tenant_id):
            services.record(work, want, result)
    return bool(tasks)


def run_round(tenant_ids: Iterable[int] | None = None) -> int:
    """All routers whose turn it is, of all tenants; returns how many were asked.

    The threads talk to routers and to nothing else: what they need is read before, what they found is written after,
    by one at a time, in the tenant's own scope.
    """
    if tenant_ids is None:
        tenant_ids = list(Tenant.objects.filter(status="active", kind="isp").values_list("pk", flat=True))
    asked = 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="router") as pool:
        at_work: dict[Future, tuple[Work, Want]] = {}
        for tenant_id in tenant_ids:
            with tenant_scope(tenant_id):
                for task in services.prepare(services.claim()):
                    at_work[pool.submit(work_on, task[0])] = task
        for done in as_completed(at_work):
            work, want = at_work.pop(done)
            try:
                with tenant_scope(work.tenant_id):
                    services.record(work, want, done.result())
            except Exception:  # one router's trouble is no other's
                log.exception("router %s could not be recorded", work.nas_id)
                with tenant_scope(work.tenant_id):
                    services.let_go(work.nas_id)
            asked += 1
    return asked
