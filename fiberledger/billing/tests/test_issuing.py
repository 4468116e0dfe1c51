"""Issuing, settling and undoing, against real rows and by more than one hand at a time."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger import calendar, ledger
from fiberledger.billing import deciding, reading, rules, services
from fiberledger.billing.models import Allocation, BillingPolicy, DayTotal, Invoice
from fiberledger.money import Money
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal, tenant_scope


def in_threads(tenant, count, work):
    """Run `work(n)` at once in so many threads, each in its own transaction; errors are raised here."""
    errors, gate = [], threading.Barrier(count)

    def go(n):
        try:
            gate.wait()
            with tenant_scope(tenant.pk):
                work(n)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[n]) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def numbers_of(isp, prefix="INV-"):
    with isp.scope():
        return sorted(Invoice.objects.filter(number__startswith=prefix).values_list("number", flat=True))


def pay(subscriber, amount, on=None, by=None):
    """Money on the subscriber's page, without the payments room."""
    currency = subscriber.receivable.currency
    pay.count += 1
    entry = ledger.post(
        f"test-payment:{subscriber.pk}-{pay.count}", on or calendar.today(),
        ledger.debit(ledger.account("cash", currency), Money(Decimal(amount), currency)),
        ledger.credit(subscriber.receivable, Money(Decimal(amount), currency)),
    )  # fmt: skip
    services.settle_open_invoices([subscriber.pk])
    return entry


pay.count = 0


def test_a_first_invoice_says_everything_it_must(isp, clock):
    clock.move_to("2026-01-20")
    line = isp.sell("Home 20", to="Asha", on="2026-01-20", price="3100", cycle="fixed", anchor_day=1)
    with isp.scope():
        line.plan.installation_fee = 500
        line.plan.save()
    (pk,) = isp.bill("2026-01-20")
    with isp.scope():
        invoice = Invoice.objects.get(pk=pk)
        assert (invoice.number, invoice.kind, invoice.status) == ("INV-000001", "regular", "issued")
        assert (invoice.period_start, invoice.period_end) == (date(2026, 1, 20), date(2026, 2, 1))
        assert invoice.due_on == date(2026, 1, 30)
        assert [str(line.total.normalize()) for line in invoice.lines.all()] == ["1.2E+3", "5E+2"]
        assert invoice.lines.all()[0].text == "Home 20 · 20 Jan 2026 – 31 Jan 2026"
        assert [step["rule"] for step in invoice.lines.all()[0].why] == ["plan_price", "part_period", "share"]
        assert invoice.snapshot["buyer"]["name"] == "Asha"
        assert invoice.issuer.data["name"] == "Bright ISP"
        assert Subscription.objects.get(pk=line.pk).billed_until == date(2026, 2, 1)
        assert {p.account.role: p.amount for p in invoice.entry.postings.all()} == {
            "receivable": 1700, "sales": -1200, "fees": -500}  # fmt: skip
    assert isp.bill("2026-01-31") == [] and len(isp.bill("2026-02-01")) == 1


def test_what_was_issued_stays_as_it_was(isp, clock):
    clock.move_to("2026-01-01")
    isp.sell(to="Asha", on="2026-01-01")
    (pk,) = isp.bill("2026-01-01")
    with isp.scope():
        invoice = Invoice.objects.get(pk=pk)
    for change in (
        lambda: Invoice.objects.filter(pk=pk).update(total=1, net=1),
        lambda: Invoice.objects.filter(pk=pk).update(due_on=date(2030, 1, 1)),
        lambda: Invoice.objects.filter(pk=pk).delete(),
        lambda: invoice.lines.update(text="something else"),
        lambda: invoice.lines.create(position=9, kind="other", text="more", unit_price=0, net=0, total=0),
        lambda: Allocation.objects.create(invoice=invoice, entry=invoice.entry, amount=5, on=date(2026, 1, 1)),
        lambda: Invoice.objects.create(
            number="X", kind="regular", subscriber_id=invoice.subscriber_id, subscription_id=invoice.subscription_id,
            period_start=date(2026, 1, 31), period_end=date(2026, 2, 5), issued_on=date(2026, 1, 1),
            due_on=date(2026, 1, 1), currency="PKR", net=1, tax=0, total=1, issuer_id=invoice.issuer_id,
        ),
    ):  # fmt: skip
        with isp.scope(), pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_numbers_have_no_gap_though_eight_issue_at_once_and_some_fail(isp, clock):
    clock.move_to("2026-03-01")
    lines = [isp.sell(to=f"Person {n}", on="2026-03-01").pk for n in range(40)]

    def work(n):
        for mine in lines[n::8]:
            try:
                with transaction.atomic():
                    services.issue_invoices([mine], as_of=date(2026, 3, 1), by=isp.system())
                    if mine % 3 == 0:
                        raise Refusal("changed my mind")
            except Refusal:
                services.issue_invoices([mine], as_of=date(2026, 3, 1), by=isp.system())

    in_threads_each_own(isp, 8, work)
    assert numbers_of(isp) == [f"INV-{n:06d}" for n in range(1, 41)]


