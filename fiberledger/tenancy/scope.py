from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from .errors import NoTenantInScope, WrongTenant
from .hot import hot

if TYPE_CHECKING:
    from .models import Tenant

_tenant_id: ContextVar[int | None] = ContextVar("tenant_id", default=None)
_tenant: ContextVar[Tenant | None] = ContextVar("tenant", default=None)


def _tell_postgres(tenant_id: int | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.tenant_id', %s, true)",
            [str(tenant_id) if tenant_id is not None else ""],
        )


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
                _tell_postgres(tenant_id)
            yield
    finally:
        _tenant.reset(tenant_token)
        _tenant_id.reset(id_token)
        if outer is None and connection.in_atomic_block and not connection.needs_rollback:
            _tell_postgres(None)  # inside a wider transaction a released savepoint would keep our setting


def current_tenant_id() -> int:
    """Raises NoTenantInScope outside a tenant_scope."""
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise NoTenantInScope("open a tenant_scope first")
    return tenant_id


_TENANT = "SELECT {columns} FROM tenancy_tenant WHERE id = %s"


def _columns(model: type[Tenant]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def current_tenant() -> Tenant:
    """The tenant in scope, read once a scope."""
    from .models import Tenant  # scope is imported by models

    tenant_id = current_tenant_id()
    tenant = _tenant.get()
    if tenant is None:
        row = hot(_TENANT.format(columns=", ".join(_columns(Tenant))), [tenant_id]).fetchone()
        tenant = Tenant.from_db(DEFAULT_DB_ALIAS, _columns(Tenant), row)
        _tenant.set(tenant)
    return tenant
