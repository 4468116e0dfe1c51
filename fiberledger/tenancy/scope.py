from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from . import arrays  # noqa: F401 - psycopg learns it before the first connection
from .errors import NoTenantInScope, WrongTenant
from .hot import hot

if TYPE_CHECKING:
    from .models import Tenant

_tenant_id: ContextVar[int | None] = ContextVar("tenant_id", default=None)
_tenant: ContextVar[Tenant | None] = ContextVar("tenant", default=None)


# Whoever enters wants to know the tenant a moment later: one statement tells PostgreSQL and brings it.
_ENTER = """SELECT set_config('app.tenant_id', %s, true), {columns}
              FROM (SELECT) AS here LEFT JOIN tenancy_tenant AS tenant ON tenant.id = %s"""
_LEAVE = "SELECT set_config('app.tenant_id', '', true)"


def _enter(tenant_id: int) -> Tenant | None:
    from .models import Tenant  # scope is imported by models

    names = [field.attname for field in Tenant._meta.concrete_fields]
    statement = _ENTER.format(columns=", ".join(f"tenant.{name}" for name in names))
    row = hot(statement, [str(tenant_id), tenant_id]).fetchone()
    return Tenant.from_db(DEFAULT_DB_ALIAS, names, row[1:]) if row and row[1] is not None else None


@contextmanager
def tenant_scope(tenant_id: int) -> Iterator[None]:
    """The only door to a tenant's rows: one transaction, named to Python and to PostgreSQL.

    Raises WrongTenant inside another tenant's scope; inside the same tenant's it is a savepoint.
    """
    outer = _tenant_id.get()
    if outer not in (None, tenant_id):
        raise WrongTenant(f"tenant {tenant_id} inside the scope of {outer}")
    id_token, tenant_token = (
        _tenant_id.set(tenant_id),
        _tenant.set(_tenant.get() if outer else None),
    )
    try:
        with transaction.atomic():
            if outer is None:
                _tenant.set(_enter(tenant_id))
            yield
    finally:
        _tenant.reset(tenant_token)
        _tenant_id.reset(id_token)
        if outer is None and connection.in_atomic_block and not connection.needs_rollback:
            hot(_LEAVE, [])  # inside a wider transaction a released savepoint would keep our setting


def current_tenant_id() -> int:
    """Raises NoTenantInScope outside a tenant_scope."""
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise NoTenantInScope("open a tenant_scope first")
    return tenant_id


def current_tenant() -> Tenant:
    """The tenant in scope, as it was when the scope was entered. Raises Tenant.DoesNotExist where there is none."""
    from .models import Tenant

    current_tenant_id()
    tenant = _tenant.get()
    if tenant is None:
        raise Tenant.DoesNotExist
    return tenant
