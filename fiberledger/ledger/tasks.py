from __future__ import annotations

from fiberledger import jobs
from fiberledger.audit import proofs
from fiberledger.audit.models import Proof

from .proof import verify


@jobs.periodic("23 * * * *", "ledger.prove_all")
def prove_all() -> None:
    """Every hour, since the night falls at a different hour for every company."""
    jobs.for_each_tenant("ledger.prove")


@jobs.task("ledger.prove")
def prove(tenant_id: int, again: bool = False) -> None:
    """The nightly proof that whatever is kept, for speed, equals the sum it stands for."""
    proofs.tonight(tenant_id, Proof.What.BOOKS, lambda: [str(fault) for fault in verify()], again=again)
