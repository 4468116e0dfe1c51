"""Routers are asked every minute whether they are there, known again by their certificates, and found by their place."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from fiberledger import audit, calendar
from fiberledger.access import probing, services
from fiberledger.access.models import LiveSession, Nas, Pop, RouterEvent, RouterProbe
from fiberledger.access.probing import Standing, judge
from fiberledger.places.models import Area
from fiberledger.routers.simulator import CommandPort, Simulator, own_certificate
from fiberledger.screens.registry import registry
from fiberledger.tenancy import Refusal

PASSWORD = "api p4ssword"


def known(isp, address, simulated=None, **settings):
    with isp.scope():
        nas = Nas(name=f"Router {address}", src_ip=address, coa_port=9, **settings)
        if simulated is not None:
            nas.api_username, nas.api_port, nas.api_tls = simulated.username, simulated.port, bool(simulated.tls)
        return services.save_nas(nas, api_password=PASSWORD if simulated is not None else "", by=isp.system())


def worklist(isp):
    class Request:
        actor = isp.system()

    work = next(work for work in registry.worklists if work.code == "network")
    with isp.scope():
        return [str(item.title) for item in work.items(Request)]


@pytest.fixture
def address():
    from tests.radius import fresh_address

    return fresh_address()


def test_a_router_that_is_lost_and_found_again(isp, address, clock):
    clock.move_to("2026-03-01")
    simulated = Simulator(address, password=PASSWORD)
    with simulated:
        nas = known(isp, address, simulated)
        probing.probe(isp.tenant.pk)
        with isp.scope():
            found = RouterProbe.objects.get()
            assert (found.up, found.cpu, found.memory, found.version) == (True, 3, 25, "7.20")
            assert simulated.asked[0][1].startswith("=.proplist=version")  # only what is needed
    for down in (False, True):
        clock.forward(minutes=1)
        probing.probe(isp.tenant.pk)
        assert any("is not reached" in title for title in worklist(isp)) is down
    page = isp.client("owner").get(reverse("access:nas", args=[nas.pk]), {"tab": "health"}).content.decode()
    assert "no connection" in page and "Not reached" in page
    assert "Not reached" in isp.client("owner").get(reverse("access:nas-list"), {"down": 1}).content.decode()
    with Simulator(address, simulated.port, password=PASSWORD):
        clock.forward(minutes=1)
        probing.probe(isp.tenant.pk)
    with isp.scope():
        assert [event.kind for event in RouterEvent.objects.order_by("pk")] == ["down", "up"]
    assert not worklist(isp)


def test_one_dead_router_holds_up_no_other(isp, address, clock):
    """Thirty that never answer beside one that does: it is asked at once, and they all within one time-out."""
    import socket
    import time

    from tests.radius import fresh_address

    with Simulator(address, password=PASSWORD) as simulated, socket.create_server((fresh_address(), 0)) as mute:
        dead_address, dead_port = mute.getsockname()
        for _n in range(12):
            dead = known(isp, fresh_address(), simulated)
            with isp.scope():
                Nas.objects.filter(pk=dead.pk).update(api_port=1)
        known(isp, dead_address, simulated)
        with isp.scope():
            Nas.objects.filter(src_ip=dead_address).update(api_port=dead_port)  # accepts, and says nothing
        alive = known(isp, address, simulated)
        began = time.monotonic()
        probing.probe(isp.tenant.pk)
        assert time.monotonic() - began < 2 * probing.PATIENCE
    with isp.scope():
        assert RouterProbe.objects.get(nas=alive).up
        assert RouterProbe.objects.filter(up=True).count() == 1 and RouterProbe.objects.count() == 14


def test_another_certificate_is_refused_until_somebody_accepts_it(isp, address, clock):
    clock.move_to("2026-03-01")
    with Simulator(address, password=PASSWORD, tls=own_certificate()) as simulated:
        nas = known(isp, address, simulated)
        probing.probe(isp.tenant.pk)
        with isp.scope():
            nas.refresh_from_db()
            first = nas.certificate
        assert len(first) == 64
        simulated.tls = own_certificate()
        asked = len(simulated.asked)
        clock.forward(minutes=1)
        probing.probe(isp.tenant.pk)
        assert len(simulated.asked) == asked
        assert worklist(isp) == [f"{nas.name} shows another certificate"]
        owner, url = isp.client("owner"), reverse("access:accept-certificate", args=[nas.pk])
        with isp.scope():
            nas.refresh_from_db()
            assert nas.certificate == first and nas.certificate_offered not in ("", first)
        page = owner.get(url).content.decode()
        assert probing.fingerprint(first) in page and probing.fingerprint(nas.certificate_offered) in page
        assert isp.client("noc").post(url).status_code == 403
        assert owner.post(url).status_code == 302
        isp.run()
        assert len(simulated.asked) == asked + 1
    with isp.scope():
        nas.refresh_from_db()
        assert nas.certificate != first and nas.certificate_offered == ""
        assert [e.kind for e in RouterEvent.objects.filter(kind="certificate")] == ["certificate"]
        assert "router.certificate_accepted" in [entry.action for entry in audit.timeline("access.nas", nas.pk)]
        with pytest.raises(Refusal):
            probing.accept_certificate(nas, by=isp.system())
    assert not worklist(isp)


def test_a_password_that_is_refused_again_and_again_is_somebodys_work(isp, address, clock):
    with Simulator(address, password="changed on the router") as simulated:
        nas = known(isp, address, simulated)
        for _n in range(probing.DENIED_AFTER):
            assert not worklist(isp)
            probing.probe(isp.tenant.pk)
        assert worklist(isp) == [f"{nas.name} refuses our API password"]
        probing.probe(isp.tenant.pk)
        simulated.password = PASSWORD
        probing.probe(isp.tenant.pk)
    assert not worklist(isp)
    with isp.scope():
        assert RouterEvent.objects.filter(kind="denied").count() == 1


def test_testing_by_hand_is_a_job_whose_answer_shows_when_it_is_there(isp, address, clock):
    clock.move_to("2026-03-01")
    owner = isp.client("owner")
    with Simulator(address, password=PASSWORD) as simulated:
        nas = known(isp, address, simulated)
        with isp.scope():
            secret = nas.plain_secret()
        with CommandPort(simulated, secret) as ear:
            with isp.scope():
                nas.coa_port = ear.port
                services.save_nas(nas, by=isp.system())
            assert owner.post(reverse("access:test-router", args=[nas.pk])).status_code == 302
            health = reverse("access:router-health", args=[nas.pk])
            waiting = owner.get(health).content.decode()
            assert "data-live" in waiting and "It is being asked" in waiting and simulated.asked == []
            clock.forward(seconds=2)
            isp.run()
    said = owner.get(health).content.decode()
    assert "data-live" not in said and "answers, and the secret fits" in said and "lets us in" in said
    assert PASSWORD not in said and secret not in said


def test_routers_are_found_by_their_place(isp, address):
    from tests.radius import fresh_address

    owner, area = isp.client("owner"), isp.area()
    with isp.scope():
        street = Area.objects.get(pk=area.pk)
    form = {"name": "Tower 9", "area": street.pk, "latitude": "31.5", "longitude": ""}
    assert owner.post(reverse("access:pop-new"), form).status_code == 422
    assert owner.post(reverse("access:pop-new"), form | {"longitude": "74.3"}).status_code == 302
    with isp.scope():
        pop = Pop.objects.get()
    here, there = known(isp, address, pop=pop, capacity=10), known(isp, fresh_address())
    with isp.scope():
        now = calendar.now()
        from django.db import connections, transaction

        with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
            for n in range(8):
                cursor.execute(
                    """INSERT INTO access_livesession (key, tenant_id, nas_id, username, session_id, mac, prefix6, called, terms,
                         started_at, updated_at, seconds, in_octets, out_octets)
                       VALUES (gen_random_uuid(), %s, %s, %s, %s, '', '', '', '', %s, %s, 1, 1, 1)""",
                    [isp.tenant.pk, here.pk, f"u{n}", f"s{n}", now, now + timedelta(days=1)],
                )
        assert LiveSession.objects.filter(nas=here).count() == 8
    for query in ({"pop": pop.pk}, {"area": street.pk}, {"full": 1}):
        page = owner.get(reverse("access:nas-list"), query).content.decode()
        assert here.name in page and there.name not in page, query
    assert "8 / 10 · 80 %" in page
    assert worklist(isp) == [f"{here.name} is nearly full"]
    record = owner.get(reverse("access:pop", args=[pop.pk]), {"tab": "routers"}).content.decode()
    assert here.name in record and there.name not in record


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_a_router_is_down_only_after_two_failures_and_without_packets_of_its_own(probes):
    at, standing, heard, failed = calendar.now(), Standing(), None, 0
    ever = False
    for there, speaks in probes:
        at += timedelta(minutes=1)
        heard = at if speaks else heard
        before, standing = standing, judge(standing, there, heard, at)
        ever, failed = ever or there, 0 if there else failed + 1
        if there:
            assert standing.up and standing.failures == 0
        elif standing.up is False and before.up:
            assert failed >= probing.DOWN_AFTER and not speaks
        assert (standing.up is None) == (not ever)
        assert standing.up == before.up or standing.since == at
