from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs, ledger
from fiberledger.billing import services as billing
from fiberledger.money import Money, show
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id
from fiberledger.tenancy.hot import hot

from . import rules
from .events import PaymentRecorded, PaymentReversed
from .models import CashClosing, Method, Payment, PaymentPolicy


class AlreadyUsed(Refusal):
    """The form's key belongs to another payment; `earlier` is that payment."""

    def __init__(self, text: str, earlier: Payment) -> None:
        super().__init__(text)
        self.earlier = earlier


def provision() -> None:
    PaymentPolicy.objects.get_or_create()


def policy() -> PaymentPolicy:
    return PaymentPolicy.objects.first() or PaymentPolicy()


# --- Recording -----------------------------------------------------------------------------------------------------

# The subscriber's row is the queue that everybody who moves their money stands in, and the key has a queue too: one key
# told for two subscribers at once is one mistake, not two payments. The account and the policy are read on the way;
# nothing here may depend on what those before us in the queue have written.
_JOIN_THE_QUEUE = """
    SELECT s.receivable_id, r.currency, a.id, p.receipt_prefix, p.receipt_digits,
           p.future_days, p.back_days, p.allow_advance, p.largest, pg_advisory_xact_lock(hashtextextended(%s::text, %s::bigint))
      FROM subscribers_subscriber s
      JOIN ledger_ledgeraccount r ON r.tenant_id = s.tenant_id AND r.id = s.receivable_id
      LEFT JOIN ledger_ledgeraccount a
             ON a.tenant_id = s.tenant_id AND a.role = %s::text AND a.currency = r.currency AND NOT a.is_party
      LEFT JOIN payments_paymentpolicy p ON p.tenant_id = s.tenant_id
     WHERE s.tenant_id = %s AND s.id = %s
       FOR NO KEY UPDATE OF s"""

# A new statement, so a new snapshot: what the one before us committed is seen.
_LOOK_AGAIN = """
    SELECT r.balance, p.id, nextval('payments_payment_id_seq')
      FROM ledger_ledgeraccount r LEFT JOIN payments_payment p ON p.tenant_id = r.tenant_id AND p.key = %s
     WHERE r.tenant_id = %s AND r.id = %s"""

# The number is taken in the statement that writes it, and that comes as late as can be: until the commit is on the disk,
# every other till of the tenant waits for the counter's row.
_WRITE = """
    WITH counted AS (
      INSERT INTO tenancy_counter AS c (tenant_id, name, value) VALUES (%(tenant)s, 'receipt', 1)
      ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value + 1 RETURNING value)
    INSERT INTO payments_payment (id, tenant_id, number, subscriber_id, amount, currency, method, account_id, key,
        received_on, received_at, collector_id, collector_name, reference, note, entry_id, reversed_by, reversal_reason)
    SELECT %(id)s, %(tenant)s, %(prefix)s::text || lpad(value::text, greatest(%(digits)s::int, length(value::text)), '0'),
        %(subscriber)s, %(amount)s, %(currency)s, %(method)s, %(account)s, %(key)s,
        %(on)s, %(at)s, %(collector)s::bigint, %(collector_name)s, %(reference)s, %(note)s, %(entry)s, '', ''
      FROM counted RETURNING number"""


