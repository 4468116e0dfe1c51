"""Tenancy: whose rows these are.

Owns: the tenant tree (platform → platform reseller → ISP), the scope that names the current tenant to Python and
to PostgreSQL, the base of every tenant's model, gapless numbers, the company profile.
Verbs: tenant_scope, create_tenant, numbers.take. A new tenant is furnished by each room's `provision()` (see wiring).
"""

from .errors import NoTenantInScope, Refusal, WrongTenant
from .scope import current_tenant, current_tenant_id, tenant_scope

__all__ = [
    "NoTenantInScope",
    "Refusal",
    "WrongTenant",
    "current_tenant",
    "current_tenant_id",
    "tenant_scope",
]
