"""The books balance after each test, whatever it did and through whatever door it made its tenants."""

from __future__ import annotations

import pytest


def _newest() -> int:
    from django.db import OperationalError, connections

    for attempt in (1, 2):
        try:
            with connections["control"].cursor() as cursor:
                cursor.execute("SELECT coalesce(max(id), 0) FROM tenancy_tenant")
                return cursor.fetchone()[0]
        except OperationalError:  # a test restarted PostgreSQL under us
            connections["control"].close()
            if attempt == 2:
                raise
    return 0


@pytest.fixture(autouse=True)
def balanced_books():
    """Prove the books of every tenant that came to be while the test ran; not of one that was only copied full
    (see tests/nets/crowd.py), perhaps by a test beside us."""
    before = _newest()
    yield
    if _newest() == before:
        return
    from fiberledger import ledger
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.models import Tenant

    for tenant in Tenant.objects.using("control").filter(pk__gt=before).exclude(slug__startswith="crowded-"):
        with tenant_scope(tenant.pk):
            faults = ledger.verify()
        assert faults == [], f"{tenant.slug}: {faults}"