def record_payment(
    subscriber: Subscriber | int,
    money: Money,
    *,
    method: str,
    key: UUID,
    received_on: date,
    by: Any,
    invoices: Sequence[int] | None = None,
    reference: str = "",
    note: str = "",
    collector: Any = None,
) -> Payment:
    """Record money received from a subscriber and settle their oldest invoices with it, or those chosen.

    The same key returns the first payment and changes nothing: a cashier's double click, a second tab and a gateway's
    repeated webhook are one event told twice. The same key with other particulars is refused (AlreadyUsed), since
    somebody then believes that two payments were recorded. What no invoice takes is advance, and settles the next.
    Everything that may refuse does so before the first row is written.
    """
    tenant_id = current_tenant_id()
    subscriber_id = subscriber if isinstance(subscriber, int) else subscriber.pk
    method = Method(method)
    found = hot(_JOIN_THE_QUEUE, [str(key), tenant_id, method.account_role, tenant_id, subscriber_id]).fetchone()
    if found is None:
        raise Refusal(_("There is no such subscriber."))
    receivable, currency, account, prefix, digits, *limits, _lock = found
    balance, earlier, payment_id = hot(_LOOK_AGAIN, [key, tenant_id, receivable]).fetchone()
    if earlier:
        return _the_same(Payment.objects.get(pk=earlier), subscriber_id, money, method)
    allowed = rules.Limits(*limits) if limits[0] is not None else rules.Limits()
    fault = rules.fault_of_amount(money, currency=currency, owed=balance, limits=allowed)
    fault = fault or rules.fault_of_date(
        received_on, today=calendar.today(), may_backdate=by.may("payments.backdate"), limits=allowed
    )
    if fault:
        raise Refusal(fault)
    if account is None:
        raise Refusal(
            _("The books have no account for %(method)s in %(currency)s.")
            % {"method": method.label, "currency": currency}
        )

    payment = Payment(
        id=payment_id,
        tenant_id=tenant_id,
        subscriber_id=subscriber_id,
        amount=money.amount,
        currency=currency,
        method=str(method),
        account_id=account,
        key=key,
        received_on=received_on,
        received_at=calendar.now(),
        collector_id=collector.pk if collector else getattr(by, "membership_id", None),
        collector_name=(collector.name if collector else by.name)[:160],
        reference=reference[:80],
        note=note[:200],
    )
    entry = ledger.post(
        f"payment:{payment_id}",
        received_on,
        ledger.debit(account, money),
        ledger.credit(receivable, money),
        memo=reference,
        by=by,
    )
    payment.entry_id = entry.pk
    billing.settle_open_invoices([subscriber_id], only_invoices=invoices)
    jobs.publish(PaymentRecorded(payment_id, subscriber_id))
    payment.number = hot(  # type: ignore[index]
        _WRITE,
        {
            "tenant": tenant_id, "id": payment_id, "prefix": "R-" if prefix is None else prefix,
            "digits": digits or 6, "subscriber": subscriber_id, "amount": money.amount, "currency": currency,
            "method": payment.method, "account": account, "key": key, "on": received_on,
            "at": payment.received_at, "collector": payment.collector_id,
            "collector_name": payment.collector_name, "reference": payment.reference, "note": payment.note,
            "entry": payment.entry_id,
        },
    ).fetchone()[0]  # fmt: skip
    payment._state.adding, payment._state.db = False, "default"
    audit.note(
        by,
        "payment.recorded",
        payment,
        after={"amount": str(money), "method": payment.method, "received_on": received_on, "subscriber": subscriber_id},
    )
    return payment


def _the_same(earlier: Payment, subscriber_id: int, money: Money, method: str) -> Payment:
    if (earlier.subscriber_id, earlier.money, earlier.method) == (subscriber_id, money, str(method)):
        return earlier
    raise AlreadyUsed(
        _("This form was already used for receipt %(number)s of %(amount)s. Open it again to record one more.")
        % {"number": earlier.number, "amount": show(earlier.money)},
        earlier,
    )


def names_for_statement(ids: list[int]) -> dict[int, tuple[str, str]]:
    """How a subscriber's ledger calls our entries, and where it leads."""
    return {
        pk: (_("Payment %s") % number, reverse("payments:payment", args=[pk]))
        for pk, number in Payment.objects.filter(pk__in=ids).values_list("pk", "number")
    }


def open_invoices(subscriber_id: int) -> list[rules.OpenInvoice]:
    """What the subscriber still has to pay, oldest first: for choosing, and for saying what an amount will settle."""
    return [
        rules.OpenInvoice(invoice.pk, invoice.number, invoice.due_on, invoice.issued_on, Decimal(invoice.open))  # type: ignore[attr-defined]
        for invoice in billing.open_invoices(subscriber_id)
    ]


# --- Reversing -----------------------------------------------------------------------------------------------------


