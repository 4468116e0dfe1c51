from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.tenancy import Refusal, current_tenant_id

from .events import ManySecretsSeen
from .locking import unlock
from .models import DAYS, Kept, Look, VaultPolicy
from .registry import Locked, kinds

SHORTEST_REASON = 8
MANY, WITHIN = 10, timedelta(hours=1)  # so many looks of one person: the owner is told


def changed(code: str, row: models.Model) -> None:
    """A secret that is listed was set, or set anew."""
    Kept.objects.update_or_create(
        kind=code, object_id=row.pk, defaults={"label": str(row)[:200], "changed_at": calendar.now()}
    )


def check_reason(reason: str) -> str:
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON or len(set(reason.lower())) < 4:
        raise Refusal(_("Say in a few words why you need to see it."))
    return reason[:200]


def look(code: str, row: models.Model, *, reason: str, by: Any) -> str:
    """A secret in clear, for one who gave a reason; it is written down before it is answered."""
    kind, reason = kinds()[code], check_reason(reason)
    now = calendar.now()
    seen = Look.objects.create(
        kind=code, object_id=row.pk, label=str(row)[:200], user_id=by.user_id, who=str(by)[:200], reason=reason, at=now
    )
    Kept.objects.filter(kind=code, object_id=row.pk).update(seen_at=now, seen_by=str(by)[:200])
    audit.note(by, kind.audited, row, reason=reason)
    if by.user_id and Look.objects.filter(user_id=by.user_id, at__gt=now - WITHIN).count() == MANY:
        jobs.publish(ManySecretsSeen(seen.pk))
    return unlock(getattr(row, kind.field), kind.place_of(current_tenant_id()))


def policy() -> dict[str, int]:
    """After how many days each listed kind is due."""
    chosen = VaultPolicy.objects.values_list("days", flat=True).first() or {}
    return {code: chosen.get(code, DAYS) for code, kind in kinds().items() if kind.listed}


def set_policy(days: dict[str, int], *, by: Any) -> None:
    before = policy()
    VaultPolicy.objects.update_or_create(defaults={"days": days})
    row = VaultPolicy.objects.get()
    audit.note(by, "vault.policy_changed", row, before=before, after=policy())


def take_stock() -> None:
    """Everything that is listed is in the list, under the name it has now, and nothing that is gone."""
    for kind in kinds().values():
        if not kind.listed:
            continue
        rows = apps.get_model(kind.model)._default_manager.exclude(**{f"{kind.field}__isnull": True})
        there = {row.pk: row for row in rows}
        known = {kept.object_id: kept for kept in Kept.objects.filter(kind=kind.code)}
        Kept.objects.filter(kind=kind.code, object_id__in=known.keys() - there.keys()).delete()
        now = calendar.now()
        Kept.objects.bulk_create(
            Kept(kind=kind.code, object_id=pk, label=str(there[pk])[:200], changed_at=_since(there[pk], now))
            for pk in there.keys() - known.keys()
        )
        renamed = []
        for pk in there.keys() & known.keys():
            if known[pk].label != (label := str(there[pk])[:200]):
                known[pk].label = label
                renamed.append(known[pk])
        Kept.objects.bulk_update(renamed, ["label"])


def _since(row: Any, now: Any) -> Any:
    return getattr(row, "created_at", None) or now


def busy_lookers() -> list[dict[str, Any]]:
    """Who looked at many secrets within an hour, in the last day, and at how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT max(who), max(n) FROM (
                 SELECT who, user_id, count(*) OVER (
                          PARTITION BY user_id ORDER BY at RANGE BETWEEN make_interval(secs => %s) PRECEDING AND CURRENT ROW) AS n
                   FROM vault_look WHERE tenant_id = %s AND at > %s AND user_id IS NOT NULL) looks
                WHERE n >= %s GROUP BY user_id ORDER BY 2 DESC""",
            [WITHIN.total_seconds(), current_tenant_id(), calendar.now() - timedelta(days=1), MANY],
        )
        return [{"who": who, "n": n} for who, n in cursor.fetchall()]


def how_locked() -> list[tuple[Locked, dict[int, int]]]:
    """Of each kind: how many values of the tenant are locked with which data key; 0 is the field key of old."""
    found = []
    for kind in kinds().values():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT CASE get_byte("{kind.column}", 0) WHEN 1 THEN 0
                           ELSE get_byte("{kind.column}", 1) * 256 + get_byte("{kind.column}", 2) END AS number, count(*)
                      FROM "{kind.table}" WHERE tenant_id = %s AND length("{kind.column}") > 3 GROUP BY 1""",
                [current_tenant_id()],
            )
            found.append((kind, dict(cursor.fetchall())))
    return found
