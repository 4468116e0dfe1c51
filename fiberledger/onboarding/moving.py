"""From understood rows to what they mean: a line on a plan, a login, an opening balance; and all of it back again.

Everything is written for a set, by each room's own verb.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount, SessionHistory
from fiberledger.billing import services as billing
from fiberledger.billing.models import BillingPolicy, Invoice
from fiberledger.ledger.models import JournalEntry, Posting
from fiberledger.payments.models import Payment
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import Document, Note, Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import periods
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange, Subscription
from fiberledger.subscriptions.services import Sale

from .rules import Row

NEXT = "next"


class PlanTerms(NamedTuple):
    """Of a plan what a line's terms depend on."""

    price: Decimal
    validity_days: int
    connection_type: str
    cycle: str  # "": as the billing rules say


@dataclass(frozen=True, slots=True)
class Terms:
    """How lines that come from elsewhere are billed from now on."""

    cycle: str
    anchor_day: int
    today: date
    bill_from: str  # "this": the running period is still ours to bill; "next": it is in the opening balance

    @classmethod
    def of(cls, policy: BillingPolicy, options: dict, today: date) -> Terms:
        return cls(policy.cycle, policy.anchor_day, today, options.get("bill_from", "this"))

    def billed_until(self, started_on: date, plan: PlanTerms) -> date | None:
        """The first day that we bill: what lies before was billed elsewhere, and stands in the opening balance."""
        anchor = self.anchor_day if (plan.cycle or self.cycle) == Subscription.Cycle.FIXED else started_on.day
        months, days = periods.span(plan.validity_days)
        start, end = periods.whole_period(self.today, anchor, started_on, months, days)
        if self.bill_from == NEXT:
            return end
        return start if start > started_on else None


def sell(
    terms: Terms, plans: dict[int, PlanTerms], pairs: Sequence[tuple[int, Row]], *, by: Any
) -> dict[str, list[int]]:
    """A line for every row that names a plan, and the login for every line that has one."""
    sales, rows = [], []
    for subscriber_id, row in pairs:
        if row.plan is None:
            continue
        started_on = row.installed_on or terms.today
        sales.append(
            Sale(
                subscriber_id,
                row.plan,
                started_on,
                status=str(row.status),
                price=row.fee,
                ended_on=terms.today if row.status in (Status.TERMINATED, Status.BLACKLISTED) else None,
                billed_until=terms.billed_until(started_on, plans[row.plan]),
            )
        )
        rows.append(row)
    ids = subscriptions.sell_many(
        sales, by=by, reason=StatusChange.Reason.IMPORTED, check=False, action="subscription.imported"
    )
    logins = [
        {
            "subscription_id": pk,
            "username": row.username,
            "password": row.password,
            "static_ip": row.static_ip,
            "only_mac": row.only_mac,
            "kind": _kind(plans[row.plan].connection_type),  # type: ignore[index]
        }
        for pk, row in zip(ids, rows, strict=True)
        if row.username
    ]
    created = {"subscriptions.subscription": ids}
    if logins:
        created["access.accessaccount"] = sorted(access.open_accounts(logins, by=by).values())
    return created


def _kind(connection_type: str) -> str:
    return access.kind_for(connection_type) if connection_type == "hotspot" else "pppoe"


def open_balances(pairs: Iterable[tuple[int, Row]], *, on: date, by: Any) -> list[int]:
    """What they owed or had paid ahead where they come from; ids of the subscribers who did."""
    amounts = {subscriber_id: row.opening for subscriber_id, row in pairs if row.opening}
    billing.issue_opening(amounts, on=on, by=by)
    return sorted(amounts)


