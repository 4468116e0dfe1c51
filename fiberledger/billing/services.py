"""The verbs of billing. Each is written for a set; one is a set of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs, ledger, money
from fiberledger.catalog.models import Plan
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions import planned, terms
from fiberledger.subscriptions.models import SoldAddOn, Subscription
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id

from . import deciding, rules, wording, writing
from .deciding import Decider, Decision
from .events import InvoicesIssued, InvoiceVoided
from .models import Allocation, BilledAddOn, BilledChange, BillingPolicy, Invoice, InvoiceLine
from .settling import release, settle_open_invoices, unsettle

__all__ = [
    "Charge", "Issued", "charge_add_on", "issue_invoices", "issue_manual", "issue_opening", "open_invoices", "policy", "provision",
    "settle_open_invoices", "unsettle", "void_invoice", "withdraw_openings",
]  # fmt: skip

OPENING_PREFIX = writing.OPENING_PREFIX
FURTHEST_AHEAD = timedelta(days=62)


def provision() -> None:
    """Every tenant has billing rules."""
    BillingPolicy.objects.get_or_create()


def policy() -> BillingPolicy:
    """The tenant's billing rules; the defaults where it has set none."""
    return BillingPolicy.objects.first() or BillingPolicy()


def agreed_terms() -> terms.Terms:
    """What a new subscription is agreed on unless said otherwise."""
    agreed = policy()
    return terms.Terms(
        billing=agreed.billing,
        cycle=agreed.cycle,
        anchor_day=agreed.anchor_day if agreed.cycle == Subscription.Cycle.FIXED else None,
        first_period=agreed.first_period,
    )


def numbers_like(text: str) -> list[str]:
    """The invoice numbers that this may mean: as typed, or its digits with our prefix and zeros."""
    text = text.strip()[:40]
    found = {text, text.upper()}
    if text.isascii() and text.isdecimal() and len(text) <= 12:
        agreed = policy()
        found |= {f"{prefix}{int(text):0{agreed.number_digits}d}" for prefix in (agreed.number_prefix, OPENING_PREFIX)}
    return sorted(found)


def open_invoices(subscriber_id: int) -> list[Invoice]:
    """What the subscriber has still to pay, oldest first; each with `open`, the amount."""
    found = list(Invoice.objects.filter(subscriber_id=subscriber_id).open().with_settled().oldest_first())
    for invoice in found:
        invoice.open = invoice.outstanding
    return found


# --- Issuing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of a set: the invoices, in order, and the subscriptions that were passed over, with the reason."""

    invoice_ids: list[int]
    skips: list[tuple[int, deciding.Skip]]
    totals: dict[str, dict[str, Decimal]]

    @property
    def count(self) -> int:
        return len(self.invoice_ids)


def issue_invoices(
    subscription_ids: Iterable[int],
    *,
    as_of: date,
    by: Any,
    run_id: int | None = None,
    decider: Decider | None = None,
    tell: bool = True,
) -> Issued:
    """Issue every invoice that is due for these subscriptions by the end of `as_of`, in this transaction.

    Each period is billed once, whoever else is billing at the same time; what is not due, or ended, is left alone.
    Credit that was waiting pays the new invoices at once. Refuses a date more than two months ahead.
    """
    check_as_of(as_of)
    ids = sorted(set(subscription_ids))
    if not ids:
        return Issued([], [], {})
    _queue_for(ids)
    planned.carry_out(ids)
    due = deciding.candidates(Subscription.objects.filter(pk__in=ids), as_of).values_list("pk", flat=True)
    found = deciding.read(list(due), lock=True)
    rules_ = decider.policy if decider else policy()
    decider = decider or Decider(as_of, min(as_of, calendar.today()), rules_)
    staged: list[writing.Staged] = []
    moved: list[tuple[int, date]] = []
    skips: list[tuple[int, deciding.Skip]] = []
    totals: dict[str, dict[str, Decimal]] = {}
    changes: list[tuple[int, int | None]] = []
    add_ons = deciding.read_add_ons(found)
    charged: list[tuple[int, int | None, date, date]] = []
    for candidate, outcome in deciding.decide_all(decider, found, add_ons):
        for days in outcome.add_ons:
            at = None if days.decision is None else len(staged) + days.decision
            charged.append((add_ons[candidate.id][days.add_on][0], at, days.start, days.end))
        if outcome.change_ids:
            at = len(staged) if outcome.decisions else None
            changes.extend((pk, at) for pk in outcome.change_ids)
        for decision in outcome.decisions:
            staged.append(("regular", candidate.subscriber_id, candidate.id, decision))
        if outcome.skips:
            skips.extend((candidate.id, skip) for skip in outcome.skips)
        if outcome.billed_until is not None:
            moved.append((candidate.id, outcome.billed_until))
    _sum_up(totals, staged)
    invoice_ids = _write(staged, moved, on=decider.issued_on, by=by, policy=rules_, run_id=run_id, tell=tell)
    BilledChange.objects.bulk_create(
        BilledChange(change_id=pk, invoice_id=None if at is None else invoice_ids[at]) for pk, at in changes
    )
    _keep_charged((pk, None if at is None else invoice_ids[at], low, high) for pk, at, low, high in charged)
    return Issued(invoice_ids, skips, totals)


