from __future__ import annotations

import logging

from fiberledger import jobs

from . import sealing

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
