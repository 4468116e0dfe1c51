from __future__ import annotations

from datetime import timedelta

from fiberledger import calendar, jobs
from fiberledger.tenancy import tenant_scope

from . import rounds, services
from .models import OnRouter


@jobs.task("provisioning.reconcile")
def reconcile(tenant_id: int, nas_id: int) -> None:
    """One router, now. Where somebody works on it already, a little later."""
    if rounds.reconcile(tenant_id, nas_id):
        return
    with tenant_scope(tenant_id):
        if OnRouter.objects.filter(pk=nas_id, busy_until__gt=calendar.now()).exists():
            services.look_now([nas_id], at=calendar.now() + timedelta(seconds=5))


@jobs.task("provisioning.follow")
def follow(tenant_id: int, subscription_ids: list[int], **_: object) -> None:
    """Lines have other terms: on whichever routers they are."""
    with tenant_scope(tenant_id):
        services.follow(subscription_ids)


@jobs.task("provisioning.tidy")
def tidy(tenant_id: int) -> None:
    with tenant_scope(tenant_id):
        services.forget_steps()


@jobs.periodic("* * * * *", "provisioning.round")
def run_round() -> None:
    """Every minute: the routers whose turn it is."""
    rounds.run_round()


@jobs.periodic("23 22 * * *", "provisioning.tidy_all")
def tidy_all() -> None:
    jobs.for_each_tenant("provisioning.tidy")
