import itertools
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from fiberledger import audit, calendar, jobs
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import events, services
from fiberledger.subscriptions.models import StatusChange, Subscription
from fiberledger.subscriptions.services import Reason
from fiberledger.tenancy import Refusal


def test_every_step_of_the_table_and_no_other(shop):
    """All 121 pairs: what the table allows happens and leaves a trace, what it does not leaves everything as it was."""
    lines = {pair: shop.line(str(pair), status=str(pair[0])) for pair in itertools.product(Status, Status)}
    for (old, new), line in lines.items():
        before = StatusChange.objects.filter(subscription=line).count()
        outcome = services.set_status([line], new, reason=Reason.OTHER, by=shop.by)
        line.refresh_from_db()
        line.subscriber.refresh_from_db()
        changes = StatusChange.objects.filter(subscription=line).order_by("id")
        if states.may_go(old, new):
            assert outcome.changed == [line.pk] and not outcome.skipped
            assert line.status == new == line.subscriber.status
            assert changes.count() == before + 1
            assert (changes.last().old, changes.last().new, changes.last().on) == (old, new, calendar.today())
            assert (line.ended_on is not None) == states.of(new).is_over
        else:
            assert outcome.changed == [] and outcome.skipped == {line.pk: str(old)}
            assert line.status == old and changes.count() == before


def test_the_database_refuses_a_word_that_is_no_status(shop):
    line = shop.line()
    for model in (Subscription, Subscriber):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(pk=line.pk if model is Subscription else line.subscriber_id).update(status="paused")


def test_history_is_never_changed(shop):
    line = shop.line()
    with pytest.raises(DatabaseError), transaction.atomic():
        StatusChange.objects.filter(subscription=line).update(note="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        StatusChange.objects.filter(subscription=line).delete()


def test_a_thousand_cost_as_many_statements_as_ten(shop):
    counts = []
    for size in (10, 300):
        rows = [shop.person(f"P{n}") for n in range(size)]
        from fiberledger.subscribers.services import register_many

        people = register_many(rows, by=shop.by)
        lines = services.sell_many([services.Sale(pk, shop.home.pk, calendar.today()) for pk in people], by=shop.by)
        with CaptureQueriesContext(connection) as queries:
            outcome = services.suspend(lines, by=shop.by, why={pk: [{"rule": "overdue", "line": pk}] for pk in lines})
        counts.append(len(queries))
        assert sorted(outcome.changed) == sorted(lines)
        change = StatusChange.objects.get(subscription=lines[3], new="suspended")
        assert change.why == [{"rule": "overdue", "line": lines[3]}]
        assert set(Subscriber.objects.filter(pk__in=people).values_list("status", flat=True)) == {"suspended"}
        [entry] = audit.timeline("subscriptions.subscription", lines[0])[:1]
        assert entry.action == "subscription.suspended" and entry.before == {"status": "active"}
    assert counts[0] == counts[1] <= 12, counts


def test_a_subscriber_with_two_lines_shows_the_one_that_wants_attention(shop):
    first = shop.line()
    second = services.sell(first.subscriber, shop.fast, on=calendar.today(), by=shop.by, label="shop")

    def shown():
        first.subscriber.refresh_from_db()
        return first.subscriber.status

    services.suspend([second], by=shop.by)
    assert shown() == "active"
    services.set_status([first], "overdue", reason=Reason.UNPAID, by=shop.by)
    assert shown() == "overdue"
    services.suspend([first], by=shop.by)
    assert shown() == "suspended"
    services.end([first], by=shop.by)
    assert shown() == "suspended"
    services.end([second], by=shop.by)
    assert shown() == "terminated"
    services.restore([second], by=shop.by)
    assert shown() == "inactive"


def test_what_happened_is_published_once_and_in_parts(shop, monkeypatch):
    heard = []
    monkeypatch.setattr(jobs, "publish", heard.append)
    monkeypatch.setattr(services, "EVENT_SIZE", 2)
    lines = [shop.line(f"P{n}") for n in range(3)]
    heard.clear()
    services.suspend(lines, by=shop.by)
    assert [type(event) for event in heard] == [
        events.SubscriptionsChanged, events.SubscriptionsChanged,
        events.SubscriptionsSuspended, events.SubscriptionsSuspended,
    ]  # fmt: skip
    heard.clear()
    services.suspend(lines, by=shop.by)
    assert heard == []
    services.resume(lines[:1], by=shop.by)
    assert {type(event) for event in heard} == {events.SubscriptionsChanged, events.SubscriptionsResumed}


def test_sources_narrow_what_may_move(shop):
    active, held = shop.line("A", status="overdue"), shop.line("B", status="hold")
    outcome = services.resume([active, held], by=shop.by, sources=[Status.HOLD])
    assert outcome.changed == [held.pk] and outcome.skipped == {active.pk: "overdue"}


def test_a_pending_line_begins_on_the_day_it_is_installed(shop):
    line = shop.line(status="pending", on=calendar.today() - timedelta(days=9))
    services.activate([line], by=shop.by)
    line.refresh_from_db()
    assert line.started_on == calendar.today() and line.anchor_day == calendar.today().day
    line.subscriber.refresh_from_db()
    assert line.subscriber.installed_on == calendar.today()


def test_a_status_does_not_change_tomorrow(shop):
    with pytest.raises(Refusal):
        services.suspend([shop.line()], by=shop.by, on=calendar.today() + timedelta(days=1))


def test_a_hold_ends_on_its_day_by_itself(isp, clock):
    from .shop import Shop

    clock.move_to("2026-03-01")
    with isp.scope():
        shop = Shop(isp)
        line = shop.line()
        services.hold([line], by=shop.by, until=calendar.today() + timedelta(days=10))
    from fiberledger.subscriptions.tasks import resume_held

    clock.move_to("2026-03-10")
    resume_held(isp.tenant.pk)
    with isp.scope():
        line.refresh_from_db()
        assert line.status == "hold" and str(line.resume_on) == "2026-03-11"
    clock.move_to("2026-03-11")
    resume_held(isp.tenant.pk)
    with isp.scope():
        line.refresh_from_db()
        assert line.status == "active" and line.resume_on is None
        assert line.status_changes.latest("id").why == [{"rule": "pause_over"}]


def test_people_without_a_line_move_by_themselves(shop):
    lead, line = shop.register("Lead"), shop.line()
    moved, stayed = services.move_subscribers(
        [lead.pk, line.subscriber_id], "inactive", reason=Reason.OTHER, by=shop.by
    )
    assert (moved, stayed) == (2, 0)
    lead.refresh_from_db()
    assert lead.status == "inactive" and lead.status_changes.get().subscription is None
    assert services.move_subscribers([lead.pk], "lead", reason=Reason.OTHER, by=shop.by) == (0, 1)


def test_blacklisting_takes_every_line_and_can_be_lifted(shop):
    line = shop.line()
    services.sell(line.subscriber, shop.fast, on=calendar.today(), by=shop.by)
    services.set_status([line], Status.BLACKLISTED, reason=Reason.ABUSE, by=shop.by)
    assert set(line.subscriber.subscriptions.values_list("status", flat=True)) == {"blacklisted"}
    services.lift_blacklist(line.subscriber, by=shop.by)
    line.subscriber.refresh_from_db()
    assert line.subscriber.status == "inactive" and line.subscriber.blacklist_reason == ""
    with pytest.raises(Refusal):
        services.lift_blacklist(line.subscriber, by=shop.by)
    with pytest.raises(Refusal):
        services.blacklist(line.subscriber, why=" ", by=shop.by)


def _race(isp, *works):
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(at, work):
        try:
            barrier.wait(10)
            with isp.scope():
                results[at] = work()
        except Exception as error:  # the test looks at it
            results[at] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(at, work)) for at, work in enumerate(works)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    return results