def in_threads_each_own(isp, count, work):
    """As in_threads, but `work` opens small transactions of its own, so that no one holds the counter for long."""
    errors = []

    def go(n):
        try:
            with tenant_scope(isp.tenant.pk):
                work(n)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[n]) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_one_period_is_billed_once_though_six_bill_it_at_once(isp, clock):
    clock.move_to("2026-03-01")
    lines = [isp.sell(to=f"Person {n}", on="2026-03-01").pk for n in range(5)]
    in_threads(isp.tenant, 6, lambda n: services.issue_invoices(lines, as_of=date(2026, 4, 1), by=isp.system()))
    with isp.scope():
        assert Invoice.objects.count() == 10
        assert Invoice.objects.values("subscription", "period_start").distinct().count() == 10


def test_money_that_waits_pays_the_next_invoice_and_the_oldest_first(isp, clock):
    clock.move_to("2026-01-01")
    isp.sell(to="Asha", on="2026-01-01", price="1000")
    asha = isp.subscriber("Asha")
    with isp.scope():
        pay(asha, "1500")
    isp.bill("2026-02-01")
    with isp.scope():
        first, second = Invoice.objects.order_by("pk")
        assert (first.status, second.status) == ("paid", "part_paid")
        assert second.outstanding_amount == 500
        assert (first.previous_balance, second.previous_balance) == (-1500, -500)
        pay(asha, "700")
        second.refresh_from_db()
        assert second.status == "paid" and isp.owes("Asha") == -200


def test_a_credit_taken_back_opens_what_it_had_paid(isp, clock):
    clock.move_to("2026-01-01")
    isp.sell(to="Asha", on="2026-01-01", price="1000")
    isp.bill("2026-01-01")
    asha = isp.subscriber("Asha")
    with isp.scope():
        entry = pay(asha, "1000")
        invoice = Invoice.objects.get()
        assert invoice.status == "paid"
        ledger.reverse(entry, date(2026, 1, 2), cause=f"test-payment:{asha.pk}:reversal")
        services.unsettle(entry.pk)
        services.settle_open_invoices([asha.pk])
        invoice.refresh_from_db()
        assert (invoice.status, invoice.settled_amount) == ("issued", 0)
        with pytest.raises(DatabaseError), transaction.atomic():
            Allocation.objects.create(invoice=invoice, entry=entry, amount=1, on=date(2026, 1, 2))


def test_two_cashiers_cannot_settle_more_than_there_is(isp, clock):
    clock.move_to("2026-01-01")
    isp.sell(to="Asha", on="2026-01-01", price="1000")
    isp.bill("2026-01-01")
    asha = isp.subscriber("Asha")
    with isp.scope():
        entry = ledger.post(
            "test-payment:race", date(2026, 1, 1),
            ledger.debit(ledger.account("cash", "PKR"), Money.of("1000", "PKR")),
            ledger.credit(asha.receivable, Money.of("1000", "PKR")),
        )  # fmt: skip
        invoice = Invoice.objects.get()
    refused = []

    def work(n):
        try:
            Allocation.objects.create(invoice=invoice, entry=entry, amount=600, on=date(2026, 1, 1))
        except DatabaseError:
            refused.append(n)
            transaction.set_rollback(True)

    in_threads(isp.tenant, 4, work)
    with isp.scope():
        assert len(refused) == 3 and invoice.settled_amount == 600


