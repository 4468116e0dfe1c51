"""The verbs: what applies to lines for what they have used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from fiberledger import calendar, jobs
from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount
from fiberledger.access.rules import Allowed
from fiberledger.catalog.models import PlanHours
from fiberledger.notices import services as notices
from fiberledger.notices.services import Told
from fiberledger.subscribers import states
from fiberledger.subscriptions.models import SoldAddOn
from fiberledger.tenancy import current_tenant, current_tenant_id

from . import rollup
from .events import AllowancesChanged
from .models import LineUsage
from .rules import NEAR_PERCENT, NOTHING, Answer, Extra, Facts, Window, decide

MB = 1_000_000
AT_ONCE = 1000  # lines considered in one transaction

# Lines whose answer may be another one now, and those that nobody considered yet.
_DUE = """
    SELECT a.subscription_id FROM usage_lineusage l JOIN access_accessaccount a ON a.tenant_id = l.tenant_id AND a.id = l.account_id
     WHERE l.tenant_id = %(tenant)s AND (l.next_at <= %(now)s OR l.used >= l.next_octets AND l.next_at IS NOT NULL)
    UNION ALL
    SELECT a.subscription_id FROM access_accessaccount a
     WHERE a.tenant_id = %(tenant)s AND a.kind <> 'static'
       AND NOT EXISTS (SELECT FROM usage_lineusage l WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id)"""
_USED = """
    SELECT p.account_id, coalesce(sum(d.up + d.down - d.free), 0)::bigint
      FROM unnest(%s::bigint[], %s::date[], %s::date[]) AS p (account_id, starts_on, ends_on)
      LEFT JOIN usage_day d ON d.tenant_id = %s AND d.account_id = p.account_id AND d.day >= p.starts_on AND d.day < p.ends_on
     GROUP BY p.account_id"""
_COLUMNS = (
    "account_id bigint", "plan_id bigint", "starts_on date", "ends_on date", "used bigint", "allowance bigint", "state text",
    "download_kbps int", "upload_kbps int", "next_at timestamptz", "next_octets bigint",
)  # fmt: skip
_NAMES = [column.split()[0] for column in _COLUMNS]
_KEEP = f"""
    INSERT INTO usage_lineusage AS l (tenant_id, since, {", ".join(_NAMES)})
    SELECT %s, %s, * FROM unnest({", ".join(f"%s::{column.split()[1]}[]" for column in _COLUMNS)})
    ON CONFLICT (account_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])},
      since = CASE WHEN l.state = excluded.state THEN l.since ELSE excluded.since END
     WHERE ({", ".join(f"l.{name}" for name in _NAMES[1:])}) IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _NAMES[1:])})"""


def due() -> list[int]:
    """The subscriptions to consider now: one statement, and no work for the others."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"tenant": current_tenant_id(), "now": calendar.now()})
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def reconsider(subscription_ids: Sequence[int]) -> int:
    """Work out what applies to these lines now, and tell access where it is something new. Returns for how many it was."""
    rollup.take_turn()
    now = calendar.now()
    accounts = list(
        AccessAccount.objects.filter(subscription__in=list(subscription_ids))
        .exclude(kind="static")
        .select_related("subscription__plan")
    )
    known = facts_of(accounts, now)
    answers = {account: decide(known[account], now) for account in accounts}
    _keep([_row(account, known[account], answers[account]) for account in accounts], now)
    _tell(answers, known)
    changed = access.allow(
        {account.pk: _allowed(account, answer) for account, answer in answers.items()},
        reason=_("What the line used, or the hour of the day"),
    )
    if changed:
        jobs.publish(AllowancesChanged(changed))
    return len(changed)


def facts_of(accounts: Sequence[AccessAccount], now: datetime) -> dict[AccessAccount, Facts]:
    """What the rules want to know of these accounts, in three queries. `subscription__plan` is at hand."""
    lines = [account.subscription for account in accounts]
    windows: dict[int, list[Window]] = {}
    for hours in PlanHours.objects.filter(plan__in={line.plan_id for line in lines}):
        windows.setdefault(hours.plan_id, []).append(rollup.window_of(hours))
    extras: dict[int, list[Extra]] = {}
    for sold in SoldAddOn.objects.not_over(now).filter(subscription__in=lines, kind__in=["data", "speed"]):
        extras.setdefault(sold.subscription_id, []).append(
            Extra(sold.starts_at, sold.ends_at, (sold.mb or 0) * MB, sold.download_kbps, sold.upload_kbps)
        )
    today, zone = calendar.today(), current_tenant().timezone
    spans = {account: account.subscription.period_around(today) for account in accounts}
    used = _used_in(spans)
    found = {}
    for account in accounts:
        line, plan = account.subscription, account.subscription.plan
        found[account] = Facts(
            zone=zone,
            starts_on=spans[account][0],
            ends_on=spans[account][1],
            used=used[account.pk],
            quota=None if plan.quota_mb is None else plan.quota_mb * MB,
            at_limit=plan.at_limit,
            download=plan.download_kbps,
            upload=plan.upload_kbps,
            slow_download=plan.slow_download_kbps,
            slow_upload=plan.slow_upload_kbps,
            windows=tuple(windows.get(plan.pk, ())),
            extras=tuple(extras.get(line.pk, ())),
        )
    return found


def _used_in(spans: dict[AccessAccount, tuple[date, date]]) -> dict[int, int]:
    """What each moved in its span that counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            _USED,
            [
                [account.pk for account in spans],
                [start for start, _end in spans.values()],
                [end for _start, end in spans.values()],
                current_tenant_id(),
            ],
        )
        return dict(cursor.fetchall())


def _in_service(account: AccessAccount) -> bool:
    return str(states.network(account.subscription.status)) == "accept"


def _allowed(account: AccessAccount, answer: Answer) -> Allowed | None:
    """What access is to know; nothing for a line out of service, and where the plan's own terms apply."""
    if not _in_service(account) or not (answer.stop or answer.download or answer.upload):
        return None
    return Allowed(answer.stop, answer.download, answer.upload)


def _tell(answers: dict[AccessAccount, Answer], known: dict[AccessAccount, Facts]) -> None:
    """Prepare the messages that say four fifths, or all, of a period's data is used; once each for what the line may."""
    told: dict[str, list[Told]] = {"usage.near": [], "usage.reached": []}
    for account, answer in answers.items():
        facts, may = known[account], answer.allowance
        if not may or facts.at_limit == NOTHING or facts.used * 100 < may * NEAR_PERCENT or not _in_service(account):
            continue
        line = account.subscription
        told["usage.near" if facts.used < may else "usage.reached"].append(
            Told(
                line.subscriber_id,
                f"usage:{line.pk}:{facts.starts_on.isoformat()}:{may}",
                {"package_name": line.plan.name, "due_date": facts.ends_on.isoformat()},
            )
        )
    for event, rows in told.items():
        notices.queue_many(event, rows)


def _row(account: AccessAccount, facts: Facts, answer: Answer) -> tuple[Any, ...]:
    on = _in_service(account)
    return (
        account.pk, account.subscription.plan_id, facts.starts_on, facts.ends_on, facts.used, answer.allowance,
        answer.state if on else LineUsage.State.PLAIN, answer.download if on else None, answer.upload if on else None,
        answer.next_at if on else None, answer.next_octets if on else None,
    )  # fmt: skip


def _keep(rows: Sequence[tuple[Any, ...]], now: datetime) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [current_tenant_id(), now, *(list(column) for column in zip(*rows, strict=True))])
