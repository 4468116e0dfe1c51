"""`fiberledger usage check`: the proof that the roll-ups say what the sessions said."""

from __future__ import annotations

import json
import sys
from typing import Any


def add_commands(subparsers: Any) -> None:
    usage = subparsers.add_parser("usage", help="how much data lines use")
    verbs = usage.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser(
        "check",
        help="prove the roll-ups",
        description="Compares months with their days, days with their hours, and what is counted with what was reported. "
        "Changes nothing. Exit code 1 when something differs or partitions are missing.",
    )
    check.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    check.add_argument("--json", action="store_true", help="print a JSON object per tenant")
    check.set_defaults(run=_check)


def _check(options: Any) -> int:
    from fiberledger.tenancy import Refusal, tenant_scope
    from fiberledger.tenancy.models import Tenant

    from . import rollup

    wrong = rollup.missing_partitions() > 0
    if wrong:
        print("fiberledger: partitions of the hours are missing; is a worker running?", file=sys.stderr)
    found = Tenant.objects.filter(kind="isp").order_by("slug")
    if options.tenant and not (found := found.filter(slug=options.tenant)):
        raise Refusal(f"there is no tenant {options.tenant!r}")
    for tenant in found:
        with tenant_scope(tenant.pk):
            faults = rollup.verify()
        wrong = wrong or bool(faults)
        if options.json:
            print(json.dumps({"tenant": tenant.slug, "faults": faults}))
        else:
            print(f"{tenant.slug}: " + ("; ".join(faults) or "all right"))
    return int(wrong)
