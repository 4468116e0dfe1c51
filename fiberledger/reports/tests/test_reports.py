from datetime import date
from decimal import Decimal

import pytest
from django.db.models import Sum

from fiberledger.billing import services as billing
from fiberledger.ledger.models import Posting
from fiberledger.payments import services as payments
from fiberledger.reports.catalogue import REPORTS
from fiberledger.reports.questions import Question
from fiberledger.subscriptions import services as subscriptions

ALL = {report.code: report for report in REPORTS}


@pytest.fixture
def month(isp, clock):
    """March at Bright ISP: three sold, billed; one pays, one pays in part and it is reversed, one leaves."""
    clock.move_to("2026-03-01T06:00")
    lines = [isp.sell(to=name, on="2026-03-01") for name in ("Asha", "Omar", "Sana")]
    isp.bill("2026-03-01")
    clock.move_to("2026-03-10T06:00")
    isp.pay("Asha", "1200")
    wrong = isp.pay("Omar", "500", method="bank")
    clock.move_to("2026-04-12T06:00")
    with isp.scope():
        payments.reverse_payment(wrong, reason="Wrong subscriber", by=isp.system())
        subscriptions.end([lines[2]], by=isp.system())
    isp.run()
    return isp


def ask(isp, code, by=None, since=date(2026, 3, 1), until=date(2026, 5, 1)):
    report = ALL[code]
    with isp.scope():
        return report.answer(Question(since, until, by or report.by[0][0], "PKR", isp.system()))


@pytest.mark.parametrize("by", [code for code, _label in ALL["collection"].by])
def test_collection_is_what_the_money_accounts_received(month, by):
    answer = ask(month, "collection", by)
    with month.scope():
        received = Posting.objects.filter(account__role__in=["cash", "bank"]).aggregate(s=Sum("amount"))["s"]
    assert answer.totals[1:] == (2, Decimal(1700), Decimal(500), received)
    assert sum(row[4] for row in answer.rows) == received == 1200


def test_each_day_has_a_line_and_reversals_stand_on_their_own_day(month):
    answer = ask(month, "collection")
    lines = {row[0]: row[4] for row in answer.rows}
    assert len(lines) == 61
    assert (lines[date(2026, 3, 10)], lines[date(2026, 4, 12)]) == (1700, -500)


@pytest.mark.parametrize("by", [code for code, _label in ALL["revenue"].by])
def test_revenue_is_what_the_sales_account_earned(month, by):
    answer = ask(month, "revenue", by)
    with month.scope():
        earned = -Posting.objects.filter(account__role__in=["sales", "fees"]).aggregate(s=Sum("amount"))["s"]
    assert answer.totals[2] == earned == 3600


@pytest.mark.parametrize("by", [code for code, _label in ALL["revenue"].by])
def test_a_deposit_is_held_and_no_revenue(isp, clock, by):
    clock.move_to("2026-03-01T06:00")
    isp.plan("Home 20", "1200", deposit=Decimal(1000), installation_fee=Decimal(300))
    isp.sell("Home 20", to="Asha", on="2026-03-01")
    isp.sell("Home 20", to="Omar", on="2026-03-01")
    wrong, _right = isp.bill("2026-03-01")
    with isp.scope():
        billing.void_invoice(wrong, reason="twice", by=isp.system())
        held = -Posting.objects.filter(account__role="deposits").aggregate(s=Sum("amount"))["s"]
    assert held == 1000 and ask(isp, "revenue", by).totals[1:] == (1, 1500, 0, 1500)


@pytest.mark.parametrize("by", [code for code, _label in ALL["dues"].by])
def test_dues_are_what_subscribers_accounts_say(month, by):
    answer = ask(month, "dues", by)
    assert answer.totals[-1] == month.owes("Omar") + month.owes("Sana") == 2400
    assert sum(answer.totals[1:-1]) == answer.totals[-1]


def test_dues_less_what_no_invoice_took_is_what_the_books_say(month):
    with month.scope():
        asha = month.subscriber("Asha")
        _older, newer = (
            billing.issue_manual(asha, [billing.Charge("Cable", amount)], by=month.system())
            for amount in (Decimal(500), Decimal(400))
        )
    month.pay("Asha", "450", invoices=[newer.pk])
    month.pay("Sana", "2000", method="bank")
    answer = ask(month, "dues")
    booked = sum(month.owes(name) for name in ("Asha", "Omar", "Sana"))
    assert (answer.totals[-1], booked) == (1700, 850)
    assert answer.note == "Rs 1,700.00 is open on invoices, less Rs 850.00 paid ahead: Rs 850.00 in the books."
    body = month.client("owner").get("/reports/dues/?as=csv").content.decode("utf-8-sig")
    assert body.splitlines()[-1] == "Total,500.00,0,1200.00,0,0,1700.00"


@pytest.mark.parametrize("by", [code for code, _label in ALL["subscribers"].by])
def test_subscribers_are_counted_once(month, by):
    totals = ask(month, "subscribers", by).totals
    assert totals[1] == 2
    assert totals[3] == (2 if by == "plan" else 3)


def test_new_and_lost_month_by_month(month):
    answer = ask(month, "growth")
    assert [tuple(row[1:]) for row in answer.rows] == [(3, 0, 3), (0, 1, -1)]


def test_a_line_taken_back_with_its_import_was_never_new_nor_lost(month):
    before = ask(month, "growth").rows
    line = month.sell(to="Zara", on="2026-04-12")
    assert ask(month, "growth").rows != before
    with month.scope():
        subscriptions.withdraw([line.pk], by=month.system())
    assert ask(month, "growth").rows == before


def test_a_branch_manager_sees_nothing_of_other_branches(month):
    from fiberledger.places.models import Branch

    with month.scope():
        branch = Branch.objects.create(name="Elsewhere", code="E")
    client = month.client("owner")
    page = client.get("/reports/collection/?since=2026-03-01&until=2026-04-30")
    assert page.status_code == 200
    assert "1,700<i>" in page.text
    page = client.get(f"/reports/collection/?since=2026-03-01&until=2026-04-30&in=b{branch.pk}")
    assert "1,700<i>" not in page.text


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf"])
@pytest.mark.parametrize("code", ALL)
def test_every_report_can_be_taken_away(month, code, kind):
    answer = month.client("owner").get(f"/reports/{code}/?as={kind}&since=2026-03-01&until=2026-04-30")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    assert answer.content[:4] == {"csv": answer.content[:4], "xlsx": b"PK\x03\x04", "pdf": b"%PDF"}[kind]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=2026-05-01&until=2026-04-01", "choose a later one"),
        ("since=yesterday", "valid date"),
        ("by=phase+of+the+moon", "valid choice"),
        ("since=1990-01-01&until=2026-01-01", "five years at most"),
    ],
)
def test_a_bad_question_says_what_is_wrong_with_it(isp, query, words):
    page = isp.client("owner").get(f"/reports/collection/?{query}")
    assert page.status_code == 422
    assert words in page.text
