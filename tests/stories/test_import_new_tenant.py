"""A tenant that is a minute old: PostgreSQL's statistics know the others and expect one row of everything of this one.

What the first day brings must cost what there is, not its square: nothing here looks at a clock, the plans are counted.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from fiberledger import calendar

ROWS = 900  # below the first refresh of statistics within an import
SOME = 400


def bring_in(isp, path, count):
    from fiberledger.imports import services

    lines = ["ID,Name,Mobile,Area,Address,Package,Status,PPPoE User,Balance,Installation Date"]
    for n in range(count):
        lines.append(
            f"N-{n},Person {n},0300{n:07d},Area {n % 7},House {n},Home 20,active,user{n},{(0, 350, -500)[n % 3]},01-02-2026"
        )
    path.write_text("\n".join(lines))
    isp.plan()
    with isp.scope():
        run = services.receive("subscribers", path, path.name, by=isp.system())
        run = services.set_map(run, run.map, options={"create_missing": ["areas"]}, by=isp.system())
    services.take(isp.tenant.pk, run.pk, by=isp.system())
    with isp.scope():
        run.refresh_from_db()
    assert (run.taken, run.faulty) == (count, 0)
    return run


def touched(node: dict[str, Any]) -> int:
    """The rows that a plan really went through; what a scan passes over once, in other tenants' rows, is not ours to count."""
    loops = node["Actual Loops"]
    rows = node["Actual Rows"] + node.get("Rows Removed by Join Filter", 0)
    if loops > 1:
        rows += node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(rows * loops) + sum(touched(below) for below in node.get("Plans", ()))


@contextmanager
def counted(limit: int):
    """Every statement in here is run twice: once to count what it goes through, which is undone, and once as ever."""
    from django.db import connection

    astray: list[tuple[int, str]] = []

    def count(execute, sql, params, many, context):
        verb = sql.split(None, 1)[0].upper() if isinstance(sql, str) else ""
        if verb in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE") and "imports_refresh" not in sql:
            plain = context["cursor"].cursor
            plain.execute("SAVEPOINT counting")
            plain.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) " + sql, params)
            rows = touched(plain.fetchone()[0][0]["Plan"])
            plain.execute("ROLLBACK TO SAVEPOINT counting")
            if rows > limit:
                astray.append((rows, " ".join(sql.split())[:200]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield
    assert not astray, "\n".join(f"{rows} rows: {sql}" for rows, sql in astray)


@pytest.fixture
def newcomer(isp, tmp_path):
    """Bright ISP with 900 subscribers, after PostgreSQL has last looked at its tables."""
    from django.db import connection

    from fiberledger.onboarding.subscribers import SubscriberImporter
    from tests.stage import Isp

    with Isp.open("Old ISP", "PK") as old:
        bring_in(old, tmp_path / "old.csv", 300)
        with old.scope(), connection.cursor() as cursor:
            cursor.execute("SELECT imports_refresh_statistics(%s)", [list(SubscriberImporter.tables)])
        isp.run_of_import = bring_in(isp, tmp_path / "new.csv", ROWS)
        yield isp


def test_the_first_import_itself(isp, newcomer, tmp_path):
    from fiberledger.billing import services as billing
    from fiberledger.imports import services
    from fiberledger.subscribers.models import Subscriber

    with isp.scope(), counted(60 * ROWS):
        services.refuse_if_depended_on(isp.run_of_import)
        with_nothing = list(Subscriber.objects.filter(receivable__balance=0).values_list("pk", flat=True))
        amounts = {pk: Decimal((100, -100)[pk % 2]) for pk in with_nothing}
        billing.issue_opening(amounts, on=calendar.today(), by=isp.system())
        services.undo(isp.run_of_import, by=isp.system())


def test_a_suspension_of_hundreds(isp, newcomer):
    from fiberledger.access import services as access
    from fiberledger.subscriptions import services as subscriptions
    from fiberledger.subscriptions.models import Subscription

    with isp.scope():
        some = list(Subscription.objects.values_list("pk", flat=True)[:SOME])
        with counted(60 * ROWS):
            assert len(subscriptions.suspend(some, by=isp.system()).changed) == SOME
            assert access.rebuild(some).drift == SOME
            assert len(subscriptions.resume(some, by=isp.system()).changed) == SOME
            assert access.rebuild(some).drift == SOME


def test_the_first_bills(isp, newcomer):
    from fiberledger.billing import runs
    from fiberledger.billing import services as billing
    from fiberledger.subscriptions.models import Subscription

    with isp.scope(), counted(60 * ROWS):
        assert runs.preview_run(calendar.today(), {})["invoices"] == ROWS
        some = list(Subscription.objects.values_list("pk", flat=True)[:SOME])
        assert len(billing.issue_invoices(some, as_of=calendar.today(), by=isp.system()).invoice_ids) == SOME
