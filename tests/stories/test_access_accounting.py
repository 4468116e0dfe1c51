"""What routers tell us, in whatever order it arrives: real FreeRADIUS, real packets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from fiberledger import calendar
from fiberledger.access import services
from fiberledger.access.models import LineCommand, LiveSession, SessionHistory
from fiberledger.operate import environment
from fiberledger.subscriptions import services as subscriptions
from fiberledger.tenancy import Refusal
from tests.radius import CommandedRouter, Router, make_line

GIGA = 1 << 32


def live(isp):
    with isp.scope():
        return list(LiveSession.objects.all())


def past(isp):
    with isp.scope():
        return list(SessionHistory.objects.order_by("ended_at"))


def test_a_session_begins_grows_and_ends(isp, router):
    account = make_line(isp)
    granted = router.login("asha", "let me in").attributes["Class"]
    assert router.tell("Start", "asha", Class=granted, Framed_IP_Address="10.0.0.7").kind == "ok"
    [session] = live(isp)
    assert (session.account_id, session.ip, session.mac) == (account.pk, "10.0.0.7", "AA:BB:CC:00:11:22")
    assert len(session.terms) == 12
    numbers = {"Acct_Session_Time": 300, "Acct_Input_Octets": 1000, "Acct_Output_Octets": 5, "Acct_Output_Gigawords": 2}
    router.tell("Interim-Update", "asha", **numbers)
    [session] = live(isp)
    assert (session.seconds, session.in_octets, session.out_octets) == (300, 1000, 2 * GIGA + 5)
    router.tell("Stop", "asha", **numbers | {"Acct_Session_Time": 360, "Acct_Terminate_Cause": "User-Request"})
    assert live(isp) == []
    [over] = past(isp)
    assert (over.seconds, over.out_octets, over.cause, over.account_id) == (
        360,
        2 * GIGA + 5,
        "User-Request",
        account.pk,
    )
    assert 355 <= (over.ended_at - over.started_at).total_seconds() <= 362


def test_packets_repeat_and_come_late_and_nothing_changes(isp, router):
    make_line(isp)
    for _time in range(2):
        router.tell("Start", "asha")
    router.tell("Interim-Update", "asha", Acct_Session_Time=600, Acct_Input_Octets=900)
    router.tell("Interim-Update", "asha", Acct_Session_Time=300, Acct_Input_Octets=500)  # overtaken on the way
    [session] = live(isp)
    assert (session.seconds, session.in_octets) == (600, 900)
    router.tell("Start", "asha")  # late
    assert live(isp)[0].seconds == 600
    for _time in range(2):
        router.tell("Stop", "asha", Acct_Session_Time=700, Acct_Input_Octets=950)
    for status in ("Start", "Interim-Update", "Stop"):  # all of it again, after the end
        assert router.tell(status, "asha", Acct_Session_Time=650).kind == "ok"
    assert live(isp) == []
    [over] = past(isp)
    assert (over.seconds, over.in_octets) == (700, 950)


def test_a_stop_without_a_start_still_tells_the_whole_session(isp, router):
    account = make_line(isp)
    router.tell("Stop", "asha", Acct_Session_Time=3600, Acct_Output_Octets=77)
    [over] = past(isp)
    assert (over.seconds, over.out_octets, over.account_id) == (3600, 77, account.pk)
    assert 3598 <= (over.ended_at - over.started_at).total_seconds() <= 3602


def test_an_interim_without_a_start_opens_the_session_where_it_began(isp, router):
    make_line(isp)
    router.tell("Interim-Update", "asha", Acct_Session_Time=1800)
    [session] = live(isp)
    assert 1795 <= (calendar.now() - session.started_at).total_seconds() <= 1805


def test_a_router_without_a_clock_does_not_move_sessions_to_1970(isp, router):
    make_line(isp)
    router.tell("Start", "asha", Event_Timestamp=60)
    router.tell("Stop", "asha", Event_Timestamp=120, Acct_Session_Time=60)
    [over] = past(isp)
    assert abs((calendar.now() - over.ended_at).total_seconds()) < 10


def test_two_tenants_with_the_same_session_of_the_same_name(isp, zed, freeradius):
    make_line(isp)
    make_line(zed, phone="0712345678")
    ours, theirs = Router.of(freeradius, isp), Router.of(freeradius, zed)
    default = {"NAS_IP_Address": "192.168.88.1", "NAS_Identifier": "MikroTik"}
    for each in (ours, theirs):
        each.tell("Start", "asha", **default)
    ours.tell("Interim-Update", "asha", Acct_Input_Octets=11, **default)
    theirs.tell("Interim-Update", "asha", Acct_Input_Octets=22, **default)
    assert [s.in_octets for s in live(isp)] == [11]
    ours.tell("Stop", "asha", **default)
    assert [s.in_octets for s in live(zed)] == [22] and past(zed) == []
    theirs.tell("Accounting-On", session="0", **default)
    assert live(zed) == [] and len(past(isp)) == 1


@pytest.mark.parametrize("status", ["Accounting-On", "Accounting-Off"])
def test_a_restarted_router_ends_its_sessions_and_no_others(isp, router, freeradius, status):
    make_line(isp)
    other = Router.of(freeradius, isp)
    for n in range(3):
        router.tell("Start", "asha", session=f"s{n}", Calling_Station_Id=f"AA:BB:CC:00:00:0{n}")
    other.tell("Start", "asha", session="s0")
    assert router.tell(status, session="00000000", Calling_Station_Id="00:00:00:00:00:00").kind == "ok"
    assert [s.nas_id for s in live(isp)] == [other.nas.pk]
    assert {s.cause for s in past(isp)} == {"NAS-Reboot"}


def test_silent_sessions_are_swept_and_a_living_one_comes_back(isp, router, clock):
    make_line(isp)
    router.tell("Interim-Update", "asha", Acct_Session_Time=100, Acct_Input_Octets=10)
    began = live(isp)[0].started_at
    clock.move_to(calendar.now() + timedelta(seconds=2.5 * 300 - 60))
    services.sweep()
    assert len(live(isp)) == 1
    clock.forward(seconds=120)
    services.sweep()
    assert live(isp) == []
    [ghost] = past(isp)
    assert ghost.cause == "Lost-Carrier" and ghost.swept
    # Only the way to us was cut: the session lives, and its next report takes back what was written.
    router.tell("Interim-Update", "asha", Acct_Session_Time=900, Acct_Input_Octets=99)
    [session] = live(isp)
    assert (session.in_octets, past(isp)) == (99, [])
    assert abs((session.started_at - began).total_seconds()) <= 1
    # And one that ended while we did not hear it is corrected by its late Stop.
    clock.forward(seconds=3600)
    services.sweep()
    router.tell("Stop", "asha", Acct_Session_Time=1200, Acct_Input_Octets=120, Acct_Terminate_Cause="User-Request")
    [over] = past(isp)
    assert (over.in_octets, over.cause, over.swept) == (120, "User-Request", False)


def test_starts_and_stops_of_one_instant_leave_no_ghost(isp, router):
    """Sixteen connections, every packet twice, a Start beside its own Stop: nothing fails and nobody stays online."""
    make_line(isp)
    packets = [(status, f"s{n}") for n in range(40) for status in ("Start", "Stop", "Start", "Stop")]

    def tell(part):
        with psycopg.connect(**environment.connection("fl_radius"), autocommit=True) as radius:
            for status, session in packets[part::16]:
                radius.execute(
                    "SELECT radius_acct(%s, %s, %s, 'asha', 'AA:BB:CC:00:11:22', '10.0.0.7', %s, '0', '', '', '', '', '', '', '', '', '', '')",
                    [str(router.nas.pk), status, session, str(int(time.time()))],
                )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(tell, range(16)))
    assert live(isp) == []
    assert len(past(isp)) == 40


def test_a_new_session_ends_the_ghost_of_the_same_device(isp, router):
    make_line(isp)
    router.tell("Start", "asha", session="old", Framed_IP_Address="10.0.0.9", Acct_Delay_Time=0,
                Event_Timestamp=int(time.time()) - 30)  # fmt: skip
    router.tell("Start", "asha", session="new", Framed_IP_Address="10.0.0.9")
    assert [s.session_id for s in live(isp)] == ["new"]
    assert [s.session_id for s in past(isp)] == ["old"]


def test_hostile_session_ids_and_names_are_kept_as_text(isp, router):
    for n, text in enumerate(["%{User-Name}", "it's", "`x`", "a=b", "%s%d", "سیشن"]):
        assert router.tell("Start", f"no'body{n}", session=text).kind == "ok", text
    with isp.scope():
        assert set(LiveSession.objects.values_list("session_id", flat=True)) == {
            "%{User-Name}", "it's", "`x`", "a=b", "%s%d", "سیشن",
        }  # fmt: skip
        assert "no'body0" in LiveSession.objects.values_list("username", flat=True)


# --- commands to the router -----------------------------------------------------------------------------------


def connected(isp, router, **login):
    answer = router.login("asha", "let me in")
    router.tell("Start", "asha", Class=answer.attributes["Class"], Framed_IP_Address="10.0.0.7", **login)


def commands(isp):
    with isp.scope():
        return list(LineCommand.objects.order_by("pk"))


def listening(isp, router, **how):
    hears = CommandedRouter(router.address, router.secret, **how)
    with isp.scope():
        router.nas.coa_port = hears.port
        services.save_nas(router.nas, by=isp.system())
    return hears


def test_a_suspended_line_is_disconnected_by_exactly_its_session(isp, router):
    account = make_line(isp)
    connected(isp, router)
    with listening(isp, router) as hears:
        with isp.scope():
            subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
        isp.run()
    [(code, signed, attributes)] = hears.got
    assert (code, signed) == (40, True)
    assert (attributes["Acct-Session-Id"], attributes["User-Name"]) == (["81000001"], ["asha"])
    assert attributes["Framed-IP-Address"] == ["10.0.0.7"]
    [command] = commands(isp)
    assert (command.kind, command.state, command.answer) == ("disconnect", "confirmed", "done")


def test_a_new_speed_is_a_change_and_the_session_stays(isp, router):
    account = make_line(isp)
    connected(isp, router)
    with listening(isp, router) as hears:
        with isp.scope():
            plan = account.subscription.plan
            plan.download_kbps = 50000
            plan.save()
            services.apply_now([account.subscription_id], by=isp.system())
        isp.run()
        isp.run()
    assert [(code, signed) for code, signed, _attributes in hears.got] == [(43, True)]
    [command] = commands(isp)
    assert (command.kind, command.state) == ("change", "confirmed")
    with isp.scope():
        services.reconcile()  # nothing is left to be said
    assert len(commands(isp)) == 1


def test_a_router_that_will_not_change_is_told_to_disconnect(isp, router):
    account = make_line(isp)
    connected(isp, router)
    with listening(isp, router, answer="nak", error=401) as hears:
        with isp.scope():
            plan = account.subscription.plan
            plan.download_kbps = 50000
            plan.save()
            services.apply_now([account.subscription_id], by=isp.system())
        isp.run()
    assert [code for code, _signed, _attributes in hears.got] == [43, 40]
    [command] = commands(isp)
    assert (command.state, command.answer) == ("refused", "unsupported attribute")


def test_a_session_the_router_does_not_know_is_over(isp, router):
    make_line(isp)
    connected(isp, router)
    with listening(isp, router, answer="nak", error=503):
        with isp.scope():
            services.disconnect(LiveSession.objects.get(), reason="test", by=isp.system())
        isp.run()
    assert live(isp) == [] and len(past(isp)) == 1
    assert commands(isp)[0].state == "gone"


def test_silence_is_not_success(isp, router, clock):
    make_line(isp)
    connected(isp, router)
    with listening(isp, router, answer="silence"):
        with isp.scope():
            services.disconnect(LiveSession.objects.get(), reason="test", by=isp.system())
        for _try in range(3):
            isp.run()
            clock.forward(minutes=1)
    [command] = commands(isp)
    assert (command.state, command.tries, command.answer) == ("unanswered", 3, "no answer")
    assert len(live(isp)) == 1


def test_a_disconnection_needs_a_reason(isp, router):
    make_line(isp)
    connected(isp, router)
    with isp.scope(), pytest.raises(Refusal):
        services.disconnect(LiveSession.objects.get(), reason=" ", by=isp.system())


# --- what may not be ------------------------------------------------------------------------------------------


def test_fl_radius_can_do_nothing_else(isp, router):
    make_line(isp)
    with psycopg.connect(**environment.connection("fl_radius"), autocommit=True) as radius:
        rows = radius.execute(
            """SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = 'public' AND has_function_privilege(p.oid, 'EXECUTE')
                  AND p.prorettype NOT IN (SELECT unnest(ARRAY[rngtypid, rngmultitypid]) FROM pg_range)"""
        ).fetchall()  # but for the constructors of types, which PostgreSQL gives to everybody
        assert {row[0].partition("(")[0] for row in rows} == {
            "radius_client", "radius_login", "radius_acct", "radius_refused", "radius_note_signing",
        }  # fmt: skip
        tables = radius.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'S')
                  AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE')
                      ELSE has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END"""
        ).fetchall()
        assert tables == []
        for statement in (
            "CREATE TABLE public.mine (x int)", "CREATE TEMP TABLE mine (x int)", "CREATE SCHEMA mine",
            "SET ROLE fl_control", "SELECT * FROM radius_line", "DELETE FROM access_livesession",
            "COPY (SELECT 1) TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                radius.execute(statement)
        # And without the key, which is in no table, what it may read is of no use.
        with pytest.raises(psycopg.Error):
            radius.execute("SELECT * FROM radius_login(%s, 'asha', '', '', '', '', '', '')", [str(router.nas.pk)])
        radius.execute("SELECT set_config('app.radius_key', %s, false)", ["00" * 32])
        with pytest.raises(psycopg.errors.RaiseException, match="another radius key"):
            radius.execute("SELECT * FROM radius_login(%s, 'asha', '', '', '', '', '', '')", [str(router.nas.pk)])


def file_away(isp):
    """What the job does once ten minutes have passed."""
    with calendar.clock_at(calendar.now() + timedelta(minutes=11)):
        services.file_sessions()
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_sessionfresh")
        assert cursor.fetchone()[0] == 0


def give_up(isp):
    """The sweep of a session that has said nothing for too long."""
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT radius_forget(key) FROM access_livesession")


def test_what_is_over_is_filed_and_read_the_same(isp, router, clock):
    make_line(isp)
    router.tell("Start", "asha", Framed_IP_Address="10.0.0.7")
    router.tell("Stop", "asha", Acct_Session_Time=700, Acct_Input_Octets=950)
    services.file_sessions()  # too young
    [before] = past(isp)
    file_away(isp)
    file_away(isp)
    [after] = past(isp)
    assert [getattr(after, f.attname) for f in after._meta.fields] == [
        getattr(before, f.attname) for f in before._meta.fields
    ]


def test_packets_that_come_after_the_filing_change_nothing(isp, router):
    make_line(isp)
    router.tell("Start", "asha")
    router.tell("Stop", "asha", Acct_Session_Time=700, Acct_Input_Octets=950)
    file_away(isp)
    for status in ("Interim-Update", "Stop"):
        assert router.tell(status, "asha", Acct_Session_Time=700, Acct_Input_Octets=950).kind == "ok"
    long_ago = int((calendar.now() - timedelta(minutes=30)).timestamp())
    router.tell("Start", "asha", Event_Timestamp=long_ago)  # out of a spool
    assert live(isp) == []
    [over] = past(isp)
    assert (over.seconds, over.in_octets, over.cause) == (700, 950, "")


def test_a_session_given_up_and_filed_is_taken_back(isp, router):
    make_line(isp)
    router.tell("Start", "asha")
    router.tell("Interim-Update", "asha", Acct_Session_Time=300, Acct_Input_Octets=500)
    [began] = [session.started_at for session in live(isp)]
    give_up(isp)
    file_away(isp)
    assert [session.cause for session in past(isp)] == ["Lost-Carrier"]
    router.tell("Interim-Update", "asha", Acct_Session_Time=1800, Acct_Input_Octets=900)
    assert past(isp) == []
    [session] = live(isp)
    assert (session.seconds, session.in_octets) == (1800, 900) and session.started_at <= began
    give_up(isp)  # and again, to end by a Stop, before it is filed and after
    router.tell("Stop", "asha", Acct_Session_Time=1900, Acct_Input_Octets=950, Acct_Terminate_Cause="User-Request")
    assert [(one.seconds, one.in_octets, one.cause, one.swept) for one in past(isp)] == [
        (1900, 950, "User-Request", False)
    ]


def test_a_stop_for_a_session_given_up_and_filed_corrects_it(isp, router):
    make_line(isp)
    router.tell("Start", "asha")
    give_up(isp)
    file_away(isp)
    router.tell("Stop", "asha", Acct_Session_Time=1900, Acct_Input_Octets=950, Acct_Terminate_Cause="User-Request")
    assert [(one.seconds, one.in_octets, one.cause, one.swept) for one in past(isp)] == [
        (1900, 950, "User-Request", False)
    ]


def test_the_web_can_neither_ask_for_passwords_nor_invent_sessions(isp, router):
    make_line(isp)
    for statement in (
        f"SELECT radius_login('{router.nas.pk}', 'asha', '', '', '', '', '', '')",
        "SELECT radius_open('\\x00')",
        "INSERT INTO access_livesession SELECT * FROM access_livesession",
        "DELETE FROM access_sessionhistory",
        "DELETE FROM access_sessionfresh",
    ):
        with isp.scope(), pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_partition_by_itself_shows_nothing(isp, router):
    make_line(isp)
    router.tell("Stop", "asha")
    file_away(isp)
    month = f"access_sessionhistory_{calendar.now():%Y%m}"
    with isp.scope(), pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {month}")


def test_no_secret_lies_in_the_database_in_clear(isp, router):
    make_line(isp, password="correct-horse-42")
    with psycopg.connect(**environment.connection("fl_control")) as control:
        for table, column in (
            ("access_accessaccount", "password"), ("radius_line", "secret"),
            ("access_nas", "secret"), ("access_nas", "radius_secret"),
        ):  # fmt: skip
            found = control.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
            assert found and not any(
                word in bytes(row[0]) for row in found for word in (b"correct-horse-42", router.secret.encode())
            )


# --- bad days -------------------------------------------------------------------------------------------------


def test_partitions_are_made_ahead(isp):
    assert services.missing_partitions(ahead=3) == 0


def test_the_database_goes_and_comes_back():
    """No database: no answer to a login (the router asks its second server), accounting is kept; then all heals."""
    with tempfile.TemporaryDirectory(prefix="fl-outage-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # the database's own user passes through
        done = subprocess.run(
            [sys.executable, "-m", "tests.stories.outage"],
            env={**os.environ, "DATA_DIR": folder, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["before"] == "accept"
    assert told["during"] == "silence"
    assert told["accounting_during"] == "ok"
    assert told["after"] == "accept"
    assert told["session"] == ["asha", 4242]


def test_both_ipv6_prefixes_are_kept_to_the_end(isp, router):
    make_line(isp)
    router.tell("Start", "asha", Framed_IPv6_Prefix="2001:db8:0:1::/64")
    router.tell("Interim-Update", "asha", Delegated_IPv6_Prefix="2001:db8:ff00::/56", Acct_Session_Time=60)
    [session] = live(isp)
    assert (session.prefix6, session.delegated6) == ("2001:db8:0:1::/64", "2001:db8:ff00::/56")
    router.tell("Stop", "asha", Acct_Session_Time=90)
    file_away(isp)
    [over] = past(isp)
    assert (over.prefix6, over.delegated6) == ("2001:db8:0:1::/64", "2001:db8:ff00::/56")
