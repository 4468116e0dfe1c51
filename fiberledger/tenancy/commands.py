from __future__ import annotations

import json
from typing import Any


def add_commands(subparsers: Any) -> None:
    verbs = subparsers.add_parser("tenant", help="the companies served here").add_subparsers(dest="verb", required=True)

    create = verbs.add_parser(
        "create",
        help="take in a company",
        description="Creates a company with its chart of accounts, roles and policies; currency and time zone follow "
        "from the country.",
    )
    create.add_argument("slug", metavar="SLUG", help="short name: part of its web address")
    create.add_argument("--name", required=True, help="the company's name")
    create.add_argument("--country", required=True, metavar="PK", help="two letters, ISO 3166")
    create.add_argument("--timezone", metavar="ZONE", default="", help="e.g. Asia/Karachi (default: the country's own)")
    create.add_argument("--language", metavar="en", default="", help="en or ur (default: en)")
    create.add_argument("--parent", metavar="SLUG", help="the platform reseller it belongs to")
    create.add_argument(
        "--kind",
        choices=("isp", "platform_reseller", "platform"),
        default="isp",
        help="what it is in the tree platform → platform reseller → ISP (default: isp)",
    )
    create.add_argument("--json", action="store_true", help="print the new company as JSON")
    create.set_defaults(run=_create)

    listing = verbs.add_parser("list", help="list the companies")
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    listing.set_defaults(run=_list)


def _create(options: Any) -> None:
    from .models import Tenant
    from .services import create_tenant

    parent = Tenant.objects.using("control").get(slug=options.parent) if options.parent else None
    tenant = create_tenant(
        options.slug, name=options.name, country=options.country, parent=parent, kind=options.kind,
        timezone=options.timezone, language=options.language,
    )  # fmt: skip
    if options.json:
        print(json.dumps(_facts(tenant)))
    else:
        print(f"{tenant.slug}: {tenant.name}, {tenant.currency}, {tenant.timezone}")


def _list(options: Any) -> None:
    from .models import Tenant

    rows = [_facts(tenant) for tenant in Tenant.objects.using("control").order_by("slug")]
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['slug']:<24} {row['status']:<10} {row['country']} {row['currency']}  {row['name']}")


def _facts(tenant: Any) -> dict[str, Any]:
    names = ("slug", "name", "kind", "country", "currency", "timezone", "language", "status")
    return {"id": tenant.pk, **{name: getattr(tenant, name) for name in names}}
