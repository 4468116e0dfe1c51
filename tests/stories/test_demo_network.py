"""The demonstration's routers do what they are told, so that the whole way can be watched without a real one."""

from __future__ import annotations

from contextlib import ExitStack

from fiberledger.access import play, reading, services
from fiberledger.access.models import Drift, LineCommand, LiveSession, RouterReading
from fiberledger.demo import network
from fiberledger.subscriptions import services as subscriptions
from tests.radius import make_line


def test_cut_behind_the_wall_and_let_out_again(isp, router, clock):
    lines = [make_line(isp, name=f"P {n}", username=f"p{n}", phone=f"030012345{n:02}") for n in range(10)]
    play.play_sessions(isp.tenant.pk, days=1)
    with ExitStack() as stack:
        simulated = stack.enter_context(network._router(stack, isp.tenant.pk))
        network._populate(isp.tenant.pk, simulated)
        with isp.scope():
            online = list(LiveSession.objects.values_list("username", flat=True))
            line = next(line for line in lines if line.username == online[0])
        assert sorted(row["name"] for row in simulated.rows["/ppp/active"]) == sorted(online)

        def goes_on():
            clock.forward(minutes=6)
            play.play_on(isp.tenant.pk)
            network._populate(isp.tenant.pk, simulated)
            reading.read_router(isp.tenant.pk, router.nas.pk)
            with isp.scope():
                found = RouterReading.objects.get()
                assert (found.problem, found.ghosts, found.unreported) == ("", 0, [])
                return LiveSession.objects.get(username=line.username)

        for act, walled in ((subscriptions.suspend, True), (subscriptions.activate, False)):
            with isp.scope():
                act([line.subscription], reason="unpaid", by=isp.system())
                services.apply_now([line.subscription_id])
                assert Drift.objects.get().username == line.username
            isp.run()
            with isp.scope():
                assert LineCommand.objects.latest("pk").state == "confirmed"
                assert not LiveSession.objects.filter(username=line.username).exists()
            assert goes_on().behind_wall is walled
            with isp.scope():
                services.reconcile()
                assert not Drift.objects.exists()


def test_a_change_of_speed_is_taken_in_place(isp, router):
    from fiberledger.catalog.models import Plan

    lines = [make_line(isp, name=f"P {n}", username=f"p{n}", phone=f"030012345{n:02}") for n in range(4)]
    play.play_sessions(isp.tenant.pk, days=1)
    with ExitStack() as stack:
        simulated = stack.enter_context(network._router(stack, isp.tenant.pk))
        network._populate(isp.tenant.pk, simulated)
        with isp.scope():
            before = LiveSession.objects.count()
            Plan.objects.filter(code="H20").update(download_kbps=50_000)
            services.apply_now([line.subscription_id for line in lines])
            assert Drift.objects.filter(kind="speed").count() == before > 0
        isp.run()
        with isp.scope():
            assert LiveSession.objects.count() == before
            services.reconcile()
            assert not Drift.objects.exists()


def test_what_is_broken_to_be_watched_is_put_right(isp, router, clock, monkeypatch):
    [make_line(isp, name=f"P {n}", username=f"p{n}", phone=f"030012345{n:02}") for n in range(6)]
    monkeypatch.setattr(network, "COMPANIES", [isp.tenant.slug])
    play.play_sessions(isp.tenant.pk, days=1)
    with ExitStack() as stack:
        simulated = stack.enter_context(network._router(stack, isp.tenant.pk))
        network._populate(isp.tenant.pk, simulated)
        said = " ".join(network.break_something())
        assert simulated.rows["/ip/firewall/address-list"] and "has paid" in said
        clock.forward(minutes=2)
        reading.read_router(isp.tenant.pk, router.nas.pk)
        assert not simulated.rows["/ip/firewall/address-list"]
        with isp.scope():
            healed = {command.username: command.answer for command in LineCommand.objects.all()}
            assert len(healed) == 2 and not Drift.objects.exists()
            assert all(name in said for name in healed)
