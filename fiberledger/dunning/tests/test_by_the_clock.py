"""Lines that RADIUS cuts by itself: the instant follows the books, and the breaker keeps its word."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fiberledger import notices
from fiberledger.access import services as access
from fiberledger.access.models import RadiusLine
from fiberledger.billing import services as billing
from fiberledger.dunning import by_the_clock, runs, sparing
from fiberledger.dunning.models import AreaGrace, Exemption, SuspensionPolicy, SuspensionRun
from fiberledger.notices.models import Notice
from fiberledger.payments import services as payments
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import Subscription

from .test_suspending import Yard


def morning(day: str) -> datetime:
    """Four o'clock in Lahore: an hour after the night's run."""
    return datetime.fromisoformat(f"2026-{day}T04:00").replace(tzinfo=ZoneInfo("Asia/Karachi"))


class ClockYard(Yard):
    def look_ahead(self) -> None:
        with self.scope():
            by_the_clock.look_ahead_soon()
        self.isp.run()

    def cut_at(self, subscriber):
        """What the books planned; and what FreeRADIUS reads is the same, with every job undone and done again."""
        line = self.line_of(subscriber)
        with self.scope():
            assert RadiusLine.objects.get(account__subscription=line).cut_at == line.cut_at
            assert access.rebuild(dry=True).drift == 0
        return line.cut_at

    def subscriber(self, name, **more):
        who = super().subscriber(name, **more)
        with self.scope():
            access.open_account(self.line_of(who), username=name.lower().replace(" ", ""), by=self.boss)
        return who


@pytest.fixture
def yard(isp, clock):
    clock.move_to("2026-01-31")
    made = ClockYard(isp)
    made.rules(enabled=True, last_run_on=date(2026, 1, 31))
    made.look_ahead()
    return made


def test_a_new_bill_says_when_radius_cuts_and_a_payment_takes_it_away_without_any_job(yard):
    asha = yard.subscriber("Asha")
    assert yard.cut_at(asha) is None
    yard.bill(asha, "1200")
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-06"), "due on 31 January, five days of grace"
    yard.pay(asha, "200")
    assert yard.cut_at(asha) is None, "at once: no worker was there"
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-06"), "it was not enough"
    paid = yard.pay(asha, "1000")
    yard.isp.run()
    assert yard.cut_at(asha) is None
    with yard.scope():
        payments.reverse_payment(paid, reason="the cheque bounced", by=yard.boss)
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-06")


def test_whatever_spares_moves_or_clears_the_instant(yard):
    asha = yard.subscriber("Asha")
    bill = yard.bill(asha, "1200")
    yard.isp.run()
    yard.exempt(asha, until=date(2026, 2, 10), why="pays on the 10th")
    assert yard.cut_at(asha) == morning("02-11")
    with yard.scope():
        sparing.end_exemption(Exemption.objects.get(), by=yard.boss)
    assert yard.cut_at(asha) == morning("02-06")
    with yard.scope():
        grace = AreaGrace.objects.create(area=yard.city, days=9)
        by_the_clock.withdraw_cuts()
    assert yard.cut_at(asha) is None, "the old instant is void before any job has planned the new one"
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-10")
    owner = yard.isp.client("owner")
    assert owner.post(f"/dunning/grace/{grace.pk}/remove/").status_code == 302
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-06")
    with yard.scope():
        Subscriber.objects.filter(pk=asha.pk).update(is_vip=True)
    assert yard.cut_at(asha) is None
    yard.look_ahead()
    assert yard.cut_at(asha) is None
    with yard.scope():
        Subscriber.objects.filter(pk=asha.pk).update(is_vip=False)
    yard.look_ahead()
    assert yard.cut_at(asha) == morning("02-06")
    with yard.scope():
        billing.void_invoice(bill, reason="charged twice", by=yard.boss)
    assert yard.cut_at(asha) is None


def test_switched_off_nobody_is_cut_by_the_clock_and_switched_on_nobody_before_the_night(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1200")
    yard.isp.run()
    owner = yard.isp.client("owner")
    form = {
        "hour": "3", "grace_days": "5", "exempt_vip": "on", "least_owed": "0", "resume": "paid", "remind_before_days": "2",
        "breaker_percent": "25", "breaker_least": "10",
    }  # fmt: skip
    assert owner.post("/dunning/settings/", form).status_code == 302
    assert yard.cut_at(asha) is None
    clock.move_to("2026-02-20")
    assert owner.post("/dunning/settings/", {**form, "enabled": "on"}).status_code == 302
    yard.isp.run()
    assert yard.cut_at(asha) == morning("02-21")


def test_the_run_comes_first_and_the_clock_only_after_it(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1200")
    yard.isp.run()
    clock.move_to("2026-02-06T00:00+00:00")  # five in Lahore; no worker was there at three
    line = yard.line_of(asha)
    assert line.status == "active" and line.is_cut_by_the_clock
    yard.look_ahead()
    assert yard.cut_at(asha) == morning("02-06"), "looking again does not let them back on"
    yard.night()
    assert yard.status(asha) == "suspended" and yard.cut_at(asha) is None
    yard.pay(asha, "1200")
    yard.isp.run()
    assert yard.status(asha) == "active" and yard.cut_at(asha) is None


def test_a_night_that_the_breaker_would_stop_is_not_cut_by_the_clock_either(yard, clock):
    people = [yard.subscriber(f"P {n}") for n in range(8)]
    yard.rules(breaker_least=1, breaker_percent=Decimal(25))
    yard.bill(people[0], "100", due=date(2026, 1, 31))
    for who in people[1:4]:
        yard.bill(who, "100", due=date(2026, 2, 3))
    yard.look_ahead()
    assert yard.cut_at(people[0]) == morning("02-06")
    assert {yard.cut_at(who) for who in people[1:]} == {None}, "three of the seven then on are more than a quarter"
    yard.pay(people[1], "100")
    yard.pay(people[2], "100")
    yard.look_ahead()
    assert yard.cut_at(people[3]) == morning("02-09"), "one is not"


def test_while_a_stopped_run_waits_nobody_is_cut_by_the_clock(yard, clock):
    people = [yard.subscriber(f"P {n}") for n in range(4)]
    for who in people:
        yard.bill(who, "100")
    yard.look_ahead()
    assert {yard.cut_at(who) for who in people} == {morning("02-06")}, "a handful never trips it"
    yard.rules(breaker_least=1)  # behind the form's back: what was planned stands until the run
    clock.move_to("2026-02-05T22:30+00:00")  # half past three
    yard.night()
    with yard.scope():
        stopped = SuspensionRun.objects.get()
        assert stopped.state == "stopped" and SuspensionPolicy.objects.get().passes_until is None
    assert {yard.cut_at(who) for who in people} == {None}
    yard.pay(people[0], "10")
    yard.isp.run()
    assert yard.cut_at(people[0]) is None, "nor by what moves meanwhile"
    with yard.scope():
        runs.lift_breaker(stopped, by=yard.boss)
    yard.isp.run()
    assert {yard.status(who) for who in people} == {"suspended"}


def test_a_line_that_leaves_service_loses_its_instant(yard):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1200")
    yard.isp.run()
    with yard.scope():
        subscriptions.set_status([yard.line_of(asha)], "disputed", reason="dispute", by=yard.boss)
    assert yard.cut_at(asha) is None
    yard.look_ahead()
    assert yard.cut_at(asha) is None


def test_everybody_is_planned_in_as_many_queries_as_a_few(yard):
    def queries():
        with yard.scope(), CaptureQueriesContext(connection) as seen:
            ids = by_the_clock.look_ahead()
            by_the_clock.plan_cuts(ids)
        return len(seen), len(ids)

    for n in range(3):
        yard.bill(yard.subscriber(f"A {n}"), "100")
    few, planned = queries()
    assert planned == 3
    for n in range(20):
        yard.bill(yard.subscriber(f"B {n}"), "100")
    yard.rules(breaker_percent=None)
    many, planned = queries()
    assert planned == 20 and many <= few
    with yard.scope():
        assert Subscription.objects.filter(cut_at__isnull=False).count() == 23
        assert by_the_clock.look_ahead() == [], "and looking again finds nothing to do"


def test_where_a_reminder_comes_first_the_clock_waits_for_one_too(yard, clock):
    asha = yard.subscriber("Asha")
    yard.rules(remind_first=True)
    yard.bill(asha, "1200", due=date(2026, 2, 5))
    yard.isp.run()
    clock.move_to("2026-02-10")
    yard.night()
    assert yard.cut_at(asha) is None
    with yard.scope():
        notices.mark_sent(Notice.objects.get(event="invoice.overdue").pk, via="sms", by=yard.boss)
    yard.look_ahead()
    assert yard.cut_at(asha) == morning("02-11")
