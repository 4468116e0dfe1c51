"""RADIUS goes on when the rest does not: web and workers killed, a second server beside the first, the database gone while
accounting flows, FreeRADIUS itself killed in the middle of storing and of replaying. Real processes, of a house of their own."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from fiberledger.operate import postgres
from tests.house import until
from tests.radius import FreeRadius, Router, fresh_address

SECRET = "a-Secret-of-one-router"
FURNISH = """
import django; django.setup()
from tests.radius import make_line
from tests.stage import Isp
from fiberledger.access.models import Nas
from fiberledger.access.services import save_nas
from fiberledger.tenancy.services import create_tenant
isp = Isp(create_tenant("{slug}", name="Bright ISP", country="PK"))
make_line(isp, username="asha", password="let me in")
with isp.scope():
    save_nas(Nas(name="Here", src_ip="{address}", for_suspended="reject"), secret="{secret}", by=isp.system())
"""
EVERYTHING = """
    SELECT session_id, seconds, in_octets, out_octets, cause FROM (
      SELECT tenant_id, session_id, seconds, in_octets, out_octets, cause FROM access_sessionfresh
      UNION ALL SELECT tenant_id, session_id, seconds, in_octets, out_octets, cause FROM access_sessionhistory) past
     WHERE tenant_id = (SELECT id FROM tenancy_tenant WHERE slug = %s) ORDER BY session_id"""
LIVE = "SELECT count(*) FROM access_livesession WHERE tenant_id = (SELECT id FROM tenancy_tenant WHERE slug = %s)"


class Server(FreeRadius):
    """A FreeRADIUS of that house, on ports of its own."""

    def __init__(self, folder, house):
        super().__init__(folder)
        self.house = house

    def write(self):
        done = self.house.command(
            "radius", "config", "--out", str(self.folder), "--listen", "127.0.0.1", "--auth-port", str(self.auth),
            "--acct-port", str(self.acct), "--reject-delay", "0",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    @property
    def spooled(self):
        """How many bytes of accounting wait to be stored."""
        files = (path for path in (self.folder / "spool").glob("detail*") if path.is_file())
        return sum(path.stat().st_size for path in files)


@contextmanager
def freeradius_of(house):
    with tempfile.TemporaryDirectory(prefix="fl-radius-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        server = Server(Path(place) / "raddb", house)
        server.write()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def isp(house, request):
    """Its slug and the address of its router."""
    if house.process.poll() is not None:
        house.start()
    address = fresh_address()
    slug = f"bright-{address.replace('.', '-')}"
    house.script("-c", FURNISH.format(slug=slug, address=address, secret=SECRET))
    return SimpleNamespace(slug=slug, address=address)


def router_at(server, isp):
    return Router(server, SimpleNamespace(src_ip=isp.address), SECRET)


def only_the_database_is_left(house):
    for each in ("supervisor", "worker", "web"):
        house.kill(each)
    assert not house.serves()


def test_logins_go_on_when_web_and_workers_are_dead(house, isp):
    with freeradius_of(house) as server:
        only_the_database_is_left(house)
        router = router_at(server, isp)  # it was never heard before: its secret is looked up now
        assert router.accepts("asha", "let me in") and router.rejects("asha", "let me guess")
        assert router.tell("Start", "asha", Acct_Input_Octets=1).kind == "ok"
        assert house.sql(LIVE, isp.slug) == [(1,)]


def test_a_second_server_stands_beside_the_first_and_either_may_die(house, isp):
    with freeradius_of(house) as first, freeradius_of(house) as second:
        here, there = router_at(first, isp), router_at(second, isp)
        assert here.accepts("asha", "let me in") and there.accepts("asha", "let me in")
        # A session that begins at one and goes on at the other is one session.
        assert here.tell("Start", "asha").kind == "ok"
        first.kill()
        assert here.login("asha", "let me in", wait=1).kind == "silence"
        assert there.accepts("asha", "let me in") and there.rejects("asha", "no")
        assert there.tell("Interim-Update", "asha", Acct_Session_Time=60, Acct_Input_Octets=500).kind == "ok"
        first.start()
        second.kill()
        assert here.accepts("asha", "let me in")
        assert here.tell("Stop", "asha", Acct_Session_Time=90, Acct_Input_Octets=700).kind == "ok"
        assert house.sql(EVERYTHING, isp.slug) == [("81000001", 90, 700, 0, "")]
        second.start()
        assert there.accepts("asha", "let me in")


COUNT = 12


def counted(n):
    return {"Acct_Session_Time": 600 + n, "Acct_Input_Octets": 1000 + n, "Acct_Output_Octets": 100_000 + n}


def test_accounting_is_kept_while_the_database_is_away_and_stored_exactly_once(house, isp):
    """Sessions that began before the outage report and end in it; FreeRADIUS is killed when half of that is on its
    disk, and again in the middle of bringing it into the database. Every session is there once, with the last counters."""
    cluster = postgres.Cluster(house.folder)
    with freeradius_of(house) as server:
        router, names = router_at(server, isp), [f"s{n:02}" for n in range(COUNT)]
        for name in names:
            assert (
                router.tell("Start", "asha", session=name, Calling_Station_Id=f"02:00:00:00:00:{name[1:]}").kind == "ok"
            )
        only_the_database_is_left(house)
        house.kill("database")
        until(lambda: not house.database_answers())

        def report(status, n, **more):
            device = f"02:00:00:00:00:{names[n][1:]}"
            return router.tell(status, "asha", session=names[n], Calling_Station_Id=device, **more)

        half = COUNT // 2
        for n in range(half):
            assert report("Interim-Update", n, Acct_Session_Time=300, Acct_Input_Octets=10, wait=6).kind == "ok"
            assert report("Stop", n, **counted(n), wait=6).kind == "ok"
            assert report("Stop", n, **counted(n), wait=6).kind == "ok"  # our answer was lost on the way
        assert server.spooled > 0
        server.kill()
        kept = server.spooled
        server.start()
        # A server that starts without a database knows no router: it says nothing, and a router keeps what it was not
        # thanked for and tells it later, or tells the other server.
        assert report("Stop", half, **counted(half), wait=1.5).kind == "silence"
        assert server.spooled == kept

        server.kill()
        cluster.start()
        until(house.database_answers)
        with house.connect() as gate:
            gate.autocommit = False
            gate.execute("LOCK TABLE access_livesession IN ACCESS EXCLUSIVE MODE")
            server.start()
            until(lambda: house.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'freeradius' AND wait_event_type = 'Lock'"
            )[0][0] > 0)  # fmt: skip
            server.kill()  # in the middle of replaying
            gate.rollback()
        server.start()
        for n in range(half, COUNT):
            until(lambda n=n: report("Stop", n, **counted(n), wait=2).kind == "ok")
        until(lambda: house.sql(LIVE, isp.slug) == [(0,)], told=lambda: json.dumps(house.sql(EVERYTHING, isp.slug)))
        until(lambda: server.spooled == 0, 30)
        found = house.sql(EVERYTHING, isp.slug)
        assert [row[0] for row in found] == names
        assert found == [(name, 600 + n, 1000 + n, 100_000 + n, "") for n, name in enumerate(names)]
