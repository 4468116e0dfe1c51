"""A provider's customer list brought in as the command does it: read, checked row by row, stored through every room.

Each row becomes a subscriber with a page in the ledger, a line on a plan, a login with its RADIUS line, audit entries, and for
every second one an opening balance. The floor: the bare rows (subscriber, page, line, login) of the same file by COPY into a
temporary table and one INSERT … SELECT a table, unread and unchecked, for another tenant of the same database.
"""

import csv
import os
import resource
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path

NAME = "import-subscribers"
SIZES = (10_000, 100_000)
PLANS = [
    ("Home 5M", 1000),
    ("Home 10M", 1500),
    ("Home 20M", 2200),
    ("Fiber 50M", 3500),
    ("Fiber 100M", 5500),
    ("Biz 30M", 6000),
]
AREAS = [("Lahore", name) for name in ("Johar Town A", "Model Town", "Samanabad")] + [
    ("Kasur", "Kot Haleem"),
    ("Raiwind", "Main Bazar"),
]
HEADER = (
    "Customer ID,Full Name,Father/Husband,Mobile No.,CNIC,City,Area,Address,Package,Monthly Fee,Status,Installation Date,"
    "PPPoE User,Reseller,Opening Balance,Latitude,Longitude"
).split(",")


def run(size):
    import django

    django.setup()
    _measure(1_000)  # warm: plans, caches and the tables' first pages
    for each in [size] if size else SIZES:
        yield _measure(each)


def _measure(size):
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "customers.csv"
        _write(path, size)
        floor_tenant, our_tenant = _tenant("floor"), _tenant("ours")
        began = time.perf_counter()
        _store_the_floor(floor_tenant, path)
        floor = time.perf_counter() - began
        began = time.perf_counter()
        run = _import(our_tenant, path)
        seconds = time.perf_counter() - began
    if (run.taken, run.faulty) != (size, 0):
        raise RuntimeError(f"{run.taken} taken, {run.faulty} with a fault: {run.problem}")
    return {
        "size": size,
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "rows_per_second": round(size / seconds),
    }


def _write(path, size):
    days = ("2024-12-14", "07.02.2024", "07/08/2025", "28-Aug-26")
    phones = ("0300-{:07d}", "92301{:07d}", "0092302{:07d}", "303 {:07d}")
    with path.open("w", newline="", encoding="utf-8-sig") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for n in range(size):
            (city, area), (plan, price) = AREAS[n % len(AREAS)], PLANS[n % len(PLANS)]
            writer.writerow([
                f"D-{n:06d}", f"Customer {n}", f"Father {n}", phones[n % 4].format(n), f"35202-{n:07d}-1", city, area,
                f"House {n % 400}, Street {n % 60}, {area}", plan, f"{price:,}",
                ("active", "Active", "suspended", "hold", "Inactive", "left")[n % 6], days[n % 4], f"user{n}",
                "Kasur Link" if n % 2 else "", (0, 0, 350, -500)[n % 4], "31.372200", "74.240706",
            ])  # fmt: skip


def _tenant(kind):
    from fiberledger.catalog.models import Plan
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant

    tenant = create_tenant(f"bench-import-{kind}-{uuid.uuid4().hex[:8]}", name=f"Bench {kind}", country="PK")
    with tenant_scope(tenant.pk):
        for name, price in PLANS:
            Plan.objects.create(name=name, code=name, price=Decimal(price), currency="PKR", download_kbps=20_000)
    return tenant


def _import(tenant, path):
    from fiberledger.identity import Actor
    from fiberledger.imports import services
    from fiberledger.imports.models import ImportRun
    from fiberledger.tenancy import tenant_scope

    by = Actor.system("benchmark")
    with tenant_scope(tenant.pk):
        run = services.receive("subscribers", path, path.name, by=by)
        run = services.set_map(run, run.map, options={"create_missing": ["areas"]}, by=by)
    services.take(tenant.pk, run.pk, by=by)
    with tenant_scope(tenant.pk):
        return ImportRun.objects.get(pk=run.pk)


def _store_the_floor(tenant, path):
    from django.db import connection

    from fiberledger.catalog.models import Plan
    from fiberledger.identity import Actor
    from fiberledger.places.services import areas_for
    from fiberledger.tenancy import tenant_scope

    names = [f"c{n}" for n in range(len(HEADER))]
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        area = next(iter(areas_for([AREAS[0]], create=True, by=Actor.system("benchmark")).values()))
        plan = Plan.objects.first()
        columns = ", ".join(f"{name} text" for name in names)
        cursor.execute(f"CREATE TEMPORARY TABLE bench_rows (n bigserial, {columns}) ON COMMIT DROP")
        with (
            cursor.copy(f"COPY bench_rows ({', '.join(names)}) FROM STDIN (FORMAT csv, HEADER)") as copy,
            path.open("rb") as rows,
        ):
            copy.write(rows.read(3).replace(b"\xef\xbb\xbf", b""))
            while block := rows.read(1 << 20):
                copy.write(block)
        values = {"tenant": tenant.pk, "area": area.pk, "plan": plan.pk}
        cursor.execute("ANALYZE bench_rows")
        cursor.execute(
            """INSERT INTO ledger_ledgeraccount (tenant_id, code, name, kind, role, currency, is_party, balance)
               SELECT %(tenant)s, '1200-' || c0, c1, 'asset', 'receivable', 'PKR', true, 0 FROM bench_rows ORDER BY n""", values,
        )  # fmt: skip
        cursor.execute(
            "SELECT imports_refresh_statistics('{ledger_ledgeraccount}')"
        )  # or the joins go through all for each
        cursor.execute(
            """INSERT INTO subscribers_subscriber (tenant_id, number, name, guardian, national_id, phone, phone2, whatsapp, email,
                 area_id, address, street_house, status, is_vip, reseller_name, receivable_id, language, kyc, kyc_by,
                 blacklist_reason, created_at, name_key, extra_search)
               SELECT %(tenant)s, c0, c1, c2, replace(c4, '-', ''), '+92' || right('0000000000' || n, 10), '', '', '', %(area)s, c7, '',
                      'active', false, coalesce(c13, ''), a.id, '', 'none', '', '', now(), '', c12
                 FROM bench_rows JOIN ledger_ledgeraccount a ON a.tenant_id = %(tenant)s AND a.code = '1200-' || c0 ORDER BY n""",
            values,
        )  # fmt: skip
        cursor.execute(
            """INSERT INTO subscriptions_subscription (tenant_id, created_at, subscriber_id, plan_id, status, label, billing, cycle,
                 anchor_day, first_period, currency, started_on, free_days)
               SELECT %(tenant)s, now(), s.id, %(plan)s, 'active', '', 'prepaid', 'anniversary', 1, 'prorate', 'PKR', current_date, 0
                 FROM subscribers_subscriber s WHERE s.tenant_id = %(tenant)s ORDER BY s.id""", values,
        )  # fmt: skip
        cursor.execute("SELECT imports_refresh_statistics('{subscribers_subscriber,subscriptions_subscription}')")
        cursor.execute(
            """INSERT INTO access_accessaccount (tenant_id, subscription_id, kind, username, password, pool, only_mac, created_at)
               SELECT %(tenant)s, p.id, 'pppoe', s.extra_search, '\\x00', '', '', now()
                 FROM subscriptions_subscription p JOIN subscribers_subscriber s ON s.id = p.subscriber_id
                WHERE p.tenant_id = %(tenant)s ORDER BY p.id""", values,
        )  # fmt: skip


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
