"""The jobs of addresses."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from fiberledger import jobs
from fiberledger.identity import Actor
from fiberledger.tenancy import tenant_scope

from . import sold


@jobs.task("ipam.take_back_sold")
def take_back_sold(tenant_id: int, subscription_ids: list[int], **_: object) -> None:
    """What these lines bought has changed: addresses whose add-on is over are free again."""
    with tenant_scope(tenant_id):
        sold.take_back(subscription_ids, by=Actor.system(gettext_noop("add-on over")))
