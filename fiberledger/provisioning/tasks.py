from __future__ import annotations

from datetime import timedelta

from fiberledger import calendar, jobs
from fiberledger.access.models import Nas
from fiberledger.tenancy import tenant_scope

from . import bringing, changes, rounds, services
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


@jobs.task("provisioning.bring_over")
def bring_over(tenant_id: int, run_id: int) -> None:
    bringing.bring_over(tenant_id, run_id)


@jobs.task("provisioning.read_change")
def read_change(tenant_id: int, change_id: int) -> None:
    changes.read(tenant_id, change_id)


@jobs.task("provisioning.apply_change", retry=False)
def apply_change(tenant_id: int, change_id: int) -> None:
    changes.apply(tenant_id, change_id)


@jobs.task("provisioning.see_return")
def see_return(tenant_id: int, change_id: int) -> None:
    changes.see_return(tenant_id, change_id)


@jobs.task("provisioning.copy_config")
def copy_config(tenant_id: int, nas_id: int) -> None:
    changes.copy(tenant_id, nas_id)


@jobs.task("provisioning.copy_configs")
def copy_configs(tenant_id: int) -> None:
    """The configurations of all routers that have an API, each by a job of its own."""
    with tenant_scope(tenant_id):
        for nas_id in Nas.objects.in_use().exclude(api_username="").values_list("pk", flat=True):
            services.copy_config(nas_id)


@jobs.periodic("37 21 * * *", "provisioning.copy_all")
def copy_all() -> None:
    jobs.for_each_tenant("provisioning.copy_configs")


@jobs.periodic("* * * * *", "provisioning.round")
def run_round() -> None:
    """Every minute: the routers whose turn it is."""
    rounds.run_round()


@jobs.periodic("23 22 * * *", "provisioning.tidy_all")
def tidy_all() -> None:
    jobs.for_each_tenant("provisioning.tidy")
