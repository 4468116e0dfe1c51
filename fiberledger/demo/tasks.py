"""The demonstration goes on: its routers report who is online."""

from __future__ import annotations

from fiberledger import jobs
from fiberledger.access.play import play_on
from fiberledger.operate import environment
from fiberledger.tenancy.models import Tenant

from .cast import COMPANIES


@jobs.periodic("*/3 * * * *", "demo.play_on")
def play() -> None:
    """Every three minutes, where the demo was loaded: a company of the same name elsewhere is somebody's own."""
    if environment.shows_demo():
        for tenant_id in Tenant.objects.filter(slug__in=COMPANIES).values_list("pk", flat=True):
            play_on(tenant_id)
