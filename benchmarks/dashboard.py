"""The owner's dashboard over a million invoices: the whole page, cold (nothing kept) and warm (asked again).

Cold means what the database and we keep is thrown away before each request; the floor is the bare queries' sum.
"""

import resource
import statistics
import time
from datetime import date

NAME = "dashboard"
MONTHS = 10
COLD, WARM = 20, 60


def run(size):
    import django

    django.setup()
    yield _look(size or 1_000_000)


def _look(size):
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client

    tenant = _tenant(size)
    client = Client(headers={"host": f"{tenant.slug}.localhost"})
    answer = client.post("/login/", {"email": f"owner@dash-{size}.example", "password": "correct horse battery"})
    if answer.status_code != 302:
        raise RuntimeError("the owner was not let in")
    client.get("/")
    cold, warm = [], []
    for _ in range(COLD):
        cache.clear()
        connection.close()
        cold.append(_timed(client))
    for _ in range(WARM):
        warm.append(_timed(client))
    return {
        "size": size,
        "seconds": round(sum(cold) + sum(warm), 2),
        "cold_p95_ms": _p95(cold),
        "warm_p95_ms": _p95(warm),
        "floor_ms": round(_bare(tenant) * 1000, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _timed(client):
    began = time.perf_counter()
    answer = client.get("/")
    seconds = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"the dashboard answered {answer.status_code}")
    return seconds


def _p95(seconds):
    return round(statistics.quantiles(seconds, n=20)[-1] * 1000, 1)


def _bare(tenant):
    """The three sums a dashboard cannot do without, once each."""
    from django.db import connection

    from fiberledger.tenancy import tenant_scope

    queries = (
        "SELECT sum(total) FROM billing_invoice WHERE tenant_id = %s AND issued_on >= date_trunc('month', current_date)",
        "SELECT sum(amount) FROM payments_payment WHERE tenant_id = %s AND received_on = current_date",
        "SELECT sum(balance) FROM ledger_ledgeraccount WHERE tenant_id = %s AND is_party AND balance > 0",
    )
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        began = time.perf_counter()
        for query in queries:
            cursor.execute(query, [tenant.pk])
            cursor.fetchall()
        return time.perf_counter() - began


def _tenant(size):
    """An ISP with `size` invoices over ten months, made by the billing run's own code month by month."""
    from fiberledger import calendar
    from fiberledger.billing import services as billing
    from fiberledger.catalog.models import Plan
    from fiberledger.identity import Actor
    from fiberledger.identity import services as identity
    from fiberledger.places.models import Area
    from fiberledger.subscribers.services import NewSubscriber, register_many
    from fiberledger.subscriptions.services import Sale, sell_many
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.models import Tenant
    from fiberledger.tenancy.services import create_tenant

    slug = f"dash-{size}"
    if kept := Tenant.objects.filter(slug=slug).first():
        return kept
    tenant = create_tenant(slug, name="Bright ISP", country="PK")
    by, people, first = (
        Actor.system("benchmark"),
        size // MONTHS,
        calendar.add_months(date.today().replace(day=1), 1 - MONTHS),
    )
    with tenant_scope(tenant.pk):
        identity.add_member(f"owner@dash-{size}.example", "Owner", "owner", password="correct horse battery")
        area = Area.objects.create(name="Model Town")
        plan = Plan.objects.create(name="Home 20M", code="H20", price=2200, currency="PKR")
    lines = []
    for start in range(0, people, 10_000):
        with tenant_scope(tenant.pk):
            ids = register_many(
                [
                    NewSubscriber(name=f"Asha {n}", phone=f"+923{n:09d}", area_id=area.pk, address="House 1")
                    for n in range(start, min(start + 10_000, people))
                ],
                by=by,
            )
            lines += sell_many(
                [Sale(pk, plan.pk, first, status="active", cycle="fixed", anchor_day=1) for pk in ids], by=by
            )
    for month in range(MONTHS):
        as_of = calendar.add_months(first, month)
        for start in range(0, people, 10_000):
            with tenant_scope(tenant.pk):
                billing.issue_invoices(lines[start : start + 10_000], as_of=as_of, by=by)
    return tenant