def _keep_charged(rows: Iterable[tuple[int, int | None, date, date]]) -> None:
    """For these days their add-ons are dealt with: they stand on an invoice, or cost nothing."""
    if columns := list(map(list, zip(*rows, strict=True))):
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO billing_billedaddon (tenant_id, sold_id, invoice_id, period_start, period_end)
                   SELECT %s, r.* FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[]) r""",
                [current_tenant_id(), *columns],
            )


def check_as_of(as_of: date) -> None:
    if as_of > calendar.today() + FURTHEST_AHEAD:
        raise Refusal(_("Bills can't be made more than two months ahead."))


def _queue_for(subscription_ids: Sequence[int]) -> None:
    """One queue per subscriber, joined first and in one order, so that no two of us wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM subscribers_subscriber WHERE tenant_id = %(tenant)s AND id = ANY(ARRAY(
                 SELECT subscriber_id FROM subscriptions_subscription
                  WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)))
                ORDER BY id FOR NO KEY UPDATE""",
            {"tenant": current_tenant_id(), "ids": list(subscription_ids)},
        )


def _sum_up(totals: dict[str, dict[str, Decimal]], staged: Sequence[writing.Staged]) -> None:
    for _kind, _who, _what, decision in staged:
        row = totals.get(decision.currency)
        if row is None:
            row = totals[decision.currency] = {"net": Decimal(0), "tax": Decimal(0), "total": Decimal(0)}
        row["net"] += decision.net
        row["tax"] += decision.tax
        row["total"] += decision.total


def _write(staged: Sequence[writing.Staged], moved: Sequence[tuple[int, date]], **options: Any) -> list[int]:
    invoice_ids, idle = writing.write(staged, moved, **options)
    if idle:
        settle_open_invoices(idle)
    if invoice_ids:
        jobs.publish(InvoicesIssued(invoice_ids[0], invoice_ids[-1]))
    return invoice_ids


def difference_of(line: Subscription, plan: Plan, price: Decimal) -> Decimal:
    """What a change to this plan and price today would cost for the days that are billed already, tax and all."""
    today = calendar.today()
    [candidate] = deciding.read([line.pk])
    if candidate.billed_until is None or candidate.billed_until <= today:
        return Decimal(0)
    changed = deciding.Changed(0, today, line.plan_id, plan.pk, line.monthly.amount, price)
    decider = Decider(today, today, policy())
    decider.prepare([candidate], [(changed,)])
    change = decider.change(candidate, changed)
    charge = rules.charge_difference((change,), candidate.billed_until, decider.terms(candidate))
    return charge.total if charge else Decimal(0)


# --- Opening balances ------------------------------------------------------------------------------------------------


@transaction.atomic
def issue_opening(amounts: Mapping[int, Decimal], *, on: date, by: Any, due_on: date | None = None) -> list[int]:
    """Bring over what subscribers owed elsewhere: {subscriber id: amount}, in the currency of their account.

    What they owed becomes an invoice; what they had paid ahead (a negative amount) becomes credit in the ledger that
    settles the next invoices. A subscriber has one opening balance: a second is refused. Returns the invoices' ids.
    """
    amounts = {pk: amount for pk, amount in amounts.items() if amount}
    if not amounts:
        return []
    tenant_id, tenant = current_tenant_id(), current_tenant()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.id, s.receivable_id, a.currency, s.language, s.number, EXISTS (
                 SELECT FROM ledger_journalentry e WHERE e.tenant_id = s.tenant_id AND e.cause = 'opening:' || s.id)
               FROM subscribers_subscriber s
               JOIN LATERAL (SELECT l.currency FROM ledger_ledgeraccount l WHERE l.id = s.receivable_id LIMIT 1) a ON true
               WHERE s.tenant_id = %s AND s.id = ANY(%s) ORDER BY s.id FOR NO KEY UPDATE OF s""",
            [tenant_id, sorted(amounts)],
        )
        found = cursor.fetchall()
        if len(found) < len(amounts):
            raise Refusal(_("Some of these subscribers do not exist."))
        had = set(
            Invoice.objects.filter(kind="opening", subscriber_id__in=list(amounts)).not_void()
            .values_list("subscriber_id", flat=True)
        )  # fmt: skip
        for pk, _account, _currency, _language, number, has_credit in found:
            if pk in had or has_credit:
                raise Refusal(_("%s already has an opening balance.") % number)
        rules_ = policy()
        decider = Decider(on, on, rules_)
        decider.prepare([])
        known: dict[tuple[Decimal, str, str], Decision] = {}
        staged: list[writing.Staged] = []
        credits: list[tuple[int, int, str, Decimal]] = []
        for pk, account_id, currency, language, number, _has in found:
            if amounts[pk] != money.round_to(amounts[pk], currency):
                raise Refusal(
                    _("%(number)s: %(amount)s has more digits than %(currency)s has coins.")
                    % {"number": number, "amount": amounts[pk], "currency": currency}
                )
            if amounts[pk] < 0:
                credits.append((pk, account_id, currency, -amounts[pk]))
                continue
            key = (amounts[pk], currency, language or tenant.language)
            if key not in known:
                known[key] = _opening_decision(len(known) + 1, *key, decider, due_on or on)
            staged.append(("opening", pk, None, known[key]))
        invoice_ids = _write(staged, [], on=on, by=by, policy=rules_, counter="opening", tell=False)
        if credits:
            _bring_credit(cursor, credits, on, by, decider)
    return invoice_ids