@transaction.atomic
def reverse_payment(payment: Payment | int, *, reason: str, by: Any, on: date | None = None) -> Payment:
    """Take a payment back: the books get the mirror entry, what it settled is open again, the receipt says so.

    Refuses without a reason, without permission, and the second time. The subscriber's other credit then settles
    what it can, so the books read as if the payment had never come.
    """
    if not by.may("payments.reverse"):
        raise Refusal(_("Reversing a payment needs someone with that permission."))
    reason = reason.strip()
    if len(reason) < 3:
        raise Refusal(_("Say why: the reason stands on the receipt and in the audit log."))
    payment_id = payment if isinstance(payment, int) else payment.pk
    subscriber_id = Payment.objects.values_list("subscriber_id", flat=True).get(pk=payment_id)
    Subscriber.objects.lock(subscriber_id)
    payment = Payment.objects.select_related("entry").get(pk=payment_id)
    if payment.is_reversed:
        raise Refusal(
            _("%(number)s was already reversed by %(who)s.") % {"number": payment.number, "who": payment.reversed_by}
        )
    on = on or calendar.today()
    if on < payment.received_on:
        raise Refusal(_("A payment can't be reversed before the day it was received."))
    if on > calendar.today():
        raise Refusal(_("A reversal can't be dated in the future."))
    mirror = ledger.reverse(payment.entry, on, cause=f"payment:{payment.pk}:reversal", by=by, memo=reason)
    billing.unsettle(payment.entry_id)
    done = {
        "reversed_at": calendar.now(),
        "reversed_on": on,
        "reversed_by": by.name[:160],
        "reversal_reason": reason[:200],
        "reversal_entry": mirror,
    }
    if not Payment.objects.standing().filter(pk=payment.pk).update(**done):
        raise Refusal(_("%s was reversed by someone else just now.") % payment.number)
    for name, value in done.items():
        setattr(payment, name, value)
    billing.settle_open_invoices([subscriber_id])
    audit.note(
        by,
        "payment.reversed",
        payment,
        before={"state": "received"},
        after={"state": "reversed", "amount": str(payment.money)},
        reason=reason,
    )
    jobs.publish(PaymentReversed(payment.pk, subscriber_id))
    return payment


# --- Cash in the evening ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CashInHand:
    """What the book says a collector holds: received in cash, given back, and not yet closed."""

    amount: Money
    payments: int
    reversals: int
    since: date | None


# A payment's own account is the cash account: its posting there is what went through the collector's hands.
_IN_HAND = """
    SELECT coalesce(sum(posted.amount), 0), count(*) FILTER (WHERE NOT back), count(*) FILTER (WHERE back), min(day)
      FROM (SELECT entry_id, account_id, false AS back, received_on AS day FROM payments_payment
             WHERE tenant_id = %(tenant)s AND collector_id = %(collector)s AND currency = %(currency)s
               AND method = 'cash' AND closing_id IS NULL AND received_on <= %(on)s
            UNION ALL
            SELECT reversal_entry_id, account_id, true, reversed_on FROM payments_payment
             WHERE tenant_id = %(tenant)s AND collector_id = %(collector)s AND currency = %(currency)s
               AND method = 'cash' AND reversed_at IS NOT NULL AND reversal_closing_id IS NULL
               AND reversed_on <= %(on)s) AS moved
      JOIN LATERAL (SELECT sum(p.amount) AS amount FROM ledger_posting p
                     WHERE p.entry_id = moved.entry_id AND p.account_id = moved.account_id) AS posted ON true"""


def cash_in_hand(collector: Any, *, on: date | None = None, currency: str | None = None) -> CashInHand:
    """What this collector must be able to count, from the postings of what is not closed yet."""
    currency = currency or current_tenant().currency
    with connection.cursor() as cursor:
        cursor.execute(
            _IN_HAND,
            {
                "tenant": current_tenant_id(),
                "collector": collector.pk,
                "currency": currency,
                "on": on or calendar.today(),
            },
        )
        amount, payments, reversals, since = cursor.fetchone()
    return CashInHand(Money(amount, currency), payments, reversals, since)


