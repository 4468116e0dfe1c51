from __future__ import annotations

from datetime import timedelta

from fiberledger import calendar, jobs
from fiberledger.tenancy import tenant_scope

from . import services
from .models import Look


@jobs.task("vault.take_stock")
def take_stock(tenant_id: int) -> None:
    """The list of secrets holds what is kept; looks of five years ago are forgotten."""
    with tenant_scope(tenant_id):
        services.take_stock()
        Look.objects.filter(at__lt=calendar.now() - timedelta(days=5 * 365)).delete()


@jobs.periodic("23 21 * * *", "vault.take_stock_all")
def take_stock_all() -> None:
    jobs.for_each_tenant("vault.take_stock")
