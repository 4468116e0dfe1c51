"""The jobs: what was disclosed is deleted when its time is over."""

from __future__ import annotations

from fiberledger import jobs
from fiberledger.identity import Actor
from fiberledger.tenancy import tenant_scope

from . import services


@jobs.task("tracing.forget")
def forget(tenant_id: int) -> None:
    with tenant_scope(tenant_id):
        services.forget(by=Actor.system("retention"))


@jobs.periodic("17 2 * * *", "tracing.tick")
def tick() -> None:
    jobs.for_each_tenant("tracing.forget")
