"""Keys changed while everything serves: data keys wrapped anew at once, the data itself locked anew in small batches."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from fiberledger import calendar
from fiberledger.tenancy import current_tenant_id, tenant_scope
from fiberledger.tenancy.models import Tenant

from . import keys, locking
from .models import DataKey
from .registry import Locked, kinds

BATCH = 500


def rewrap(tenant_id: int) -> int:
    """The tenant's data keys under the present master key; returns how many were under another."""
    count, present = 0, keys.current()
    with tenant_scope(tenant_id):
        for one in DataKey.objects.exclude(master=present).select_for_update():
            about = locking.about(tenant_id, one.number)
            one.master, one.wrapped = keys.wrap(keys.unwrap(one.master, bytes(one.wrapped), about), about)
            one.save(update_fields=["master", "wrapped"])
            count += 1
    return count


def unfinished() -> bool:
    """Was a rotation of the data begun and broken off?"""
    for tenant_id, _slug in tenants():
        with tenant_scope(tenant_id):
            newest = DataKey.objects.order_by("-number").first()
            if newest is not None and newest.number > 1 and newest.relocked_at is None:
                return True
    return False


def begin(tenant_id: int) -> int:
    """The data key under which everything is to be: a new one, or that of a rotation which was broken off."""
    with tenant_scope(tenant_id):
        newest = DataKey.objects.order_by("-number").first()
        if newest is None or newest.relocked_at is not None or newest.number == 1:
            newest = locking.add_data_key(tenant_id)
        return newest.number


def relock(tenant_id: int, number: int) -> Iterator[int]:
    """Everything the tenant has locked, under that data key: how many, batch by batch."""
    for kind in kinds().values():
        yield from _batches(tenant_id, kind, number)


def finish(tenant_id: int, number: int) -> None:
    with tenant_scope(tenant_id):
        DataKey.objects.filter(number=number).update(relocked_at=calendar.now())


def _batches(tenant_id: int, kind: Locked, number: int) -> Iterator[int]:
    """Each batch is a transaction of its own, and touches no row that somebody is changing: that one comes later."""
    head, after = locking.prefix(number), 0
    while True:
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT "{kind.key}", "{kind.column}" FROM "{kind.table}"
                     WHERE tenant_id = %s AND "{kind.key}" > %s AND length("{kind.column}") > 3
                       AND substring("{kind.column}" FROM 1 FOR 3) <> %s
                     ORDER BY "{kind.key}" LIMIT %s FOR UPDATE""",
                [current_tenant_id(), after, head, BATCH],
            )
            rows = cursor.fetchall()
            place = kind.place_of(tenant_id)
            anew = [(pk, locking.lock(locking.unlock(old, place), place)) for pk, old in rows]
            if anew:
                cursor.execute(
                    f"""UPDATE "{kind.table}" t SET "{kind.column}" = w.value
                          FROM unnest(%s::bigint[], %s::bytea[]) w (pk, value) WHERE t.tenant_id = %s AND t."{kind.key}" = w.pk""",
                    [[pk for pk, _value in anew], [value for _pk, value in anew], tenant_id],
                )
        if not rows:
            return
        after = rows[-1][0]
        yield len(rows)


def tenants() -> list[tuple[int, str]]:
    return list(Tenant.objects.order_by("pk").values_list("pk", "slug"))