@dataclass(frozen=True, slots=True)
class Holder:
    """A collector with cash that is not closed yet."""

    collector_id: int
    name: str
    amount: Money
    payments: int
    since: date | None


_HOLDERS = """
    SELECT moved.collector_id, max(moved.collector_name), sum(posted.amount), count(*) FILTER (WHERE NOT back), min(day)
      FROM (SELECT collector_id, collector_name, entry_id, account_id, false AS back, received_on AS day
              FROM payments_payment
             WHERE tenant_id = %(tenant)s AND currency = %(currency)s AND collector_id IS NOT NULL
               AND method = 'cash' AND closing_id IS NULL
            UNION ALL
            SELECT collector_id, collector_name, reversal_entry_id, account_id, true, reversed_on FROM payments_payment
             WHERE tenant_id = %(tenant)s AND currency = %(currency)s AND collector_id IS NOT NULL
               AND method = 'cash' AND reversed_at IS NOT NULL AND reversal_closing_id IS NULL) AS moved
      JOIN LATERAL (SELECT sum(p.amount) AS amount FROM ledger_posting p
                     WHERE p.entry_id = moved.entry_id AND p.account_id = moved.account_id) AS posted ON true
     GROUP BY moved.collector_id ORDER BY sum(posted.amount) DESC"""


def cash_of_everyone(currency: str | None = None) -> list[Holder]:
    """Every collector who holds cash that is not closed yet, the fullest hand first."""
    currency = currency or current_tenant().currency
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, {"tenant": current_tenant_id(), "currency": currency})
        return [
            Holder(pk, name, Money(amount, currency), payments, since)
            for pk, name, amount, payments, since in cursor.fetchall()
        ]


_TIE_PAYMENTS = """
    UPDATE payments_payment SET closing_id = %(closing)s
     WHERE tenant_id = %(tenant)s AND collector_id = %(collector)s AND currency = %(currency)s
       AND method = 'cash' AND closing_id IS NULL AND received_on <= %(on)s"""
_TIE_REVERSALS = """
    UPDATE payments_payment SET reversal_closing_id = %(closing)s
     WHERE tenant_id = %(tenant)s AND collector_id = %(collector)s AND currency = %(currency)s
       AND method = 'cash' AND reversed_at IS NOT NULL AND reversal_closing_id IS NULL AND reversed_on <= %(on)s"""
_EXPECTED = """
    SELECT coalesce(sum(posted.amount), 0) FROM payments_payment m
      JOIN LATERAL (SELECT sum(p.amount) AS amount FROM ledger_posting p
                     WHERE p.entry_id = m.{entry} AND p.account_id = m.account_id) AS posted ON true
     WHERE m.tenant_id = %(tenant)s AND m.{closing} = %(closing)s"""
_TIED = [
    _EXPECTED.format(entry="entry_id", closing="closing_id"),
    _EXPECTED.format(entry="reversal_entry_id", closing="reversal_closing_id"),
]