def _opening_decision(
    no: int, amount: Decimal, currency: str, language: str, decider: Decider, due_on: date
) -> Decision:
    line = rules.charge_once(
        "opening", rules.Price(amount, exponent=money.exponent(currency)),
        {"rule": "opening", "price": format(amount, "f")},
    )  # fmt: skip
    return Decision(
        no, 0, None, None, due_on, currency, language, (line,), (wording.opening_text(language),),  # type: ignore[arg-type]
        amount, Decimal(0), amount, ((decider.income_account("opening", currency), -amount),), ("",), {},
    )  # fmt: skip


def _bring_credit(
    cursor: Any, credits: Sequence[tuple[int, int, str, Decimal]], on: date, by: Any, decider: Decider
) -> None:
    values = {
        "tenant": current_tenant_id(), "on": on, "at": calendar.now(), "by": by.name[:160],
        "memo": str(_("Paid ahead, brought over")), "pk": [c[0] for c in credits], "account": [c[1] for c in credits],
        "currency": [c[2] for c in credits], "amount": [c[3] for c in credits],
        "equity": [decider.income_account("opening", c[2]) for c in credits],
    }  # fmt: skip
    cursor.execute(
        """WITH c AS (
             SELECT nextval('ledger_journalentry_id_seq') AS entry_id, c.*
               FROM unnest(%(pk)s::bigint[], %(account)s::bigint[], %(equity)s::bigint[], %(currency)s::text[],
                           %(amount)s::numeric[]) AS c (pk, account_id, equity_id, currency, amount)),
           entries AS (
             INSERT INTO ledger_journalentry (id, tenant_id, cause, "on", at, memo, actor_name)
             SELECT c.entry_id, %(tenant)s, 'opening:' || c.pk, %(on)s, %(at)s, %(memo)s, %(by)s FROM c)
           INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
           SELECT %(tenant)s, c.entry_id, v.account_id, c.currency, v.amount, %(on)s FROM c
             CROSS JOIN LATERAL (VALUES (c.account_id, -c.amount), (c.equity_id, c.amount)) AS v (account_id, amount)""",
        values,
    )
    audit.note_many(
        by, "subscriber.credit_brought_over",
        [("subscribers.subscriber", pk, "", None, {"credit": amount, "currency": currency})
         for pk, _account, currency, amount in credits],
    )  # fmt: skip
    settle_open_invoices([c[0] for c in credits])


