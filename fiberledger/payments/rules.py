"""What a payment settles, and which payments are refused: pure functions, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from fiberledger.money import Money, show
from fiberledger.money.typed import too_fine


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that still wants money."""

    id: int
    number: str
    due_on: date
    issued_on: date
    open: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """What of a payment goes to one invoice, and what is then left of it."""

    invoice_id: int
    number: str
    amount: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    parts: tuple[Part, ...]
    advance: Decimal


def oldest_first(invoices: Iterable[OpenInvoice]) -> list[OpenInvoice]:
    """By due date, then the order they were written in."""
    return sorted(invoices, key=lambda invoice: (invoice.due_on, invoice.id))


def settle(amount: Decimal, invoices: Iterable[OpenInvoice], only: Sequence[int] | None = None) -> Settlement:
    """Share an amount out over open invoices, oldest first; with `only`, over those and no others.

    What no invoice wants is advance. The parts and the advance add up to the amount.
    """
    chosen = oldest_first(invoices)
    if only is not None:
        wanted = set(only)
        chosen = [invoice for invoice in chosen if invoice.id in wanted]
    parts, left = [], amount
    for invoice in chosen:
        taken = min(left, invoice.open)
        if taken <= 0:
            continue
        parts.append(Part(invoice.id, invoice.number, taken, invoice.open - taken))
        left -= taken
    return Settlement(tuple(parts), left)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the tenant allows at the counter."""

    future_days: int = 0
    back_days: int = 3
    allow_advance: bool = True
    largest: Decimal = Decimal(1_000_000)


def fault_of_amount(money: Money, *, currency: str, owed: Decimal, limits: Limits) -> str | None:
    """Why this amount can't be taken, in words for the cashier; None if it can."""
    if money.currency != currency:
        return _("This account is kept in %(right)s; money in %(wrong)s can't be recorded on it.") % {
            "right": currency,
            "wrong": money.currency,
        }
    if money.amount <= 0:
        return _("Enter an amount above zero. To take back a payment, reverse its receipt.")
    if money.amount != money.rounded().amount:
        return too_fine(currency)
    if money.amount > limits.largest:
        return _("%(amount)s is more than one payment may be here (%(largest)s). Check the zeros.") % {
            "amount": show(money),
            "largest": show(Money(limits.largest, currency)),
        }
    if not limits.allow_advance and money.amount > owed:
        return _("%(amount)s is more than the %(owed)s owed, and advance payments are switched off.") % {
            "amount": show(money),
            "owed": show(Money(max(owed, Decimal(0)), currency)),
        }
    return None


def fault_of_date(received_on: date, *, today: date, may_backdate: bool, limits: Limits) -> str | None:
    """Why a payment can't be dated so; None if it can."""
    if received_on > today + timedelta(days=limits.future_days):
        if limits.future_days:
            return _("A payment may be dated at most %d days ahead.") % limits.future_days
        return _("A payment can't be dated in the future.")
    if received_on < today - timedelta(days=limits.back_days) and not may_backdate:
        return _("A payment older than %d days needs someone who may backdate payments.") % limits.back_days
    if received_on.year < today.year - 10:
        return _("That date is more than ten years ago. Check the year.")
    return None
