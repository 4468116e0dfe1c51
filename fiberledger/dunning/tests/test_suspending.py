from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fiberledger import calendar, jobs
from fiberledger.dunning import cases, explaining, policy, previews, runs, scopes, sparing
from fiberledger.dunning.models import AreaGrace, SuspensionPolicy, SuspensionRun
from fiberledger.dunning.rules import CUT
from fiberledger.jobs.models import Run
from fiberledger.notices.models import Notice
from fiberledger.payments import services as payments
from fiberledger.payments.tests.shop import Shop, at_once
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange
from fiberledger.tenancy import Refusal


class Yard(Shop):
    """A shop with a night."""

    def night(self) -> None:
        with self.scope():
            jobs.enqueue("dunning.night")
        self.isp.run()

    def cut(self, **more) -> SuspensionRun:
        with self.scope():
            run = runs.start_run(scope=more.pop("scope", {}), by=more.pop("by", self.boss), **more)
        self.isp.run()
        with self.scope():
            return SuspensionRun.objects.get(pk=run.pk)

    def status(self, subscriber) -> str:
        return self.line_of(subscriber).status

    def rules(self, **changes) -> None:
        with self.scope():
            SuspensionPolicy.objects.update(**changes)

    def preview(self, **more):
        with self.scope():
            return previews.preview(scope=more.pop("scope", {}), **more)

    def exempt(self, subscriber, **more):
        with self.scope():
            return sparing.exempt(subscriber, by=self.boss, **more)


@pytest.fixture
def yard(isp, clock):
    clock.move_to("2026-01-31")
    return Yard(isp)