def test_a_void_invoice_gives_back_its_money_and_its_period(isp, clock):
    clock.move_to("2026-01-01")
    line = isp.sell(to="Asha", on="2026-01-01", price="1000")
    isp.bill("2026-01-01")
    asha = isp.subscriber("Asha")
    with isp.scope():
        pay(asha, "400")
        invoice = Invoice.objects.get()
        with pytest.raises(Refusal):
            services.void_invoice(invoice, reason="wrong plan", by=isp.system())
        with pytest.raises(Refusal):
            services.void_invoice(invoice, reason=" ", by=isp.system())
        services.void_invoice(invoice, reason="wrong plan", by=isp.system(), release_payments=True, bill_again=True)
        with pytest.raises(Refusal):
            services.void_invoice(invoice, reason="again", by=isp.system())
        assert DayTotal.objects.get().total == 0
        assert Subscription.objects.get(pk=line.pk).billed_until == date(2026, 1, 1)
    assert isp.owes("Asha") == -400
    (pk,) = isp.bill("2026-01-01")
    with isp.scope():
        again = Invoice.objects.get(pk=pk)
        assert (again.number, again.status, again.settled_amount) == ("INV-000002", "part_paid", 400)
        with pytest.raises(DatabaseError), transaction.atomic():
            Invoice.objects.filter(number="INV-000001").update(status="issued")
        assert ledger.verify() == []


def test_an_invoice_by_hand_does_not_move_the_next_regular_one(isp, clock):
    clock.move_to("2026-01-10")
    line = isp.sell(to="Asha", on="2026-01-10", price="1000")
    isp.bill("2026-01-10")
    with isp.scope():
        made = services.issue_manual(
            isp.subscriber("Asha"),
            [services.Charge("Cable, 20 m", Decimal("12.50"), Decimal(20), Decimal("17"), "GST")],
            by=isp.system(), note="moved to the roof",
        )  # fmt: skip
        assert (made.net, made.tax, made.total) == (250, Decimal("42.5"), Decimal("292.5"))
        assert (made.kind, made.previous_balance, made.note) == ("manual", 1000, "moved to the roof")
        assert Subscription.objects.get(pk=line.pk).billed_until == date(2026, 2, 10)
        for charges in ([], [services.Charge("nothing", Decimal(0))], [services.Charge("minus", Decimal(-5))]):
            with pytest.raises(Refusal):
                services.issue_manual(isp.subscriber("Asha"), charges, by=isp.system())
    assert numbers_of(isp) == ["INV-000001", "INV-000002"]


def test_opening_balances_are_owed_or_wait_as_credit_and_can_be_withdrawn(isp, clock):
    clock.move_to("2026-01-01")
    people = [isp.subscriber(name) for name in ("Asha", "Bilal", "Chand")]
    amounts = dict(zip([p.pk for p in people], [Decimal("1500.50"), Decimal("-300"), Decimal(0)], strict=True))
    with isp.scope():
        services.issue_opening(amounts, on=date(2026, 1, 1), by=isp.system())
        with pytest.raises(Refusal):
            services.issue_opening({people[1].pk: Decimal(5)}, on=date(2026, 1, 1), by=isp.system())
        assert Invoice.objects.get().number == "OB-000001"
    assert [isp.owes(p.name) for p in people] == [Decimal("1500.50"), -300, 0]
    isp.sell(to="Bilal", on="2026-01-01", price="1000")
    isp.bill("2026-01-01")
    with isp.scope():
        assert Invoice.objects.get(kind="regular").settled_amount == 300
        assert services.withdraw_openings([p.pk for p in people], reason="import undone", by=isp.system()) == 2
        assert Invoice.objects.get(kind="regular").settled_amount == 0
        assert Invoice.objects.get(kind="opening").status == "void"
        services.issue_opening({people[0].pk: Decimal(10)}, on=date(2026, 1, 1), by=isp.system())
    assert [isp.owes(p.name) for p in people] == [10, 1000, 0]