@transaction.atomic
def withdraw_openings(subscriber_ids: Iterable[int], *, reason: str, by: Any) -> int:
    """Take opening balances back as if they had not been brought over: invoices void, entries reversed. Returns how many.

    What was allocated is free again. For undoing an import; a single opening invoice is voided like any other.
    """
    ids = sorted(set(subscriber_ids))
    if not ids:
        return 0
    values = {"tenant": current_tenant_id(), "ids": ids, "causes": [f"opening:{pk}" for pk in ids], "on": calendar.today(),
              "at": calendar.now(), "by": by.name[:160], "reason": reason[:200]}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM subscribers_subscriber WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)
                ORDER BY id FOR NO KEY UPDATE""", values,
        )  # fmt: skip
        invoices = list(
            Invoice.objects.filter(kind="opening", subscriber_id__in=ids)
            .not_void()
            .values_list("pk", "entry_id", "number")
        )
        cursor.execute(
            "SELECT id FROM ledger_journalentry WHERE tenant_id = %(tenant)s AND cause = ANY(%(causes)s)", values
        )
        credits = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT reverses_id FROM ledger_journalentry WHERE tenant_id = %s AND reverses_id = ANY(%s)",
            [values["tenant"], list(credits)],
        )
        credits -= {row[0] for row in cursor.fetchall()}
        release([pk for pk, _entry, _number in invoices])
        unsettle(*sorted(credits))
        values["entries"] = [entry for _pk, entry, _number in invoices if entry] + sorted(credits)
        cursor.execute(
            """WITH undone AS (
                 INSERT INTO ledger_journalentry (tenant_id, cause, "on", at, memo, actor_name, reverses_id)
                 SELECT tenant_id, cause || ':withdrawn', greatest("on", %(on)s), %(at)s, %(reason)s, %(by)s, id
                   FROM ledger_journalentry WHERE tenant_id = %(tenant)s AND id = ANY(%(entries)s)
                 RETURNING id, reverses_id, "on")
               INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
               SELECT %(tenant)s, u.id, p.account_id, p.currency, -p.amount, u."on"
                 FROM undone u JOIN ledger_posting p ON p.entry_id = u.reverses_id""", values,
        )  # fmt: skip
    Invoice.objects.filter(pk__in=[pk for pk, _entry, _number in invoices]).update(
        status=Invoice.Status.VOID, voided_on=values["on"], void_reason=reason[:300]
    )
    audit.note_many(
        by, "invoice.voided",
        (("billing.invoice", pk, number, None, {"status": "void"}) for pk, _entry, number in invoices), reason=reason,
    )  # fmt: skip
    return len(invoices) + len(credits)


# --- By hand -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an invoice made by hand."""

    text: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    tax_percent: Decimal = Decimal(0)
    tax_name: str = ""
    tax_inclusive: bool = False