def test_a_late_payer_is_cut_at_night_and_comes_back_on_payment(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1200")
    yard.rules(enabled=True, grace_days=5)
    for day, status in (("01-31", "active"), ("02-01", "overdue"), ("02-05", "overdue"), ("02-06", "suspended")):
        clock.move_to(f"2026-{day}")
        yard.night()
        assert yard.status(asha) == status, day
    yard.pay(asha, "1199")
    yard.isp.run()
    assert yard.status(asha) == "suspended"
    yard.pay(asha, "1")
    yard.isp.run()
    assert yard.status(asha) == "active"
    with yard.scope():
        assert Subscriber.objects.get(pk=asha.pk).status == "active"
        events = list(Notice.objects.order_by("id").values_list("event", flat=True))
        # The bill was told when due, when late, when it cut; and the line's return.
        assert "invoice.due_soon" in events and "invoice.overdue" in events
        assert "service.suspended" in events and "service.resumed" in events
        assert Notice.objects.get(event="service.suspended").state == "skipped", "the line is back before it was sent"


def test_the_night_comes_at_the_tenants_own_hour_and_once(yard, clock):
    yard.rules(hour=3)
    clock.move_to("2026-02-03T21:30:00+00:00")  # 02:30 in Lahore, on the 4th
    yard.night()
    with yard.scope():
        assert policy.in_force().last_run_on is None
    clock.move_to("2026-02-03T22:05:00+00:00")  # 03:05
    yard.night()
    with yard.scope():
        assert policy.in_force().last_run_on.isoformat() == "2026-02-04"
    yard.rules(enabled=True)
    yard.night()
    with yard.scope():
        assert not SuspensionRun.objects.exists(), "once a night"


def test_why_was_i_cut(yard, clock):
    asha = yard.subscriber("Asha")
    invoice = yard.bill(asha, "1200")
    clock.move_to("2026-02-06")
    yard.cut()
    with yard.scope():
        why = explaining.why_cut(yard.line_of(asha))
        said = " ".join(sentence.text for sentence in why.sentences)
        assert invoice.number in said and "1,200" in said and "31 January 2026" in said and "5 February 2026" in said
        assert why.sentences[-1].says == CUT
        assert why.change.reason == "unpaid" and why.change.run
        assert why.now.cut and why.facts.overdue == 1200
    yard.pay(asha, "1200")
    yard.isp.run()
    with yard.scope():
        back = StatusChange.objects.filter(subscriber=asha, new="active").order_by("-id").first()
        assert back.reason == "paid" and back.why[-1]["rule"] == "resumed"


def test_preview_says_who_and_why_and_changes_nothing(yard, clock):
    late, vip, part, young, paid = (yard.subscriber(name) for name in ("Late", "Vip", "Part", "Young", "Paid"))
    for who in (late, vip, part, paid):
        yard.bill(who, "1000")
    with yard.scope():
        Subscriber.objects.filter(pk=vip.pk).update(is_vip=True)
    yard.pay(part, "600")
    yard.pay(paid, "1000")
    yard.rules(part_paid_percent=Decimal(50))
    clock.move_to("2026-02-06")
    yard.bill(young, "1000", due=yard.today - timedelta(days=2), on=yard.today - timedelta(days=4))
    seen = yard.preview()
    assert [case.name for case, _decision in seen.cut] == ["Late"]
    assert {case.name: decision.rule for case, decision in seen.spared} == {
        "Vip": "vip", "Part": "part_paid", "Young": "grace"
    }  # fmt: skip
    assert seen.lines == 1 and seen.lines_on == 5 and seen.owed() == {"PKR": Decimal(1000)}
    assert yard.status(late) == "active"
    run = yard.cut()
    assert (run.state, run.cut, run.spared) == ("done", 1, {"vip": 1, "part_paid": 1, "grace": 1})
    assert [yard.status(who) for who in (late, vip, part, young, paid)] == [
        "suspended", "active", "overdue", "active", "active"
    ]  # fmt: skip


def test_zero_and_credit_are_looked_at_again_at_the_moment_of_cutting(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1000")
    clock.move_to("2026-02-10")
    with yard.scope():
        run = runs.start_run(scope={}, by=yard.boss)
        assert [case.name for case, _d in previews.preview(scope={}).cut] == ["Asha"]
    yard.pay(asha, "1000")  # between confirming and cutting
    yard.isp.run()
    with yard.scope():
        assert SuspensionRun.objects.get(pk=run.pk).cut == 0
    assert yard.status(asha) == "active"


def test_a_payment_and_a_cut_at_once_never_leave_a_paid_line_off(yard, clock):
    people = [yard.subscriber(f"P{n}") for n in range(8)]
    for who in people:
        yard.bill(who, "100")
    clock.move_to("2026-02-10")
    with yard.scope():
        run = SuspensionRun.objects.create(as_of=yard.today, state="running", started_by="test")

    def cut():
        with yard.scope():
            return runs.cut_batch(run, [who.pk for who in people], by=yard.boss)

    answers = at_once(cut, *[lambda who=who: yard.pay(who, "100") for who in people[:5]])
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    yard.isp.run()
    assert [yard.status(who) for who in people] == ["active"] * 5 + ["suspended"] * 3


def test_the_breaker_stops_the_run_and_a_person_lifts_it(yard, clock):
    people = [yard.subscriber(f"P{n}") for n in range(8)]
    for who in people[:4]:
        yard.bill(who, "100")
    yard.rules(breaker_percent=Decimal(25), breaker_least=2)
    clock.move_to("2026-02-10")
    run = yard.cut()
    assert (run.state, run.cut, run.to_cut, run.lines_on) == ("stopped", 0, 4, 8)
    assert {yard.status(who) for who in people} == {"active"}
    with yard.scope():
        assert "50" in Run.objects.get(pk=run.run_id).message
        with pytest.raises(Refusal, match="permission"):
            runs.lift_breaker(run, by=yard.clerk("dunning.run"))
        runs.lift_breaker(run, by=yard.clerk("dunning.lift_breaker", name="Owner"))
    yard.isp.run()
    with yard.scope():
        run.refresh_from_db()
        assert (run.state, run.cut, run.lifted_by) == ("done", 4, "Owner")
        with pytest.raises(Refusal, match="not stopped"):
            runs.lift_breaker(run, by=yard.boss)
    assert [yard.status(who) for who in people] == ["suspended"] * 4 + ["active"] * 4


def test_a_stopped_run_can_be_thrown_away(yard, clock):
    for n in range(3):
        yard.bill(yard.subscriber(f"P{n}"), "100")
    yard.rules(breaker_least=1)
    clock.move_to("2026-02-10")
    run = yard.cut()
    assert run.state == "stopped"
    with yard.scope():
        runs.cancel_run(run, by=yard.boss)
        run.refresh_from_db()
        assert run.state == "cancelled"


def test_a_street_is_cut_by_hand_without_waiting_and_spares_who_owes_nothing(yard):
    here, paid = yard.subscriber("Here"), yard.subscriber("Paid")
    there = yard.subscriber("There", area=yard.other_street)
    for who in (here, there):
        yard.bill(who, "100", due=yard.today + timedelta(days=10))
    with yard.scope():
        scope = scopes.scope_for(yard.boss, area=yard.street)
    run = yard.cut(scope=scope, mode="owing")
    assert run.cut == 1 and "Mall Road" in run.scope_name
    assert [yard.status(who) for who in (here, paid, there)] == ["suspended", "active", "active"]
    yard.pay(here, "40")
    yard.isp.run()
    assert yard.status(here) == "suspended"
    yard.pay(here, "60")
    yard.isp.run()
    assert yard.status(here) == "active"


def test_everyone_of_a_street_needs_permission_and_a_reason_and_stays_off(yard):
    asha = yard.subscriber("Asha")
    with yard.scope():
        scope = scopes.scope_for(yard.boss, area=yard.city)
        with pytest.raises(Refusal, match="permission"):
            runs.start_run(scope=scope, mode="everyone", note="fibre works", by=yard.clerk("dunning.run"))
        with pytest.raises(Refusal, match="why"):
            runs.start_run(scope=scope, mode="everyone", by=yard.boss)
    yard.cut(scope=scope, mode="everyone", note="fibre works")
    assert yard.status(asha) == "suspended"
    yard.pay(asha, "100")
    yard.isp.run()
    assert yard.status(asha) == "suspended", "it was not cut for debt: a payment does not bring it back"


def test_a_branch_manager_cuts_only_what_they_see(yard, clock):
    here, there = yard.subscriber("Here"), yard.subscriber("There", area=yard.other_street)
    for who in (here, there):
        yard.bill(who, "100")
    clock.move_to("2026-02-10")
    actor = yard.clerk("dunning.run", name="Manager")
    from dataclasses import replace

    actor = replace(actor, area_ids=frozenset({yard.street.pk}))
    with yard.scope():
        scope = scopes.scope_for(actor)
    yard.cut(scope=scope, by=actor)
    assert (yard.status(here), yard.status(there)) == ("suspended", "active")


def test_grace_of_an_area_reaches_its_streets(yard, clock):
    here, there = yard.subscriber("Here"), yard.subscriber("There", area=yard.other_street)
    for who in (here, there):
        yard.bill(who, "100")
    with yard.scope():
        AreaGrace.objects.create(area=yard.city, days=20)
        AreaGrace.objects.create(area=yard.street, days=2)
    clock.move_to("2026-02-10")
    yard.cut()
    assert (yard.status(here), yard.status(there)) == ("suspended", "active")
    clock.move_to("2026-02-21")
    yard.cut()
    assert yard.status(there) == "suspended"


def test_an_exemption_ends_with_its_day(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "100")
    clock.move_to("2026-02-06")
    with yard.scope(), pytest.raises(Refusal, match="permission"):
        sparing.exempt(asha, until=None, why="pays on the 9th", by=yard.clerk())
    yard.exempt(asha, until=yard.today + timedelta(days=3), why="pays on the 9th")
    for day, status in ((6, "active"), (9, "active"), (10, "suspended")):
        clock.move_to(f"2026-02-{day:02d}")
        yard.cut()
        assert yard.status(asha) == status, day


def test_two_threads_exempt_once(yard):
    asha = yard.subscriber("Asha")
    at_once(*[lambda: yard.exempt(asha, until=None, why="friend")] * 3)
    with yard.scope():
        assert asha.exemptions.filter(ended_at__isnull=True).count() == 1


def test_only_after_a_reminder_was_sent(yard, clock):
    from fiberledger import notices

    asha = yard.subscriber("Asha")
    yard.bill(asha, "100")
    yard.rules(remind_first=True)
    clock.move_to("2026-02-10")
    yard.night()
    assert yard.cut().cut == 0
    with yard.scope():
        notices.mark_sent(Notice.objects.get(event="invoice.overdue").pk, via="sms", by=yard.boss)
    assert yard.cut().cut == 0, "a reminder of the same day is none"
    clock.move_to("2026-02-11")
    assert yard.cut().cut == 1


def test_part_payment_brings_back_where_the_tenant_says_so(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1000")
    clock.move_to("2026-02-10")
    yard.rules(part_paid_percent=Decimal(50), resume="part")
    yard.cut()
    yard.pay(asha, "499")
    yard.isp.run()
    assert yard.status(asha) == "suspended"
    yard.pay(asha, "1")
    yard.isp.run()
    assert yard.status(asha) == "overdue", "back on, and still late"


def test_forgiving_puts_back_unpaid_until_a_day(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "1000")
    clock.move_to("2026-02-10")
    yard.cut()
    with yard.scope():
        with pytest.raises(Refusal, match="permission"):
            sparing.forgive(asha, until=yard.today, why="sick", by=yard.clerk("dunning.run"))
        sparing.forgive(asha, until=calendar.today() + timedelta(days=2), why="sick mother", by=yard.boss)
    assert yard.status(asha) == "overdue"
    assert yard.cut().cut == 0
    clock.move_to("2026-02-13")
    assert yard.cut().cut == 1


def test_disputed_and_held_lines_are_never_cut(yard, clock):
    disputed, held = yard.subscriber("Disputed"), yard.subscriber("Held")
    for who in (disputed, held):
        yard.bill(who, "1000")
    with yard.scope():
        for who, status in ((disputed, "disputed"), (held, "hold")):
            subscriptions.set_status([yard.line_of(who).pk], status, reason="other", by=yard.boss)
    clock.move_to("2026-02-10")
    assert yard.cut().cut == 0


def test_a_line_cut_for_abuse_does_not_come_back_by_paying(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "100")
    with yard.scope():
        subscriptions.suspend([yard.line_of(asha).pk], by=yard.boss, reason="abuse")
    yard.pay(asha, "100")
    yard.isp.run()
    assert yard.status(asha) == "suspended"


def test_a_line_cut_by_hand_for_debt_comes_back_when_nothing_is_owed(yard):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "100")
    with yard.scope():
        subscriptions.suspend([yard.line_of(asha).pk], by=yard.boss, reason="unpaid")
    yard.pay(asha, "100")
    yard.isp.run()
    assert yard.status(asha) == "active"


def test_a_reversed_payment_makes_the_line_overdue_again(yard, clock):
    asha = yard.subscriber("Asha")
    yard.bill(asha, "100")
    clock.move_to("2026-02-03")
    yard.night()
    payment = yard.pay(asha, "100")
    yard.isp.run()
    assert yard.status(asha) == "active"
    with yard.scope():
        payments.reverse_payment(payment, reason="bounced", by=yard.boss)
    yard.isp.run()
    assert yard.status(asha) == "overdue"


def test_two_runs_at_once_is_one_run(yard, clock):
    for n in range(3):
        yard.bill(yard.subscriber(f"P{n}"), "100")
    clock.move_to("2026-02-10")

    def start():
        with yard.scope():
            return runs.start_run(scope={}, by=yard.boss)

    answers = at_once(start, start, start)
    assert sorted(type(answer).__name__ for answer in answers) == ["Refusal", "Refusal", "SuspensionRun"]
    yard.isp.run()
    with yard.scope():
        assert StatusChange.objects.filter(new="suspended").count() == 3


def test_a_run_killed_in_the_middle_goes_on_where_it_was(yard, clock, monkeypatch):
    people = [yard.subscriber(f"P{n}") for n in range(6)]
    for who in people:
        yard.bill(who, "100")
    clock.move_to("2026-02-10")
    monkeypatch.setattr(cases, "BATCH", 2)
    real, calls = runs.cut_batch, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return real(*args, **kwargs)

    monkeypatch.setattr(runs, "cut_batch", dies)
    with yard.scope():
        run = runs.start_run(scope={}, by=yard.boss)
    with pytest.raises(RuntimeError):
        yard.isp.run()
    with yard.scope():
        run.refresh_from_db()
        assert (run.state, run.cut) == ("running", 2)
        jobs.enqueue("dunning.run_suspension", run_id=run.run_id)
    yard.isp.run()
    with yard.scope():
        run.refresh_from_db()
        assert (run.state, run.cut) == ("done", 6)
        assert StatusChange.objects.filter(new="suspended").count() == 6


def test_another_tenant_is_not_touched(yard, zed, clock):
    other = Yard(zed)
    theirs, ours = other.subscriber("Theirs"), yard.subscriber("Ours")
    other.bill(theirs, "100")
    yard.bill(ours, "100")
    clock.move_to("2026-02-10")
    yard.cut()
    assert (yard.status(ours), other.status(theirs)) == ("suspended", "active")
