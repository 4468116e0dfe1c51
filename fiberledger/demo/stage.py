from __future__ import annotations

from datetime import date

from django.db import connections
from psycopg import sql

from fiberledger import calendar, operate
from fiberledger.identity import services as identity
from fiberledger.operate import environment, roles
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant
from fiberledger.tenancy.services import create_tenant

from . import PASSWORD
from .cast import COMPANIES


def empty_database() -> None:
    """Drop the whole database and make it anew. Ask first whose it is."""
    connections.close_all()
    name = environment.superuser()["dbname"]
    with roles.connect("postgres") as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    roles.create_everything()
    operate.run_migrations()


def build_tree() -> None:
    """The platform and, below it, the two companies."""
    platform = create_tenant("platform", name="FiberLedger", country="PK", kind=Tenant.Kind.PLATFORM)
    with tenant_scope(platform.pk):
        identity.add_member("owner@platform.example", "Platform owner", "owner", password=PASSWORD)
    for company in COMPANIES.values():
        create_tenant(company.slug, name=company.name, country=company.country, parent=platform)


def today_of(tenant: Tenant) -> date:
    with tenant_scope(tenant.pk):
        return calendar.today()
