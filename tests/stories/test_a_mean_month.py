"""Everything a shop can do wrong in a month, in any order, in other moneys and other zones: the books balance after each
step, and at the end every report says what the ledger says."""

from __future__ import annotations

import random
import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum

from fiberledger import calendar
from fiberledger.billing import services as billing
from fiberledger.billing.models import Invoice
from fiberledger.catalog.models import Plan, TaxRate
from fiberledger.ledger.models import Posting
from fiberledger.money import Money, exponent, round_to
from fiberledger.payments import services as payments
from fiberledger.payments.models import CashClosing, Payment
from fiberledger.places.services import area_for
from fiberledger.reports.catalogue import REPORTS
from fiberledger.reports.questions import Question
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.services import NewSubscriber, register
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal
from fiberledger.tenancy.services import create_tenant
from tests.stage import Isp

PLACES = [("KW", ""), ("JP", ""), ("BR", "America/Sao_Paulo"), ("DE", "Europe/Berlin"), ("BD", "")]


class MeanShop:
    """Five subscribers, four odd plans, and somebody who presses whatever there is."""

    def __init__(self, isp: Isp, chance: random.Random) -> None:
        self.isp, self.chance, self.by, self.currency = isp, chance, isp.system(), isp.tenant.currency
        coin = Decimal(1).scaleb(-exponent(self.currency))
        with isp.scope():
            tax = TaxRate.objects.create(name="VAT", percent=Decimal("17.5"))
            area = area_for("Town", "Street", create=True, by=self.by)
            self.plans = [
                Plan.objects.create(
                    name=f"Plan {n}", code=f"P{n}", price=chance.randint(1, 10**6) * coin, currency=self.currency,
                    tax=chance.choice([tax, None]), tax_inclusive=chance.random() < 0.5, validity_days=days,
                    installation_fee=Decimal(chance.choice([0, 5])), deposit=Decimal(chance.choice([0, 7])),
                )
                for n, days in enumerate((30, 30, 90, 7))
            ]  # fmt: skip
            self.people = [
                register(
                    NewSubscriber(name=f"P{n}", phone=f"+92300{n:07d}", area_id=area.pk, address="House"), by=self.by
                )
                for n in range(5)
            ]
            self.cashier = isp.member("cashier")

    def step(self, number: int) -> None:
        """Something happens to somebody; what the shop refuses has not happened."""
        pick = self.chance.choice
        who, today = pick(self.people), calendar.today()
        lines = list(Subscription.objects.filter(subscriber=who))
        deed = pick([self.sell, self.bill, self.pay, self.pay, self.reverse, self.void, self.move, self.move, self.change,
                     self.by_hand, self.close])  # fmt: skip
        try:
            with transaction.atomic():
                deed(who, lines, today, number)
        except Refusal:
            pass

    def sell(self, who, lines, today, number) -> None:
        pick = self.chance.choice
        subscriptions.sell(
            who, pick(self.plans), on=today + timedelta(pick([0, 0, -3, 4])), by=self.by, label=str(number),
            billing=pick(["prepaid", "postpaid"]), cycle=pick(["fixed", "anniversary"]), free_days=pick([0, 0, 3]),
            anchor_day=pick([None, 1, 29, 31]), first_period=pick(["prorate", "full", "free", "join"]),
        )  # fmt: skip

    def bill(self, who, lines, today, number) -> None:
        everybody = list(Subscription.objects.values_list("pk", flat=True))
        billing.issue_invoices(everybody, as_of=today + timedelta(self.chance.choice([0, 0, -5, 20])), by=self.by)

    def pay(self, who, lines, today, number) -> None:
        pick = self.chance.choice
        owed = Subscriber.objects.select_related("receivable").get(pk=who.pk).receivable.balance
        amount = round_to(pick([owed, owed / 3, Decimal(5), owed * 2, Decimal("0.01")]), self.currency)
        newest = list(Invoice.objects.filter(subscriber=who).open().values_list("pk", flat=True))[-1:]
        payments.record_payment(
            who, Money(amount, self.currency), method=pick(["cash", "bank"]), key=uuid.uuid4(), by=self.by,
            received_on=today - timedelta(pick([0, 0, 2])), invoices=pick([None, newest or None]), collector=self.cashier,
        )  # fmt: skip

    def reverse(self, who, lines, today, number) -> None:
        if found := list(Payment.objects.filter(subscriber=who)):
            payments.reverse_payment(self.chance.choice(found), reason="wrong", by=self.by)

    def void(self, who, lines, today, number) -> None:
        if found := Invoice.objects.filter(subscriber=who).order_by("-pk").first():
            again = found.kind == "regular" and self.chance.random() < 0.5
            release = self.chance.random() < 0.7
            billing.void_invoice(found, reason="wrong", by=self.by, release_payments=release, bill_again=again)

    def move(self, who, lines, today, number) -> None:
        if lines:
            name = self.chance.choice(["hold", "resume", "suspend", "end", "restore", "activate"])
            getattr(subscriptions, name)([self.chance.choice(lines)], by=self.by)

    def change(self, who, lines, today, number) -> None:
        pick = self.chance.choice
        if lines:
            subscriptions.change_plan(
                pick(lines), pick(self.plans), by=self.by, on=today - timedelta(pick([0, 0, 9])),
                price=pick([None, Decimal(3)]),
            )  # fmt: skip

    def by_hand(self, who, lines, today, number) -> None:
        inclusive = self.chance.random() < 0.5
        charge = billing.Charge("Cable", Decimal("3.335"), Decimal("2.5"), Decimal("17.5"), "VAT", inclusive)
        billing.issue_manual(who, [charge], by=self.by)

    def close(self, who, lines, today, number) -> None:
        counted = Money(Decimal(self.chance.choice([0, 5])), self.currency)
        payments.approve_closing(payments.close_cash(self.cashier, counted=counted, by=self.by), by=self.by)


@pytest.mark.parametrize(("seed", "place"), enumerate(PLACES))
def test_the_books_and_the_reports_agree_whatever_was_done(clock, seed, place):
    clock.move_to("2026-01-29T02:30:00+00:00")
    country, zone = place
    isp = Isp(create_tenant(f"mean-{uuid.uuid4().hex[:8]}", name="Mean Net", country=country, timezone=zone))
    chance = random.Random(seed)
    shop = MeanShop(isp, chance)
    for number in range(70):
        clock.forward(hours=chance.choice([1, 5, 30, 70, 200]))
        with isp.scope():
            shop.step(number)
        isp.prove_books()
    with isp.scope():
        reports = {report.code: report for report in REPORTS}

        def answer(code, by):
            return reports[code].answer(Question(date(2026, 1, 1), date(2030, 1, 1), by, shop.currency, shop.by))

        def posted(*roles):
            return Posting.objects.filter(account__role__in=roles).aggregate(s=Sum("amount"))["s"] or 0

        owed = sum(s.balance for s in Subscriber.objects.select_related("receivable"))
        assert owed == posted("receivable")
        assert answer("revenue", "month").totals[2] == -posted("sales", "fees")
        assert answer("revenue", "month").totals[3] == -posted("tax_payable")
        assert answer("collection", "day").totals[4] == posted("cash", "bank", "cash_difference")
        closed = CashClosing.objects.aggregate(s=Sum("expected"))["s"] or 0
        held = payments.cash_in_hand(shop.cashier, currency=shop.currency).amount.amount
        standing = Payment.objects.standing().filter(method="cash").aggregate(s=Sum("amount"))["s"] or 0
        assert closed + held == standing
