"""What is proven every night, and what came of it.

A room that keeps something which must agree with something else proves it in a job of its own, through `tonight`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import override

from fiberledger import calendar
from fiberledger.tenancy import current_tenant, current_tenant_id, tenant_scope

from .models import Proof
from .services import note

log = logging.getLogger(__name__)

HOUR = 2  # the tenant's own: nobody bills yet, and the night's other work comes after
_KEPT = 100

# Whoever writes the day first proves; a worker that dies leaves the day to the next.
_CLAIM = """
    INSERT INTO audit_proof AS p (tenant_id, what, "on", at, count, faults)
    VALUES (%(tenant)s, %(what)s, %(on)s, %(at)s, 0, '[]')
    ON CONFLICT (tenant_id, what) DO UPDATE SET "on" = excluded."on", at = excluded.at
      WHERE p."on" < excluded."on" OR %(again)s RETURNING id"""


def tonight(tenant_id: int, what: str, prove: Callable[[], list[str]], *, again: bool = False) -> bool:
    """Once a day, from the tenant's small hours on: prove it and keep the outcome; True where this call did.

    A fault is loud: in the program's log, in the audit log, and before whoever may see that.
    """
    with tenant_scope(tenant_id), override(current_tenant().language):
        if calendar.local(calendar.now()).hour < HOUR and not again:
            return False
        with connection.cursor() as cursor:
            values: dict[str, Any] = {"tenant": current_tenant_id(), "what": what, "again": again}
            cursor.execute(_CLAIM, values | {"on": calendar.today(), "at": calendar.now()})
            row = cursor.fetchone()
        if row is None:
            return False
        faults = prove()
        Proof.objects.filter(pk=row[0]).update(count=len(faults), faults=faults[:_KEPT])
        if faults:
            log.critical("%s of tenant %s: %d faults, the first: %s", what, tenant_id, len(faults), faults[0])
            note(
                SimpleNamespace(kind="system", user_id=None, name=_("the nightly proof"), ip=None, on_behalf_of=""),
                "proof.failed", Proof.objects.get(pk=row[0]), faults=faults[:10], count=len(faults),
            )  # fmt: skip
        return True
