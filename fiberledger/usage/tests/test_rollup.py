"""Roll-ups: each octet once, whatever order packets come in and wherever a fold is killed."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger import calendar
from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount, Nas
from fiberledger.operate import environment
from fiberledger.usage import rollup
from fiberledger.usage.models import SessionCount
from tests.radius import fresh_address

GIGA = 1 << 32


@pytest.fixture
def line(isp):
    return _line(isp)


def _line(isp, name="Asha"):
    sold = isp.sell("Home 20", to=name, on="2026-01-05")
    with isp.scope():
        return access.open_account(sold, username=name.lower(), password="let me in", by=isp.system())


@pytest.fixture
def packets(isp):
    """Accounting packets as FreeRADIUS hands them to the database."""
    with isp.scope():
        nas = access.save_nas(Nas(name="R1", src_ip=fresh_address()), by=isp.system())
    with psycopg.connect(**environment.connection("fl_radius"), autocommit=True) as radius:
        (arguments,) = radius.execute("SELECT pronargs FROM pg_proc WHERE proname = 'radius_acct'").fetchone()

        def tell(status, session="s1", *, name="asha", up=0, down=0, seconds=0, at=None):
            epoch = int((at or calendar.now()).timestamp())
            values = [nas.pk, status, session, name, "AA:BB:CC:00:11:22", "10.0.0.7", epoch, seconds]
            values += [up % GIGA, up // GIGA, down % GIGA, down // GIGA]
            values += [""] * (arguments - len(values))
            radius.execute(f"SELECT radius_acct({', '.join(['%s'] * arguments)})", [str(value) for value in values])

        yield tell


def totals(isp, table="usage_hour"):
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(sum(up), 0), coalesce(sum(down), 0) FROM {table} WHERE tenant_id = %s", [isp.tenant.pk]
        )
        return tuple(int(value) for value in cursor.fetchone())


def fold(isp):
    with isp.scope():
        return rollup.fold()


def proven(isp):
    with isp.scope():
        assert rollup.verify() == []


def test_what_a_session_gains_is_counted_once_and_its_rate_kept(isp, line, packets):
    now = calendar.now()
    packets("Interim-Update", up=1_000_000, down=9_000_000, seconds=300, at=now - timedelta(seconds=300))
    assert fold(isp) == 1 and fold(isp) == 0
    packets("Interim-Update", up=4_000_000, down=9_000_000 + 3 * GIGA, seconds=600, at=now)
    assert fold(isp) == 1
    assert totals(isp) == totals(isp, "usage_day") == totals(isp, "usage_month") == (4_000_000, 9_000_000 + 3 * GIGA)
    with isp.scope():
        count = SessionCount.objects.get()
    assert (count.up_rate, count.down_rate) == (3_000_000 * 8 // 300, round(3 * GIGA * 8 / 300))
    assert count.rates == [round(10_000_000 * 8 / 300), count.up_rate + count.down_rate]
    packets("Stop", up=4_000_500, down=10_000_000 + 3 * GIGA, seconds=660, at=now)
    packets("Stop", up=4_000_500, down=10_000_000 + 3 * GIGA, seconds=660, at=now)
    fold(isp)
    assert totals(isp) == (4_000_500, 10_000_000 + 3 * GIGA)
    proven(isp)


def test_a_gain_is_spread_over_the_hours_and_days_it_lies_in(isp, line, packets, clock):
    """Three hours and a half around a midnight in Lahore, half an hour of it on the day before."""
    midnight = calendar.now().replace(hour=19, minute=0, second=0, microsecond=0)
    if midnight > calendar.now():
        midnight -= timedelta(days=1)
    packets("Stop", up=7, down=21_000_001, seconds=3 * 3600 + 1800, at=midnight + timedelta(hours=3))
    fold(isp)
    with isp.scope():
        hours = rollup.hours_of([line.pk], midnight - timedelta(hours=2))
        days = rollup.days_of([line.pk], calendar.today() - timedelta(days=3))
    assert [(moved.at, moved.down) for moved in hours] == [
        (midnight - timedelta(hours=1), 3_000_000),
        (midnight, 6_000_000),
        (midnight + timedelta(hours=1), 6_000_000),
        (midnight + timedelta(hours=2), 6_000_001),
    ]
    assert [moved.down for moved in days] == [3_000_000, 18_000_001]
    assert sum(moved.up for moved in hours) == 7
    proven(isp)


def test_a_killed_fold_counts_nothing_and_its_repetition_everything(isp, line, packets):
    packets("Interim-Update", down=5_000_000, seconds=300)
    with isp.scope():
        try:
            with transaction.atomic():
                assert rollup.fold() == 1
                raise InterruptedError
        except InterruptedError:
            pass
    assert totals(isp) == (0, 0)
    # Killed for real: the backend that folds is ended in the middle of its transaction.
    program = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "from fiberledger.tenancy import tenant_scope\n"
        "from fiberledger.usage import rollup\n"
        f"with tenant_scope({isp.tenant.pk}):\n"
        "    rollup.fold()\n"
        "    connection.cursor().execute('SELECT pg_terminate_backend(pg_backend_pid())')\n"
    )
    died = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert died.returncode != 0 and "terminat" in died.stderr
    assert totals(isp) == (0, 0)
    fold(isp)
    assert totals(isp) == (0, 5_000_000)


def test_what_was_filed_before_it_was_counted_is_counted_all_the_same(isp, line, packets, clock):
    packets("Start")
    packets("Stop", down=8_000_000, seconds=60)
    clock.move_to(calendar.now() + timedelta(minutes=11))
    assert access.file_sessions() >= 1
    fold(isp)
    assert totals(isp) == (0, 8_000_000)
    fold(isp)
    assert totals(isp) == (0, 8_000_000)
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_uncounted WHERE tenant_id = %s", [isp.tenant.pk])
        assert cursor.fetchone() == (0,)


def test_a_session_given_up_for_silence_that_comes_back_goes_on_where_it_was(isp, line, packets, clock):
    packets("Interim-Update", down=5_000_000, seconds=300)
    fold(isp)
    clock.move_to(calendar.now() + timedelta(minutes=20))
    access.sweep()
    fold(isp)
    clock.forward(minutes=11)
    access.file_sessions()
    fold(isp)
    packets("Interim-Update", down=6_000_000, seconds=600)
    fold(isp)
    packets("Stop", down=6_500_000, seconds=700)
    clock.forward(minutes=60)
    access.file_sessions()
    fold(isp)
    assert totals(isp) == (0, 6_500_000)
    with isp.scope():
        assert not SessionCount.objects.filter(over=False).exists()
    proven(isp)


STATUS = st.sampled_from(["Start", "Interim-Update", "Interim-Update", "Stop", "sweep", "file", "fold", "die"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(STATUS, st.integers(0, 2), st.integers(0, 1 << 33)), max_size=25))
def test_whatever_the_order_the_roll_ups_are_the_sum_of_the_final_counters(isp, packets, steps):
    from tests.stage import Clock

    with isp.scope():
        known = AccessAccount.objects.filter(username="asha").exists()
    if not known:
        _line(isp)
    tag = f"h{id(steps)}-{calendar.now().timestamp()}"
    before = totals(isp)
    with Clock() as clock:
        began = calendar.now() - timedelta(minutes=7)
        for n, (status, session, octets) in enumerate(steps):
            if status == "sweep":
                clock.move_to(calendar.now() + timedelta(minutes=20))
                access.sweep()
            elif status == "file":
                clock.move_to(calendar.now() + timedelta(minutes=11))
                access.file_sessions()
            elif status == "fold":
                fold(isp)
            elif status == "die":
                with isp.scope():
                    rollup.fold()
                    transaction.set_rollback(True)
            else:
                told = {} if status == "Start" else {"up": octets // 3, "down": octets, "seconds": 5 * n}
                packets(status, f"{tag}-{session}", at=began + timedelta(seconds=5 * n), **told)
        fold(isp)
        now, (up, down) = totals(isp), _reported(isp, tag)
    assert (now[0] - before[0], now[1] - before[1]) == (up, down)
    assert totals(isp, "usage_day") == totals(isp, "usage_month") == now


def _reported(isp, tag):
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(in_octets), 0), coalesce(sum(out_octets), 0) FROM (
                 SELECT in_octets, out_octets FROM access_livesession WHERE tenant_id = %s AND session_id LIKE %s
                 UNION ALL
                 SELECT in_octets, out_octets FROM access_pastsession WHERE tenant_id = %s AND session_id LIKE %s) s""",
            [isp.tenant.pk, f"{tag}%", isp.tenant.pk, f"{tag}%"],
        )
        return tuple(int(value) for value in cursor.fetchone())


