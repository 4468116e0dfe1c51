"""Looking before cutting: who would be cut and who is spared. Changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from fiberledger import calendar
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant_id

from . import policy, rules, scopes
from .cases import Case, cases


@dataclass(slots=True)
class Preview:
    """Who would be cut and who is spared, decided now; nothing has been changed."""

    as_of: date
    mode: str
    scope: dict[str, Any]
    where: str
    cut: list[tuple[Case, rules.Decision]] = field(default_factory=list)
    spared: list[tuple[Case, rules.Decision]] = field(default_factory=list)
    lines_on: int = 0
    breaker: rules.Breaker | None = None

    @property
    def lines(self) -> int:
        return sum(len(case.lines) for case, _decision in self.cut)

    @property
    def vips(self) -> int:
        return sum(case.facts.is_vip for case, _decision in self.cut)

    @property
    def paid_up(self) -> int:
        return sum(case.facts.balance <= 0 for case, _decision in self.cut)

    def owed(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for case, _decision in self.cut:
            sums[case.facts.currency] = sums.get(case.facts.currency, Decimal(0)) + case.facts.balance
        return sums

    @property
    def spared_by(self) -> dict[str, int]:
        return dict(Counter(decision.rule for _case, decision in self.spared))


def lines_on(scope: dict[str, Any]) -> int:
    """How many lines are in service in the scope: what the breaker's share is of."""
    lines = Subscription.objects.in_service()
    if scope:
        where, values = scopes.where(scope)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT s.id FROM subscribers_subscriber s WHERE s.tenant_id = %(tenant)s {where}",
                {"tenant": current_tenant_id(), **values},
            )
            lines = lines.filter(subscriber_id__in=[row[0] for row in cursor.fetchall()])
    return lines.count()


def preview(*, scope: dict[str, Any], mode: str = "policy", today: date | None = None) -> Preview:
    """Decide for everyone in the scope, and change nothing."""
    today = today or calendar.today()
    ruled = policy.in_force().rules
    seen = Preview(today, mode, scope, scopes.name_of(scope), lines_on=lines_on(scope))
    for case in cases(scope, today=today, mode=mode):
        decision = rules.decide(case.facts, ruled, today, mode)  # type: ignore[arg-type]
        (seen.cut if decision.cut else seen.spared).append((case, decision))
    seen.breaker = _breaker(seen.lines, seen.lines_on, ruled, scope, mode)
    return seen


def _breaker(cutting: int, on: int, ruled: rules.Rules, scope: dict[str, Any], mode: str) -> rules.Breaker:
    """The breaker guards against a run that goes wrong: a street that a person chose by hand is measured against
    every line of the tenant, or no street could ever be cut."""
    if mode != "policy" or "area" in scope or "branch" in scope:
        on = lines_on({})
    return rules.breaker(cutting, on, ruled)