@transaction.atomic
def issue_manual(
    subscriber: Subscriber | int,
    charges: Sequence[Charge],
    *,
    by: Any,
    issued_on: date | None = None,
    due_on: date | None = None,
    subscription_id: int | None = None,
    note: str = "",
    unlike_since: datetime | None = None,
) -> Invoice:
    """Issue one invoice by hand. It does not move the date of the next regular one.

    Refuses an invoice without lines, one that comes to nothing or less, and dates that make no sense; and (JustIssued)
    one of the same amount as another of theirs that was issued by hand after `unlike_since`.
    """
    if not by.may("billing.issue"):
        raise Refusal(_("Making invoices needs someone with that permission."))
    subscriber = Subscriber.objects.lock(subscriber if isinstance(subscriber, int) else subscriber.pk)
    today, rules_ = calendar.today(), policy()
    issued_on = issued_on or today
    due_on = due_on or issued_on + timedelta(days=rules_.due_days)
    if issued_on > today:
        raise Refusal(_("An invoice can't be dated in the future."))
    if issued_on < today - timedelta(days=366):
        raise Refusal(_("An invoice can't be dated more than a year back."))
    if due_on < issued_on:
        raise Refusal(_("It can't be due before it is issued."))
    currency = subscriber.receivable.currency
    decider = Decider(issued_on, issued_on, rules_)
    decider.prepare([])
    lines, texts, tax_names = [], [], []
    for charge in charges:
        if charge.unit_price < 0 or charge.quantity <= 0:
            raise Refusal(_("A charge can't be negative; “%s” is.") % charge.text)
        line = rules.charge_once(
            "other",
            rules.Price(
                charge.unit_price * charge.quantity, "plan", charge.tax_percent, charge.tax_inclusive,
                money.exponent(currency),
            ),
            {
                "rule": "by_hand", "actor": by.name, "quantity": f"{charge.quantity.normalize():f}",
                "price": format(charge.unit_price, "f"),
            },
        )  # fmt: skip
        if line.total:
            lines.append(line)
            texts.append(charge.text.strip() or str(_("Charge")))
            tax_names.append(charge.tax_name[:60])
    net, tax, total = rules.total_of(tuple(lines))
    if total <= 0:
        raise Refusal(_("The invoice comes to nothing: give at least one line an amount."))
    if unlike_since:
        _refuse_twice(subscriber, total, unlike_since)
    credits = [(decider.income_account("other", currency), -net)]
    if tax:
        credits.append((decider.accounts["tax_payable", currency], -tax))
    decision = Decision(
        1, 0, None, None, due_on, currency, subscriber.language or current_tenant().language, tuple(lines),  # type: ignore[arg-type]
        tuple(texts), net, tax, total, tuple(credits), tuple(tax_names), {},
    )  # fmt: skip
    staged: list[writing.Staged] = [("manual", subscriber.pk, subscription_id, decision)]
    (invoice_id,) = _write(staged, [], on=issued_on, by=by, policy=rules_, notes={1: note.strip()[:300]})
    return Invoice.objects.get(pk=invoice_id)


class JustIssued(Refusal):
    """One just like it was issued a moment ago; it may be a second click."""


def _refuse_twice(subscriber: Subscriber, total: Decimal, since: datetime) -> None:
    mine = Invoice.objects.filter(subscriber=subscriber, kind=Invoice.Kind.MANUAL, total=total, created_at__gte=since)
    if earlier := mine.not_void().order_by("-pk").first():
        raise JustIssued(
            _(
                "%(number)s, for the same amount, was issued by %(who)s a moment ago. Tick below if this is a second one."
            )
            % {"number": earlier.number, "who": earlier.created_by_name}
        )


# --- Add-ons -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def charge_add_on(sold: SoldAddOn, by: Any) -> Invoice:
    """Ask for an add-on that is paid once, on an invoice of its own; what was paid ahead pays it at once.

    One sale is one invoice, however often this is asked: the first is returned. The caller has locked the subscriber.
    """
    if earlier := Invoice.objects.filter(add_ons__sold=sold).first():
        return earlier
    line = Subscription.objects.select_related("subscriber__receivable").get(pk=sold.subscription_id)
    today, rules_, currency = calendar.today(), policy(), sold.currency
    decider = Decider(today, today, rules_)
    decider.prepare([])
    if currency != line.subscriber.receivable.currency or ("sales", currency) not in decider.accounts:
        raise Refusal(_("“%(plan)s” is priced in %(currency)s.") % {"plan": sold.name, "currency": currency})
    tax_rate, language = sold.tax, line.subscriber.language or current_tenant().language
    charge = rules.charge_once(
        "add_on",
        rules.Price(
            sold.price, "add_on", tax_rate.percent if tax_rate else Decimal(0), sold.tax_inclusive,
            money.exponent(currency),
        ),
        {"rule": "add_on_once", "price": format(sold.price, "f"), "plan": sold.name},
    )  # fmt: skip
    credits = [(decider.income_account("add_on", currency), -charge.net)]
    if charge.tax and tax_rate:
        credits.append((tax_rate.account_id or decider.accounts["tax_payable", currency], -charge.tax))
    decision = Decision(
        1, 0, None, None, today + timedelta(days=rules_.due_days), currency, language, (charge,),  # type: ignore[arg-type]
        (wording.add_on_text(sold.name, sold.gives, sold.ends_at, language),), charge.net, charge.tax, charge.total,
        tuple(credits), (tax_rate.name if tax_rate else "",), {},
    )  # fmt: skip
    staged: list[writing.Staged] = [("add_on", line.subscriber_id, line.pk, decision)]
    (invoice_id,) = _write(staged, [], on=today, by=by, policy=rules_)
    BilledAddOn.objects.create(sold=sold, invoice_id=invoice_id)
    return Invoice.objects.get(pk=invoice_id)


