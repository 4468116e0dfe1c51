"""Whoever has just paid does not wait behind a night's work: neither in the queue nor at the router."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from fiberledger import calendar, jobs
from fiberledger.access import services
from fiberledger.access.models import LineCommand, LiveSession, Nas, RadiusLine
from fiberledger.payments.events import PaymentRecorded
from fiberledger.subscriptions import services as subscriptions
from tests.radius import CommandedRouter, make_line


def waiting(isp):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT task_name, priority, queue_name FROM procrastinate_jobs
                WHERE status = 'todo' AND (args->>'tenant_id')::bigint = %s ORDER BY id""",
            [isp.tenant.pk],
        )
        return cursor.fetchall()


def crowd(isp, nas, count):
    """So many sessions of strangers, each with a disconnection wanted."""
    now, keys = calendar.now(), [uuid.uuid4() for _n in range(count)]
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        cursor.executemany(
            """INSERT INTO access_livesession (key, tenant_id, nas_id, username, session_id, mac, prefix6, called, terms,
                 started_at, updated_at, seconds, in_octets, out_octets)
               VALUES (%s, %s, %s, %s, %s, '', '', '', '', %s, %s, 1, 1, 1)""",
            [(key, isp.tenant.pk, nas.pk, f"u{n}", f"s{n}", now, now) for n, key in enumerate(keys)],
        )
    with isp.scope():
        services.want_commands([(key, nas.pk, f"u{n}", "disconnect", "cut") for n, key in enumerate(keys)], by="night")


@pytest.fixture
def restored(isp, router):
    """Asha's session stands behind the wall; fifty others are to be cut at her router."""
    account = make_line(isp)
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    router.tell("Start", "asha", Class=f"a{account.pk}.walled", Framed_IP_Address="10.9.0.1")
    with CommandedRouter(router.address, router.secret) as commanded:
        with isp.scope():
            Nas.objects.filter(pk=router.nas.pk).update(coa_port=commanded.port)
        crowd(isp, router.nas, 50)
        yield account, commanded


def test_what_a_payment_sets_going_is_urgent_to_its_end(isp, restored):
    account, commanded = restored
    with isp.scope():
        jobs.publish(PaymentRecorded(1, account.subscription.subscriber_id))
    urgent = {name: (priority, queue) for name, priority, queue in waiting(isp)}
    assert urgent["dunning.reconsider"] == (jobs.SOON, "soon") and urgent["payments.send_receipt"] == (0, "default")
    with isp.scope(), jobs.as_urgent_as(jobs.SOON):  # what reconsider does for who owes nothing any more
        subscriptions.resume([account.subscription], reason="paid", by=isp.system())
    names = {name: (priority, queue) for name, priority, queue in waiting(isp)}
    assert names["access.apply_access"] == (jobs.SOON, "soon")
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'payments.send_receipt' AND args->>'tenant_id' = %s",
            [str(isp.tenant.pk)],
        )
    isp.run()
    first = commanded.got[0][2]["User-Name"]
    assert first == ["asha"] and len(commanded.got) == 51
    with isp.scope():
        assert RadiusLine.objects.get(username="asha").verdict == "accept"
        assert LineCommand.objects.get(username="asha").state == "confirmed"


def test_a_command_that_waits_already_moves_to_the_front(isp, restored):
    _account, _commanded = restored
    with isp.scope():
        session = LiveSession.objects.get(username="asha")
        one = [(session.key, session.nas_id, "asha", "disconnect", "because")]
        services.want_commands(one, by="night")
        with jobs.as_urgent_as(jobs.SOON):
            services.want_commands(one, by="payment")
        assert [command.username for command in LineCommand.objects.in_turn()[:1]] == ["asha"]
        assert LineCommand.objects.waiting().filter(username="asha").count() == 1


def test_one_who_pays_while_a_thousand_are_being_cut_comes_within_ten(isp, restored):
    """The command is wanted while the job for the router is in the middle of its work."""
    _account, commanded = restored
    with isp.scope():
        session = LiveSession.objects.get(username="asha")

    real, answered = commanded.sock.sendto, []

    class Sock:
        def __getattr__(self, name):
            return getattr(commanded.sock_of_old, name)

        def sendto(self, data, peer):
            answered.append(peer)
            if len(answered) == 25:
                with isp.scope(), jobs.as_urgent_as(jobs.SOON):
                    services.want_commands([(session.key, session.nas_id, "asha", "disconnect", "paid")], by="payment")
                connection.close()
            return real(data, peer)

    commanded.sock_of_old, commanded.sock = commanded.sock, Sock()
    isp.run()
    order = [items["User-Name"][0] for _code, ours, items in commanded.got if ours]
    assert 24 <= order.index("asha") <= 35 and len(order) == 51


def test_a_retry_that_is_to_come_later_holds_up_nobody(isp, router):
    """A silent router's retry waits half a minute; an urgent command does not wait for it."""
    with isp.scope():
        services.send_soon(router.nas.pk, at=calendar.now() + timedelta(seconds=30))
        services.send_soon(router.nas.pk, urgent=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT priority, scheduled_at IS NULL, lock FROM procrastinate_jobs
                WHERE status = 'todo' AND task_name = 'access.send_commands' AND args->>'tenant_id' = %s ORDER BY priority""",
            [str(isp.tenant.pk)],
        )
        [(_p, later, lock), (priority, now, same)] = cursor.fetchall()
    assert not later and now and priority == jobs.SOON and lock == same