def dependants(created: dict[str, list[int]]) -> list[str]:
    """What has happened since to those who came with an import, in words, each with who it is."""
    ids = created.get("subscribers.subscriber", [])
    lines = created.get("subscriptions.subscription", [])
    mine = Q(subscriber__in=ids)
    found = [
        (_("payments of %s"), Payment.objects.filter(mine).values_list("subscriber_id", flat=True)),
        (
            _("invoices of %s"),
            Invoice.objects.filter(mine)
            .exclude(kind="opening")
            .exclude(status="void")
            .values_list("subscriber_id", flat=True),
        ),
        (_("entries in the books of %s"), _with_entries_besides(ids)),
        (
            _("further subscriptions of %s"),
            Subscription.objects.filter(mine).exclude(pk__in=lines).values_list("subscriber_id", flat=True),
        ),
        (
            _("changes of status of %s"),
            StatusChange.objects.filter(mine)
            .exclude(reason=StatusChange.Reason.IMPORTED)
            .values_list("subscriber_id", flat=True),
        ),
        (_("sessions of %s"), _with_sessions(created.get("access.accessaccount", []))),
        (_("documents of %s"), Document.objects.filter(mine).values_list("subscriber_id", flat=True)),
        (
            _("notes on %s"),
            Note.objects.filter(mine)
            .exclude(pk__in=created.get("subscribers.note", []))
            .values_list("subscriber_id", flat=True),
        ),
    ]
    reasons = []
    for words, who in found:
        some = list(who.order_by().distinct()[:200])
        if some:
            reasons.append(words % _named(some))
    return reasons


# Table by table: of a tenant too new for statistics PostgreSQL expects one row, and would join by going through all for each.


def _with_entries_besides(ids: Sequence[int]) -> QuerySet[Subscriber]:
    """Those in whose books there is more than their opening balance, and what was made void or reversed since."""
    accounts = list(Subscriber.objects.filter(pk__in=ids).values_list("receivable_id", flat=True))
    postings = list(Posting.objects.filter(account__in=accounts).values_list("entry_id", "account_id"))
    entries = dict(
        JournalEntry.objects.filter(pk__in={entry for entry, _account in postings})
        .exclude(cause__startswith="opening:")
        .values_list("pk", "reverses_id")
    )
    of_entries = Invoice.objects.filter(entry__in={*entries, *filter(None, entries.values())})
    invoices = {entry: told for entry, *told in of_entries.values_list("entry_id", "kind", "status")}
    more = {
        entry
        for entry, reverses in entries.items()
        if reverses not in invoices and not {"opening", "void"}.intersection(invoices.get(entry, ()))
    }
    return Subscriber.objects.filter(
        receivable__in={account for entry, account in postings if entry in more}
    ).values_list("pk", flat=True)


def _with_sessions(accounts: Sequence[int]) -> QuerySet[Subscriber]:
    online = list(
        SessionHistory.objects.filter(account__in=accounts).order_by().values_list("account", flat=True).distinct()
    )
    lines = AccessAccount.objects.filter(pk__in=online).values_list("subscription_id", flat=True)
    return Subscription.objects.filter(pk__in=list(lines)).values_list("subscriber_id", flat=True)


def _named(ids: Sequence[int]) -> str:
    names = [
        f"{number} {name}" for number, name in Subscriber.objects.filter(pk__in=ids[:3]).values_list("number", "name")
    ]
    if len(ids) > len(names):
        names.append(_("%d more") % (len(ids) - len(names)))
    return ", ".join(names)


def withdraw(created: dict[str, list[int]], *, by: Any) -> None:
    """Take everything back that an import brought: balances reversed, logins closed, lines and people withdrawn.

    Places, plans and tags stay: they harm nobody, and the books still name the first two.
    """
    ids = created.get("subscribers.subscriber", [])
    lines = created.get("subscriptions.subscription", [])
    billing.withdraw_openings(ids, reason=_("The import was undone."), by=by)
    access.close_accounts(lines)
    subscriptions.withdraw(lines, by=by)
    subscribers.remove_notes(created.get("subscribers.note", []), by=by)
    subscribers.withdraw(ids, by=by)
