from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext_noop

from fiberledger import calendar
from fiberledger.money import Money
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id
from fiberledger.tenancy.hot import hot

from .models import JournalEntry, LedgerAccount

# The chart every tenant starts with: role, code, name, kind.
CHART = (
    ("cash", "1000", gettext_noop("Cash in hand"), "asset"),
    ("bank", "1010", gettext_noop("Bank"), "asset"),
    ("receivable", "1200", gettext_noop("Subscribers owe"), "asset"),
    ("tax_payable", "2100", gettext_noop("Tax to pay"), "liability"),
    ("deposits", "2200", gettext_noop("Deposits held"), "liability"),
    ("opening_equity", "3000", gettext_noop("Opening balances"), "equity"),
    ("sales", "4000", gettext_noop("Internet sales"), "income"),
    ("fees", "4100", gettext_noop("Installation and other fees"), "income"),
    ("discounts", "4900", gettext_noop("Discounts given"), "income"),
    ("rounding", "6900", gettext_noop("Rounding"), "expense"),
    ("cash_difference", "6910", gettext_noop("Cash over and short"), "expense"),
    ("write_off", "6920", gettext_noop("Bad debt"), "expense"),
)


@dataclass(frozen=True, slots=True)
class Half:
    """One side of an entry, signed; made by debit() and credit() only."""

    account_id: int
    money: Money


def debit(account: LedgerAccount | int, money: Money) -> Half:
    return _half(account, money, 1)


def credit(account: LedgerAccount | int, money: Money) -> Half:
    return _half(account, money, -1)


def _half(account: LedgerAccount | int, money: Money, sign: int) -> Half:
    if isinstance(account, LedgerAccount):
        if account.currency != money.currency:
            raise Refusal(f"{account} is kept in {account.currency}, not {money.currency}")
        account = account.pk
    return Half(account, money * sign)


def provision() -> None:
    """The chart of accounts in the tenant's currency; pages that are there already stay."""
    open_chart(current_tenant().currency)


def open_chart(currency: str) -> None:
    """The chart of accounts in one more currency."""
    have = set(LedgerAccount.objects.control().filter(currency=currency).values_list("role", flat=True))
    LedgerAccount.objects.bulk_create(
        LedgerAccount(role=role, code=code, name=name, kind=kind, currency=currency)
        for role, code, name, kind in CHART
        if role not in have
    )


def account(role: str, currency: str) -> LedgerAccount:
    """The tenant's control account for that role and currency. Raises LedgerAccount.DoesNotExist."""
    return LedgerAccount.objects.get(role=role, currency=currency, is_party=False)


def open_party_account(code: str, name: str, currency: str) -> LedgerAccount:
    """A subscriber's own receivable page."""
    return LedgerAccount.objects.create(
        code=code,
        name=name,
        currency=currency,
        kind=LedgerAccount.Kind.ASSET,
        role="receivable",
        is_party=True,
    )


def open_party_accounts(pages: list[tuple[str, str]], currency: str) -> dict[str, int]:
    """Receivable pages for many subscribers at once, as (code, name); returns code → id."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO ledger_ledgeraccount (tenant_id, code, name, kind, role, currency, is_party, balance)
               SELECT %s, page.code, page.name, 'asset', 'receivable', %s, true, 0
                 FROM unnest(%s::text[], %s::text[]) AS page (code, name) RETURNING code, id""",
            [current_tenant_id(), currency, [code for code, _name in pages], [name for _code, name in pages]],
        )
        return dict(cursor.fetchall())


_POST = """
    WITH entry AS (
      INSERT INTO ledger_journalentry (tenant_id, cause, "on", at, memo, actor_name, reverses_id)
      VALUES (%(tenant)s, %(cause)s, %(on)s, %(at)s, %(memo)s, %(actor)s, %(reverses)s) RETURNING id),
    halves AS (
      INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
      SELECT %(tenant)s, entry.id, half.account_id, half.currency, half.amount, %(on)s
        FROM entry, unnest(%(accounts)s::bigint[], %(currencies)s::text[], %(amounts)s::numeric[])
             AS half (account_id, currency, amount))
    SELECT id FROM entry"""


def post(
    cause: str,
    on: date,
    *halves: Half,
    memo: str = "",
    by: Any = None,
    reverses: int | None = None,
) -> JournalEntry:
    """Write one event into the book, in one statement.

    The same cause twice raises IntegrityError; an entry that does not balance per currency is refused by the database.
    Halves of zero are left out.
    """
    tenant_id, at = current_tenant_id(), calendar.now()
    memo, actor_name = memo[:200], getattr(by, "name", "")[:160]
    halves = tuple(half for half in halves if half.money)
    written: Any = hot(
        _POST,
        {
            "tenant": tenant_id,
            "cause": cause,
            "on": on,
            "at": at,
            "memo": memo,
            "actor": actor_name,
            "reverses": reverses,
            "accounts": [half.account_id for half in halves],
            "currencies": [half.money.currency for half in halves],
            "amounts": [half.money.amount for half in halves],
        },
    ).fetchone()
    entry = JournalEntry(
        id=written[0], tenant_id=tenant_id, cause=cause, on=on, at=at, memo=memo, actor_name=actor_name,
        reverses_id=reverses,
    )  # fmt: skip
    entry._state.adding, entry._state.db = False, "default"
    return entry


def reverse(entry: JournalEntry, on: date, *, cause: str, by: Any = None, memo: str = "") -> JournalEntry:
    """Undo an entry with its mirror image, which names it. A second reversal raises IntegrityError."""
    halves = [Half(p.account_id, Money(-p.amount, p.currency)) for p in entry.postings.all()]
    return post(cause, on, *halves, memo=memo, by=by, reverses=entry.pk)