def test_partitions_are_made_ahead_and_dropped_when_old_and_never_the_young(isp):
    assert rollup.missing_partitions(3) == 0 and rollup.make_partitions() == 0
    with pytest.raises(Exception, match="at least 90 days"):
        rollup.drop_partitions(calendar.now() - timedelta(days=30))
    with psycopg.connect(**environment.connection("fl_owner"), autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE usage_hour_202401 PARTITION OF usage_hour FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2024-02-01 00:00+00')"
        )
        assert rollup.drop_partitions(calendar.now() - timedelta(days=400)) == 1
        assert owner.execute("SELECT to_regclass('usage_hour_202401')").fetchone() == (None,)
    assert rollup.missing_partitions(3) == 0


def test_the_proof_says_what_is_wrong(isp, line, packets):
    packets("Interim-Update", down=5_000_000, seconds=300)
    fold(isp)

    def check():
        command = [sys.executable, "-m", "fiberledger", "usage", "check", "--tenant", isp.tenant.slug]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert check() == (0, f"{isp.tenant.slug}: all right\n")
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("UPDATE usage_day SET down = down + 1 WHERE tenant_id = %s", [isp.tenant.pk])
    code, said = check()
    assert code == 1 and "months that are not the sum" in said and "days that are not the sum" in said