@transaction.atomic
def close_cash(
    collector: Any, *, counted: Money, by: Any, on: date | None = None, note: str = "", seen: Money | None = None
) -> CashClosing:
    """Close a collector's cash: tie everything not yet closed to one closing and write down what was counted.

    A payment that is recorded while we count belongs to the next closing. `seen` is the expected sum the person was
    shown; if a payment came in between, it is refused, so that nobody signs for a sum they never saw. Once a day.
    """
    on = on or calendar.today()
    if on > calendar.today():
        raise Refusal(_("Cash can't be closed for a day that has not come."))
    if counted.amount < 0 or counted != counted.rounded():
        raise Refusal(_("Enter what was counted: zero or more."))
    names = {"tenant": current_tenant_id(), "collector": collector.pk, "currency": counted.currency, "on": on}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO payments_cashclosing (tenant_id, collector_id, collector_name, "on", currency, expected,
                   counted, payments_count, note, status, closed_at, closed_by, approved_by)
               VALUES (%(tenant)s, %(collector)s, %(name)s, %(on)s, %(currency)s, 0, %(counted)s, 0, %(note)s,
                       'waiting', %(at)s, %(by)s, '')
               ON CONFLICT (tenant_id, collector_id, currency, "on") DO NOTHING RETURNING id""",
            {
                **names, "name": collector.name[:160], "counted": counted.amount, "note": note[:300],
                "at": calendar.now(), "by": by.name[:160],
            },
        )  # fmt: skip
        made = cursor.fetchone()
        if made is None:
            raise Refusal(
                _("The cash of %(who)s was already closed for %(day)s. What came later belongs to the next closing.")
                % {"who": collector.name, "day": on}
            )
        names["closing"] = made[0]
        cursor.execute(_TIE_PAYMENTS, names)
        payments = cursor.rowcount
        cursor.execute(_TIE_REVERSALS, names)
        reversals = cursor.rowcount
        expected = Decimal(0)
        for tied in _TIED:
            cursor.execute(tied, names)
            expected += cursor.fetchone()[0]
    if not payments and not reversals:
        raise NothingToClose(_("%s holds no cash that is not closed already.") % collector.name)
    if seen is not None and seen.amount != expected:
        raise Refusal(
            _("A payment was recorded meanwhile: %(now)s should be there, not %(then)s. Count again.")
            % {"now": show(Money(expected, counted.currency)), "then": show(seen)}
        )
    CashClosing.objects.filter(pk=made[0]).update(expected=expected, payments_count=payments)
    closing = CashClosing.objects.get(pk=made[0])
    audit.note(
        by,
        "cash.closed",
        closing,
        after={"expected": closing.expected, "counted": closing.counted, "difference": closing.difference},
        payments=payments,
        reversals=reversals,
    )
    return closing


class NothingToClose(Refusal):
    """The collector holds nothing that is not closed already."""


def recount(closing: CashClosing, *, counted: Money, note: str, by: Any) -> CashClosing:
    """Put right what was counted, while nobody has approved it."""
    if counted.currency != closing.currency or counted.amount < 0 or counted != counted.rounded():
        raise Refusal(_("Enter what was counted: zero or more."))
    before = {"counted": closing.counted, "difference": closing.difference}
    if not CashClosing.objects.filter(pk=closing.pk, status=CashClosing.Status.WAITING).update(
        counted=counted.amount, note=note[:300], closed_by=by.name[:160], closed_at=calendar.now()
    ):
        raise Refusal(_("This closing is approved; it can't be counted again."))
    closing = CashClosing.objects.get(pk=closing.pk)
    audit.note(
        by,
        "cash.recounted",
        closing,
        before=before,
        after={"counted": closing.counted, "difference": closing.difference},
    )
    return closing


@transaction.atomic
def approve_closing(closing: CashClosing | int, *, by: Any) -> CashClosing:
    """Accept what was counted; a difference is posted to the over-and-short account. Twice is refused."""
    if not by.may("payments.approve_closing"):
        raise Refusal(_("Approving a closing needs someone with that permission."))
    closing_id = closing if isinstance(closing, int) else closing.pk
    if not CashClosing.objects.filter(pk=closing_id, status=CashClosing.Status.WAITING).update(
        status=CashClosing.Status.APPROVED, approved_at=calendar.now(), approved_by=by.name[:160]
    ):
        raise Refusal(_("This closing is approved already."))
    closing = CashClosing.objects.get(pk=closing_id)
    difference = Money(Decimal(closing.difference), closing.currency)
    if difference:
        cash = ledger.account("cash", closing.currency)
        short = ledger.account("cash_difference", closing.currency)
        entry = ledger.post(
            f"cash-closing:{closing.pk}",
            calendar.today(),
            ledger.debit(cash, difference),
            ledger.credit(short, difference),
            memo=closing.note,
            by=by,
        )
        CashClosing.objects.filter(pk=closing.pk).update(entry=entry)
        closing.entry = entry
    audit.note(
        by, "cash.approved", closing, before={"status": "waiting"}, after={"status": "approved"}, difference=difference
    )
    return closing