# --- Undoing -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def void_invoice(
    invoice: Invoice | int, *, reason: str, by: Any, release_payments: bool = False, bill_again: bool = False
) -> Invoice:
    """Cancel an invoice: its journal entry is reversed, its number stays in the sequence, and it stays readable.

    Refuses without reason or permission, twice, and while something is paid on it unless `release_payments`: that
    money then pays the subscriber's other open invoices or waits as advance. `bill_again`: the newest regular invoice
    of a subscription gives its period back, and the next run bills it anew.
    """
    if not by.may("billing.void"):
        raise Refusal(_("Cancelling an invoice needs someone with that permission."))
    reason = reason.strip()
    if len(reason) < 3:
        raise Refusal(_("Say why: the reason stays on the invoice and in the audit log."))
    invoice_id = invoice if isinstance(invoice, int) else invoice.pk
    subscriber_id = Invoice.objects.values_list("subscriber_id", flat=True).get(pk=invoice_id)
    Subscriber.objects.lock(subscriber_id)
    invoice = Invoice.objects.select_related("entry").get(pk=invoice_id)
    if invoice.status == Invoice.Status.VOID:
        raise Refusal(_("%s is already void.") % invoice.number)
    if Allocation.objects.filter(invoice=invoice).exists() and invoice.settled_amount:
        if not release_payments:
            raise Refusal(_("%s has payments on it. Release them first, or choose to release them now.") % invoice)
        release([invoice.pk])
        invoice = Invoice.objects.select_related("entry").get(pk=invoice_id)
    today, before = calendar.today(), invoice.status
    if invoice.entry:
        ledger.reverse(
            invoice.entry, max(today, invoice.issued_on), cause=f"invoice:{invoice.pk}:void", by=by, memo=reason[:200]
        )
    changed = Invoice.objects.filter(pk=invoice.pk, status=before).update(
        status=Invoice.Status.VOID, voided_on=today, void_reason=reason[:300]
    )
    if not changed:
        raise Refusal(_("%s was changed by someone else just now.") % invoice.number)
    if bill_again and invoice.kind == Invoice.Kind.REGULAR:
        _give_back(invoice)
    settle_open_invoices([subscriber_id])
    invoice.refresh_from_db()
    audit.note(
        by, "invoice.voided", invoice, before={"status": before}, after={"status": "void", "total": str(invoice.money)},
        reason=reason, bill_again=bill_again,
    )  # fmt: skip
    jobs.publish(InvoiceVoided(invoice.pk, subscriber_id))
    return invoice


def _give_back(invoice: Invoice) -> None:
    """Let the next run bill this invoice's period as if it had not been billed: what is asked for once (installation,
    deposit), its add-ons and the plan changes it took into account come again. Refuses where a later period was billed."""
    first = invoice.lines.filter(kind__in=[InvoiceLine.Kind.INSTALLATION, InvoiceLine.Kind.DEPOSIT]).exists()
    given_back = Subscription.objects.filter(pk=invoice.subscription_id, billed_until=invoice.period_end).update(
        billed_until=None if first else invoice.period_start
    )
    if not given_back:
        raise Refusal(_("A later period was already billed; this one can't be billed again by a run."))
    BilledAddOn.objects.filter(invoice=invoice).delete()
    BilledChange.objects.filter(
        Q(invoice=invoice) | Q(change__subscription=invoice.subscription_id, change__on__gte=invoice.period_start)
    ).delete()
