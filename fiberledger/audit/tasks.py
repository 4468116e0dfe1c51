from __future__ import annotations

import logging

from fiberledger import jobs
from fiberledger.tenancy.models import Tenant

from . import proofs, sealing
from .models import Proof

log = logging.getLogger(__name__)


@jobs.periodic("* * * * *", "audit.seal")
def seal_all() -> None:
    """Seal every tenant's new entries. A broken chain stops that tenant's sealing only, and is loud about it."""
    for tenant_id in sealing.tenants_to_seal():
        try:
            sealing.seal(tenant_id)
        except sealing.ChainBroken as broken:
            log.critical("audit chain broken: %s", broken)
        except Exception:
            log.exception("tenant %s could not be sealed", tenant_id)


@jobs.periodic("23 * * * *", "audit.prove_all")
def prove_all() -> None:
    """Every hour, since the night falls at a different hour for every company."""
    for tenant_id in Tenant.objects.filter(status="active").values_list("pk", flat=True):
        jobs.enqueue("audit.prove", tenant_id=tenant_id, queueing_lock="audit.prove")


@jobs.task("audit.prove")
def prove(tenant_id: int, again: bool = False) -> None:
    """The nightly proof that no entry of the log was altered, removed or slipped in."""

    def faults() -> list[str]:
        return [fault.text for fault in sealing.verify(tenant_id).faults]

    proofs.tonight(tenant_id, Proof.What.LOG, faults, again=again)
