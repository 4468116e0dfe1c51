from __future__ import annotations

import json
from typing import Any


def add_commands(subparsers: Any) -> None:
    ledger = subparsers.add_parser("ledger", help="the books").add_subparsers(dest="verb", required=True)
    verify = ledger.add_parser(
        "verify",
        help="prove every tenant's books from the postings",
        description="Proves that every entry balances, every kept balance equals the sum of its postings, and every "
        "reversal undoes what it names. Exit code 1 when a fault is found.",
    )
    verify.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    verify.add_argument("--json", action="store_true", help="print a JSON object per tenant")
    verify.set_defaults(run=_verify)


def _verify(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.models import Tenant

    from .proof import verify

    tenants = Tenant.objects.filter(slug=options.tenant) if options.tenant else Tenant.objects.order_by("slug")
    if options.tenant and not tenants:
        from fiberledger.tenancy import Refusal

        raise Refusal(f"there is no tenant {options.tenant!r}")
    wrong = False
    for tenant in tenants:
        with tenant_scope(tenant.pk):
            faults = verify()
        wrong = wrong or bool(faults)
        if options.json:
            rows = [{"kind": f.kind, "where": f.where, "amount": str(f.amount)} for f in faults]
            print(json.dumps({"tenant": tenant.slug, "faults": rows}))
        else:
            print(f"{tenant.slug}: " + ("right" if not faults else f"{len(faults)} faults"))
            for fault in faults:
                print(f"  {fault.kind}: {fault.where} ({fault.amount})")
    return int(wrong)
