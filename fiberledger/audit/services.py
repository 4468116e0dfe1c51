from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from fiberledger import calendar
from fiberledger.tenancy import current_tenant_id
from fiberledger.tenancy.hot import hot

from .models import Entry

_COLUMNS = """tenant_id, at, actor_kind, actor_id, actor_name, on_behalf_of, ip, action,
    target_type, target_id, target_label, before, after, extra"""
_CHUNK = 10_000

# Never written to the log, whatever the model calls it.
_SECRET_WORDS = ("password", "secret", "token", "digest", "private_key")
MASK = "••••••"


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if type(o) in (Decimal, date):  # as Django writes them; an import has five of them a row
            return str(o)
        if isinstance(o, (set, frozenset)):
            return sorted(o)
        try:
            return super().default(o)
        except TypeError:
            return str(o)


def _json(value: Any) -> str | None:
    # PostgreSQL's jsonb knows no U+0000.
    return None if value is None else json.dumps(value, cls=_Encoder, ensure_ascii=False).replace("\\u0000", "")


def _text(value: Any, limit: int) -> str:
    return str(value).replace("\0", "")[:limit]


def _only_changes(before: Any, after: Any) -> tuple[Any, Any]:
    if isinstance(before, dict) and isinstance(after, dict):
        same = {key for key in before.keys() & after.keys() if before[key] == after[key]}
        before = {key: value for key, value in before.items() if key not in same}
        after = {key: value for key, value in after.items() if key not in same}
    return before, after


def _who(actor: Any) -> list[Any]:
    return [
        actor.kind,
        actor.user_id,
        _text(actor.name, 200),
        _text(actor.on_behalf_of or "", 200),
        actor.ip or None,
    ]


def newest() -> int:
    """The number of the tenant's newest entry, 0 when there is none: it moves whenever anybody has done anything."""
    return Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def note(
    actor: Any,
    action: str,
    target: models.Model | None = None,
    before: dict | None = None,
    after: dict | None = None,
    **extra: Any,
) -> None:
    """Write down that the actor did this to the target, in the caller's transaction: what is rolled back was not done.

    Of `before` and `after` only what differs is kept. `extra` is for what is neither, e.g. a reason.
    """
    before, after = _only_changes(before, after)
    about = ["", "", ""] if target is None else [target._meta.label_lower, _text(target.pk, 64), _text(target, 200)]
    hot(
        f"INSERT INTO audit_entry ({_COLUMNS}) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)",
        [current_tenant_id(), calendar.now(), *_who(actor), action, *about]
        + [_json(before), _json(after), _json(extra or None)],
    )


def note_many(
    actor: Any, action: str, rows: Iterable[tuple[str, Any, Any, dict | None, dict | None]], **extra: Any
) -> int:
    """Write down one action on many targets: (target_type, target_id, label, before, after) each; returns how many.

    A hundred thousand take about as long as PostgreSQL needs to store them: one INSERT … SELECT for ten thousand.
    (COPY is refused on a table with row-level security.)
    """
    head = [current_tenant_id(), calendar.now(), *_who(actor), action, _json(extra or None)]
    written = 0
    with connection.cursor() as cursor:
        for chunk in _chunks(rows):
            noted = []
            for target_type, target_id, label, before, after in chunk:
                before, after = _only_changes(before, after)
                noted.append(
                    {
                        "t": target_type.lower(),
                        "i": _text(target_id, 64),
                        "l": _text(label, 200),
                        "b": before,
                        "a": after,
                    }
                )
            # One JSON text: arrays would have to be quoted element by element, in Python.
            cursor.execute(
                f"""INSERT INTO audit_entry ({_COLUMNS})
                SELECT h.tenant_id, h.at, h.kind, h.actor_id, h.name, h.behalf, h.ip, h.action, r.t, r.i, r.l, r.b, r.a, h.extra
                  FROM (VALUES (%s::bigint, %s::timestamptz, %s::text, %s::bigint, %s::text, %s::text, %s::inet,
                                %s::text, %s::jsonb))
                       AS h (tenant_id, at, kind, actor_id, name, behalf, ip, action, extra),
                       jsonb_to_recordset(%s::jsonb) AS r (t text, i text, l text, b jsonb, a jsonb)""",
                [*head, _json(noted)],
            )
            written += len(noted)
    return written


def note_from(actor: Any, action: str, query: str, params: Sequence[Any] = (), **extra: Any) -> int:
    """Write down one action on every row of a query, in the database: what a large run has just made. Returns how many.

    The query yields (target_type, target_id, label, before, after), the last two as jsonb; its order is kept.
    """
    head = [current_tenant_id(), calendar.now(), *_who(actor), action, _json(extra or None)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO audit_entry ({_COLUMNS})
            SELECT h.tenant_id, h.at, h.kind, h.actor_id, h.name, h.behalf, h.ip, h.action,
                   r.target_type, r.target_id::text, left(r.label, 200), r.before, r.after, h.extra
              FROM (VALUES (%s::bigint, %s::timestamptz, %s::text, %s::bigint, %s::text, %s::text, %s::inet,
                            %s::text, %s::jsonb))
                   AS h (tenant_id, at, kind, actor_id, name, behalf, ip, action, extra),
                   ({query}) AS r (target_type, target_id, label, before, after)""",
            [*head, *params],
        )
        return cursor.rowcount


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def snapshot(instance: models.Model, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """The row's own values as they may be shown, for `before` and `after`: choices and keys in words, secrets masked."""
    wanted = set(fields) if fields is not None else None
    shown: dict[str, Any] = {}
    for field in instance._meta.concrete_fields:
        if field.name in ("id", "tenant") or (wanted is not None and field.name not in wanted):
            continue
        value = getattr(instance, field.attname)
        if any(word in field.name for word in _SECRET_WORDS):
            value = MASK if value else ""
        elif field.is_relation and value is not None:
            # Named where its row is at hand; a number rather than one more query where it is not.
            value = str(getattr(instance, field.name)) if field.name in instance._state.fields_cache else value
        elif isinstance(value, (bytes, memoryview)):
            value = MASK if value else ""
        shown[field.name] = value
    return shown


def timeline(target_type: str, target_id: Any) -> models.QuerySet[Entry]:
    """What happened to one record, newest first. `target_type` is the model's label in any case."""
    return Entry.objects.about(target_type.lower(), target_id).newest_first()