def test_months_cut_off_are_passed_over_and_days_on_hold_are_not_charged(isp, clock):
    from fiberledger.subscriptions import services as subscriptions

    clock.move_to("2026-01-01")
    cut = isp.sell(to="Asha", on="2026-01-01", price="3000", cycle="fixed", anchor_day=1)
    held = isp.sell(to="Bilal", on="2026-01-01", price="3000", cycle="fixed", anchor_day=1, billing="postpaid")
    isp.bill("2026-01-01")
    clock.move_to("2026-01-20")
    with isp.scope():
        subscriptions.suspend([cut.pk], by=isp.system())
    clock.move_to("2026-04-11")
    with isp.scope():
        subscriptions.resume([cut.pk], by=isp.system())
        subscriptions.hold([held.pk], by=isp.system())
    clock.move_to("2026-04-21")
    with isp.scope():
        subscriptions.resume([held.pk], by=isp.system())
        issued = services.issue_invoices([cut.pk], as_of=date(2026, 4, 21), by=isp.system())
        assert [skip.reason for _pk, skip in issued.skips] == ["no_service", "no_service"]
        assert Invoice.objects.get(pk=issued.invoice_ids[0]).total == 2000, "from the 11th of April on"
    isp.bill("2026-05-01")
    with isp.scope():
        bills = Invoice.objects.filter(subscription=held).order_by("period_start")
        assert [int(b.total) for b in bills] == [3000, 3000, 3000, 2000]


def test_a_plan_changed_in_the_middle_is_charged_once_for_the_days_left(isp, clock):
    from fiberledger.subscriptions import services as subscriptions

    clock.move_to("2026-01-01")
    ahead = isp.sell("Small", to="Asha", on="2026-01-01", price="1000", cycle="fixed", anchor_day=1)
    after = isp.sell(
        "Small", to="Bilal", on="2026-01-01", price="1000", cycle="fixed", anchor_day=1, billing="postpaid"
    )
    isp.bill("2026-01-01")
    large = isp.plan("Large", "3000")
    clock.move_to("2026-01-22")
    with isp.scope():
        for line in (ahead, after):
            subscriptions.change_plan(line, large, by=isp.system())
    isp.bill("2026-02-01")
    isp.bill("2026-03-01")
    with isp.scope():
        totals = {
            pk: [str(i.total.normalize()) for i in Invoice.objects.filter(subscription_id=pk).order_by("pk")]
            for pk in (ahead.pk, after.pk)
        }
        assert totals[ahead.pk] == ["1E+3", "3645.16", "3E+3"], "645.16 is ten days of the difference"
        assert totals[after.pk] == ["1645.16", "3E+3"], "21 days at the old price, ten at the new"
        changed = Invoice.objects.filter(subscription=ahead).order_by("pk")[1]
        assert [line.text for line in changed.lines.all()] == [
            "Large · 1 Feb 2026 – 28 Feb 2026", "Change to Large, 22 Jan 2026 – 31 Jan 2026"]  # fmt: skip


def test_aging_and_statement_come_from_the_same_book(isp, clock):
    clock.move_to("2026-01-01")
    isp.sell(to="Asha", on="2026-01-01", price="1000")
    isp.bill("2026-01-01")
    clock.move_to("2026-03-15")
    isp.bill("2026-03-15")
    asha = isp.subscriber("Asha")
    with isp.scope():
        pay(asha, "250")
        (row,) = reading.aging()
        assert [int(part) for part in row.ages] == [2000, 0, 0, 750, 0]
        assert row.total == isp.owes("Asha")
        page = reading.statement(asha)
        assert page.after == isp.owes("Asha") == page.rows[-1].balance
        assert page.rows[0].text == "Invoice INV-000001" and page.charged == 3000 and page.paid == 250
        part = reading.statement(asha, date(2026, 3, 1))
        assert part.before == 1000 and part.after == page.after


def test_another_tenants_rows_stay_out_of_reach(isp, zed, clock):
    clock.move_to("2026-01-01")
    line = isp.sell(to="Asha", on="2026-01-01")
    isp.bill("2026-01-01")
    with zed.scope():
        assert services.issue_invoices([line.pk], as_of=date(2026, 2, 1), by=zed.system()).count == 0
        assert services.settle_open_invoices([line.subscriber_id]) == []
        assert reading.aging() == [] and Invoice.objects.count() == 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM billing_invoice")
            assert cursor.fetchone()[0] == 0


def test_the_billing_rules_are_what_a_new_line_is_agreed_on(isp, clock):
    clock.move_to("2026-01-20")
    with isp.scope():
        BillingPolicy.objects.update(cycle="fixed", anchor_day=5, billing="postpaid", first_period="free")
    line = isp.sell(to="Asha", on="2026-01-20")
    assert (line.cycle, line.anchor_day, line.billing, line.first_period) == ("fixed", 5, "postpaid", "free")
    with isp.scope():
        issued = services.issue_invoices([line.pk], as_of=date(2026, 2, 5), by=isp.system())
        assert [skip.reason for _pk, skip in issued.skips] == ["nothing_to_charge"]