def _many(isp, count):
    from fiberledger.subscribers.services import register_many

    from .shop import Shop

    with isp.scope():
        shop = Shop(isp)
        people = register_many([shop.person(f"P{n}") for n in range(count)], by=shop.by)
        return services.sell_many([services.Sale(pk, shop.home.pk, calendar.today()) for pk in people], by=shop.by)


def test_two_runs_at_once_move_each_line_once(isp):
    lines, by = _many(isp, 200), isp.system()
    first, second = _race(
        isp,
        lambda: services.suspend(lines, by=by),
        lambda: services.suspend(list(reversed(lines)), by=by),
    )
    assert sorted(first.changed + second.changed) == sorted(lines)
    with isp.scope():
        assert StatusChange.objects.filter(new="suspended").count() == 200


def test_a_run_and_a_cashier_do_not_both_win(isp):
    lines, by = _many(isp, 60), isp.system()
    for _round in range(3):
        suspended, resumed = _race(
            isp, lambda: services.suspend(lines, by=by), lambda: services.resume(lines[20:40], by=by)
        )
        assert not isinstance(suspended, Exception) and not isinstance(resumed, Exception), (suspended, resumed)
    with isp.scope():
        for line in Subscription.objects.all():
            steps = list(line.status_changes.order_by("id").values_list("old", "new"))
            assert all(before[1] == after[0] for before, after in itertools.pairwise(steps)), steps
            assert steps[-1][1] == line.status == line.subscriber.status


def test_two_sales_and_a_suspension_at_once_neither_hang_nor_lose(isp):
    lines, by = _many(isp, 20), isp.system()
    with isp.scope():
        people = list(Subscription.objects.filter(pk__in=lines).values_list("subscriber_id", "plan_id"))

    def sales(label):
        return [services.Sale(subscriber, plan, calendar_today(isp), label=label) for subscriber, plan in people]

    results = _race(
        isp,
        lambda: services.sell_many(sales("shop"), by=by),
        lambda: services.sell_many(list(reversed(sales("upstairs"))), by=by),
        lambda: services.suspend(lines, by=by),
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    with isp.scope():
        assert Subscription.objects.count() == 60


def calendar_today(isp):
    with isp.scope():
        return calendar.today()
