"""fiberledger audit verify."""

from __future__ import annotations

import json
import sys
from typing import Any


def add_commands(subparsers: Any) -> None:
    audit = subparsers.add_parser("audit", help="check the sealed audit log")
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        help="find entries that were altered, removed or slipped in",
        description="Recompute each tenant's chain of seals from its entries. Exit code 1 when anything does not fit.",
    )
    verify.add_argument("--tenant", metavar="SLUG", help="only this tenant (default: all)")
    verify.add_argument("--json", action="store_true", help="print one JSON document")
    verify.set_defaults(run=_verify)
    seal = actions.add_parser("seal", help="seal what waits, now instead of within the minute")
    seal.add_argument("--tenant", metavar="SLUG", help="only this tenant (default: all)")
    seal.set_defaults(run=_seal)


def _tenants(slug: str | None) -> list[Any]:
    from fiberledger.tenancy import Refusal
    from fiberledger.tenancy.models import Tenant

    found = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.order_by("id"))
    if slug and not found:
        raise Refusal(f"there is no tenant “{slug}”")
    return found


def _verify(options: Any) -> int:
    from .sealing import verify

    verdicts = [(tenant, verify(tenant.pk)) for tenant in _tenants(options.tenant)]
    sound = all(verdict.is_sound for _tenant, verdict in verdicts)
    if options.json:
        found = [{"tenant": tenant.slug, **verdict.as_dict()} for tenant, verdict in verdicts]
        print(json.dumps({"sound": sound, "tenants": found}))
        return 0 if sound else 1
    for tenant, verdict in verdicts:
        state = "sound" if verdict.is_sound else "BROKEN"
        print(f"{tenant.slug}: {state}, {verdict.entries} entries in {verdict.seals} seals, {verdict.waiting} waiting")
        for fault in verdict.faults:
            print(f"{tenant.slug}: {fault.kind}: {fault.text}", file=sys.stderr)
    return 0 if sound else 1


def _seal(options: Any) -> int:
    from .sealing import seal

    for tenant in _tenants(options.tenant):
        print(f"{tenant.slug}: {seal(tenant.pk)} entries sealed")
    return 0
