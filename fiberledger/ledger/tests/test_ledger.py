from collections import defaultdict
from decimal import Decimal
from threading import Thread

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger import calendar, ledger
from fiberledger.ledger.models import JournalEntry, LedgerAccount, Posting
from fiberledger.money import Money
from fiberledger.tenancy import Refusal

amounts = st.decimals(min_value=Decimal("0.01"), max_value=10**9, places=2)


def rupees(amount) -> Money:
    return Money(Decimal(amount), "PKR")


@given(halves=st.lists(st.tuples(st.integers(0, 3), amounts, st.booleans()), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_balances_is_kept_and_everything_else_refused(isp, halves):
    with isp.scope():
        before = JournalEntry.objects.count()
        accounts = [
            ledger.account("cash", "PKR"),
            ledger.account("sales", "PKR"),
            ledger.account("tax_payable", "PKR"),
            ledger.account("bank", "PKR"),
        ]
        signed = [
            (ledger.debit if up else ledger.credit)(accounts[place], rupees(amount)) for place, amount, up in halves
        ]
        off = sum((half.money for half in signed), Money(Decimal(0), "PKR"))
        balanced = [*signed, ledger.credit(accounts[0], off)]
        ledger.post(f"made:{before}", calendar.today(), *balanced)
        if off:
            with pytest.raises(IntegrityError), transaction.atomic():
                ledger.post(f"broken:{before}", calendar.today(), *signed)
        assert JournalEntry.objects.count() == before + 1


@given(moves=st.lists(st.tuples(st.integers(0, 4), st.booleans(), amounts), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_balance_is_always_the_sum_of_its_postings(isp, moves):
    with isp.scope():
        number = LedgerAccount.objects.count()
        people = [ledger.open_party_account(f"P{number + n}", "Asha", "PKR") for n in range(5)]
        sales = ledger.account("sales", "PKR")
        slow = defaultdict(Decimal)
        for step, (who, up, amount) in enumerate(moves):
            first, second = (ledger.debit, ledger.credit) if up else (ledger.credit, ledger.debit)
            ledger.post(
                f"{number}:{step}", calendar.today(), first(people[who], rupees(amount)), second(sales, rupees(amount))
            )
            slow[people[who].pk] += amount if up else -amount
        for person in LedgerAccount.objects.filter(pk__in=[p.pk for p in people]):
            assert person.balance == slow[person.pk]
        assert ledger.verify() == []


def test_one_cause_is_posted_once(isp):
    with isp.scope():
        halves = (
            ledger.debit(ledger.account("cash", "PKR"), rupees(5)),
            ledger.credit(ledger.account("sales", "PKR"), rupees(5)),
        )
        ledger.post("invoice:1", calendar.today(), *halves)
        with pytest.raises(IntegrityError), transaction.atomic():
            ledger.post("invoice:1", calendar.today(), *halves)


def test_two_threads_post_one_cause_once(isp):
    outcomes = []

    def post():
        try:
            with isp.scope():
                cash, sales = ledger.account("cash", "PKR"), ledger.account("sales", "PKR")
                ledger.post(
                    "payment:7", calendar.today(), ledger.debit(cash, rupees(5)), ledger.credit(sales, rupees(5))
                )
            outcomes.append("kept")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "refused", "refused", "refused"]


def test_a_reversal_is_the_mirror_image_and_happens_once(isp):
    with isp.scope():
        person = ledger.open_party_account("C-1", "Asha", "PKR")
        entry = ledger.post(
            "x:1",
            calendar.today(),
            ledger.debit(person, rupees(70)),
            ledger.credit(ledger.account("sales", "PKR"), rupees(70)),
        )
        ledger.reverse(entry, calendar.today(), cause="x:1:undo")
        person.refresh_from_db()
        assert person.balance == 0
        with pytest.raises(IntegrityError), transaction.atomic():
            ledger.reverse(entry, calendar.today(), cause="x:1:again")


def test_an_account_takes_its_own_currency_only(isp):
    with isp.scope(), pytest.raises(Refusal):
        ledger.debit(ledger.account("cash", "PKR"), Money(Decimal(1), "KES"))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_posting SET amount = amount + 1",
        "DELETE FROM ledger_posting",
        "UPDATE ledger_journalentry SET memo = 'x'",
        "DELETE FROM ledger_journalentry",
        "TRUNCATE ledger_posting",
    ],
)
def test_nothing_written_is_ever_changed(isp, sql):
    with isp.scope():
        ledger.post(
            "x:1",
            calendar.today(),
            ledger.debit(ledger.account("cash", "PKR"), rupees(1)),
            ledger.credit(ledger.account("sales", "PKR"), rupees(1)),
        )
        for alias in ("default",):
            with pytest.raises((ProgrammingError, IntegrityError, InternalError)), transaction.atomic(using=alias):
                with connection.cursor() as cursor:
                    cursor.execute(sql)
        assert Posting.objects.count() == 2


def test_verify_sees_a_balance_that_was_tampered_with(isp):
    with isp.scope():
        person = ledger.open_party_account("C-1", "Asha", "PKR")
        LedgerAccount.objects.filter(pk=person.pk).update(balance=5)
        assert [fault.kind for fault in ledger.verify()] == ["kept balance differs from its postings"]
        LedgerAccount.objects.filter(pk=person.pk).update(balance=0)