money = st.integers(1, 4000).map(lambda n: Decimal(n) / 4)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.lists(money, max_size=4), st.lists(money, max_size=4)), min_size=1, max_size=4))
def test_settling_many_at_once_is_the_rule_of_one_at_a_time(isp, people):
    """The one statement for a whole set, held against the loop that anybody can read."""
    today = date(2026, 1, 1)
    with isp.scope():
        who = []
        for credits, debts in people:
            test_settling_many_at_once_is_the_rule_of_one_at_a_time.count += 1
            n = test_settling_many_at_once_is_the_rule_of_one_at_a_time.count
            subscriber = isp.subscriber(f"Person {n}")
            invoices = [
                services.issue_manual(subscriber, [services.Charge("x", debt)], by=isp.system(), issued_on=today,
                                      due_on=today + timedelta(days=k)).pk
                for k, debt in enumerate(debts)
            ]  # fmt: skip
            entries = [
                ledger.post(
                    f"test-credit:{subscriber.pk}-{k}", today,
                    ledger.debit(ledger.account("cash", "PKR"), Money(credit, "PKR")),
                    ledger.credit(subscriber.receivable, Money(credit, "PKR")),
                ).pk
                for k, credit in enumerate(credits)
            ]  # fmt: skip
            expected = rules.settle(list(zip(entries, credits, strict=True)), list(zip(invoices, debts, strict=True)))
            who.append((subscriber.pk, expected))
        services.settle_open_invoices([pk for pk, _expected in who])
        for pk, expected in who:
            found = Allocation.objects.filter(invoice__subscriber_id=pk).order_by("pk")
            assert sorted(found.values_list("entry_id", "invoice_id", "amount")) == sorted(expected)


test_settling_many_at_once_is_the_rule_of_one_at_a_time.count = 0


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["prepaid", "postpaid"]), st.integers(1, 31), st.integers(0, 60),
            st.sampled_from(["prorate", "full", "free", "join"]),
        ),
        min_size=1, max_size=4,
    ),
    st.lists(st.integers(0, 50), min_size=1, max_size=5),
)  # fmt: skip
def test_any_schedule_of_runs_bills_what_the_slow_reference_bills(isp, agreed, gaps):
    """Random lines, runs on random days; the reference looks at each line alone, from its start to the last day."""
    base = date(2025, 12, 1)
    with isp.scope():
        lines = []
        for billing_, anchor, offset, first in agreed:
            test_any_schedule_of_runs_bills_what_the_slow_reference_bills.count += 1
            n = test_any_schedule_of_runs_bills_what_the_slow_reference_bills.count
            line = isp.sell(
                to=f"Line {n}", on=(base + timedelta(days=offset)).isoformat(), price="1000", billing=billing_,
                cycle="fixed", anchor_day=anchor, first_period=first,
            )  # fmt: skip
            lines.append(line)
        as_of = base
        for gap in gaps:
            as_of += timedelta(days=gap)
            services.issue_invoices([line.pk for line in lines], as_of=as_of, by=isp.system())
        for line in lines:
            terms = rules.Terms(line.billing, line.anchor_day, line.started_on, first_period=line.first_period)
            expected = []
            for bill in rules.due(terms, as_of):
                total = rules.total_of(rules.charge(bill, rules.Price(Decimal(1000))))[2]
                if total:
                    expected.append((bill.start, bill.end, total))
            found = Invoice.objects.filter(subscription=line).order_by("period_start")
            assert list(found.values_list("period_start", "period_end", "total")) == expected


test_any_schedule_of_runs_bills_what_the_slow_reference_bills.count = 0


def test_status_changes_become_stretches_without_service():
    d = date
    steps = [(d(2026, 1, 5), "suspended"), (d(2026, 1, 9), "hold"), (d(2026, 1, 12), "active"),
             (d(2026, 1, 12), "suspended"), (d(2026, 1, 12), "active"), (d(2026, 2, 1), "terminated")]  # fmt: skip
    assert deciding.pauses_from(steps) == [
        rules.Pause(d(2026, 1, 5), d(2026, 1, 9), "cut"), rules.Pause(d(2026, 1, 9), d(2026, 1, 12), "hold"),
        rules.Pause(d(2026, 2, 1), date.max, "hold"),
    ]  # fmt: skip
