"""The jobs: what is counted by the clock."""

from __future__ import annotations

import os
from datetime import timedelta

from fiberledger import calendar, jobs
from fiberledger.tenancy import tenant_scope

from . import rollup, services


@jobs.task("usage.fold")
def fold(tenant_id: int) -> None:
    """What the tenant's sessions gained goes into the roll-ups; lines for which that, or the hour, changes something follow."""
    with tenant_scope(tenant_id):
        rollup.fold()
    with tenant_scope(tenant_id):
        lines = services.due()
    for start in range(0, len(lines), services.AT_ONCE):
        with tenant_scope(tenant_id):
            services.reconsider(lines[start : start + services.AT_ONCE])


@jobs.task("usage.reconsider")
def reconsider(tenant_id: int, subscription_ids: list[int], **_: object) -> None:
    """Something changed about these lines: their status, their plan, what they bought besides."""
    with tenant_scope(tenant_id):
        services.reconsider(subscription_ids)


@jobs.task("usage.forget")
def forget(tenant_id: int) -> None:
    with tenant_scope(tenant_id):
        rollup.forget()


@jobs.periodic("* * * * *", "usage.fold_all")
def fold_all() -> None:
    """Every minute: a session is only written when it reported, so looking often costs little more than looking seldom."""
    jobs.for_each_tenant("usage.fold")


@jobs.periodic("50 */6 * * *", "usage.keep_partitions")
def keep_partitions() -> None:
    """Four months of partitions ahead; hours beyond the retention dropped, and notes on sessions long over."""
    rollup.make_partitions()
    months = int(os.environ.get("USAGE_HOUR_MONTHS", "13"))
    rollup.drop_partitions(calendar.now() - timedelta(days=31 * max(months, 4)))
    jobs.for_each_tenant("usage.forget")
