"""Payments a second at the till, through the service that the page calls, beside one PL/pgSQL function that writes the
same rows in the same tables with the same keys, triggers and policies: lock, key, entry, postings, allocation oldest
first, receipt number, payment, audit, two jobs; one durable transaction each, on 1, 4 and 16 connections.

Every connection is a process of its own, on both sides. Half of the subscribers have two open invoices.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import statistics
import sys
import time
import uuid
from decimal import Decimal

NAME = "record-payment"
SUBSCRIBERS = 4_000
CONNECTIONS = (1, 4, 16)
SECONDS = 6
AMOUNT = 10

FLOOR = """
CREATE OR REPLACE FUNCTION bench_pay(tenant bigint, payer bigint, paid numeric, way text, told uuid, day date, who text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  page bigint; money char(3); till bigint; prefix text; digits int; entry bigint; payment bigint; number text;
  left_over numeric := paid; bill record; takes numeric; job text; at timestamptz := clock_timestamp();
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  SELECT s.receivable_id, r.currency, a.id, p.receipt_prefix, p.receipt_digits
    INTO page, money, till, prefix, digits
    FROM subscribers_subscriber s JOIN ledger_ledgeraccount r ON r.id = s.receivable_id
    JOIN ledger_ledgeraccount a ON a.tenant_id = tenant AND a.role = way AND a.currency = r.currency AND NOT a.is_party
    JOIN payments_paymentpolicy p ON p.tenant_id = tenant
   WHERE s.tenant_id = tenant AND s.id = payer FOR NO KEY UPDATE OF s;
  SELECT p.number INTO number FROM payments_payment p WHERE p.tenant_id = tenant AND p.key = told;
  IF FOUND THEN RETURN number; END IF;
  payment := nextval('payments_payment_id_seq');
  INSERT INTO ledger_journalentry (tenant_id, cause, "on", at, memo, actor_name)
  VALUES (tenant, 'payment:' || payment, day, at, '', who) RETURNING id INTO entry;
  INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
  VALUES (tenant, entry, till, money, paid, day), (tenant, entry, page, money, -paid, day);
  FOR bill IN SELECT i.id, i.total - coalesce((SELECT sum(l.amount) FROM billing_allocation l
                                                WHERE l.invoice_id = i.id), 0) AS owing
                FROM billing_invoice i WHERE i.tenant_id = tenant AND i.subscriber_id = payer
                 AND i.status IN ('issued', 'part_paid') ORDER BY i.due_on, i.id LOOP
    takes := least(left_over, bill.owing);
    IF takes > 0 THEN
      INSERT INTO billing_allocation (tenant_id, invoice_id, entry_id, amount, "on", at)
      VALUES (tenant, bill.id, entry, takes, day, at);
      left_over := left_over - takes;
    END IF;
    EXIT WHEN left_over = 0;
  END LOOP;
  INSERT INTO tenancy_counter AS c (tenant_id, name, value) VALUES (tenant, 'receipt', 1)
  ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value + 1
  RETURNING prefix || lpad(value::text, greatest(digits, length(value::text)), '0') INTO number;
  INSERT INTO payments_payment (id, tenant_id, number, subscriber_id, amount, currency, method, account_id, key,
      received_on, received_at, collector_name, reference, note, entry_id, reversed_by, reversal_reason)
  VALUES (payment, tenant, number, payer, paid, money, way, till, told, day, at, who, '', '', entry, '', '');
  INSERT INTO audit_entry (tenant_id, at, actor_kind, actor_name, on_behalf_of, action, target_type, target_id,
      target_label, after)
  VALUES (tenant, at, 'system', who, '', 'payment.recorded', 'payments.payment', payment::text, number,
      jsonb_build_object('amount', money || ' ' || paid, 'method', way, 'received_on', day, 'subscriber', payer));
  FOREACH job IN ARRAY ARRAY['payments.send_receipt', 'dunning.reconsider'] LOOP
    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW('default', job, 0, NULL, NULL,
      jsonb_build_object('tenant_id', tenant, 'payment_id', payment, 'subscriber_id', payer), NULL
    )::procrastinate_job_to_defer_v1]);
  END LOOP;
  RETURN number;
END $$"""


def run(size=None):
    import django

    django.setup()
    tenant_id, payers = fill(size or SUBSCRIBERS)
    for connections in CONNECTIONS:
        floor = measure("floor", tenant_id, payers, connections)
        ours = measure("ours", tenant_id, payers, connections)
        yield {
            "size": connections,
            "per_second": round(ours["rate"]),
            "floor_per_second": round(floor["rate"]),
            "ratio": round(ours["rate"] / floor["rate"], 3),
            "p50_ms": ours["p50"],
            "p95_ms": ours["p95"],
            "floor_p95_ms": floor["p95"],
        }
    check(tenant_id)


def fill(count):
    """A tenant with subscribers who owe more than the run will pay."""
    from fiberledger import calendar
    from fiberledger.billing import services as billing
    from fiberledger.identity import Actor
    from fiberledger.places.models import Area
    from fiberledger.subscribers import services as subscribers
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant

    by = Actor.system("bench")
    tenant = create_tenant(f"till-{uuid.uuid4().hex[:8]}", name="Till", country="PK")
    with tenant_scope(tenant.pk):
        area = Area.objects.create(level="city", name="Lahore")
        ids = subscribers.register_many(
            [
                subscribers.NewSubscriber(
                    name=f"Subscriber {n}", phone=f"+92300{n:07d}", area_id=area.pk, address="House 1"
                )
                for n in range(count)
            ],
            by=by,
        )
        today = calendar.today()
        billing.issue_opening(dict.fromkeys(ids, Decimal(100_000)), on=today, by=by)
    with tenant_scope(tenant.pk):
        for pk in ids[: count // 200]:
            billing.issue_manual(pk, [billing.Charge("Internet", Decimal(100))], by=by)
    import psycopg

    from fiberledger.operate import environment

    with psycopg.connect(**environment.superuser(), autocommit=True) as root:
        root.execute(FLOOR)
        root.execute("GRANT EXECUTE ON FUNCTION bench_pay TO fl_app")
        root.execute("VACUUM (ANALYZE)")
        root.execute("CHECKPOINT")
    return tenant.pk, ids


def measure(side, tenant_id, payers, connections):
    from django.db import connections as opened

    opened.close_all()
    context = multiprocessing.get_context("fork")
    answers, gate = context.Queue(), context.Barrier(connections)
    workers = [
        context.Process(target=work, args=(side, tenant_id, payers, number, SECONDS, gate, answers))
        for number in range(connections)
    ]
    for worker in workers:
        worker.start()
    found = [json.loads(answers.get()) for _worker in workers]
    for worker in workers:
        worker.join()
    if failed := [answer["error"] for answer in found if "error" in answer]:
        raise RuntimeError(failed[0])
    times = sorted(one for answer in found for one in answer["times"])
    rate = sum(len(answer["times"]) / answer["seconds"] for answer in found)
    print(f"{side} {connections}: {rate:.0f}/s, mean {statistics.fmean(times) * 1000:.2f} ms", file=sys.stderr)
    return {
        "rate": rate,
        "p50": round(times[len(times) // 2] * 1000, 2),
        "p95": round(times[int(len(times) * 0.95)] * 1000, 2),
    }


def work(side, tenant_id, payers, number, seconds, gate, answers):
    try:
        pay = {"floor": _floor, "ours": _ours}[side](tenant_id)
        random.seed(number)
        for payer in random.sample(payers, 20):
            pay(payer)
        times = []
        gate.wait()
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < seconds:
            pay(random.choice(payers))
            times.append(time.perf_counter() - now)
        answers.put(json.dumps({"times": times, "seconds": time.perf_counter() - began}))
    except Exception as error:
        gate.abort()
        answers.put(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        if os.environ.get("FIBERLEDGER_TRACE") == "1":
            raise


def _floor(tenant_id):
    from django.db import connection

    from fiberledger import calendar
    from fiberledger.tenancy import tenant_scope

    with tenant_scope(tenant_id):
        today = calendar.today()
    connection.ensure_connection()
    bare = connection.connection

    def pay(payer):
        with bare.transaction():
            bare.execute(
                "SELECT bench_pay(%s, %s, %s, 'cash', %s, %s, 'bench')",
                [tenant_id, payer, Decimal(AMOUNT), uuid.uuid4(), today],
            )

    return pay


def _ours(tenant_id):
    from fiberledger import calendar
    from fiberledger.identity import Actor
    from fiberledger.money import Money
    from fiberledger.payments import services
    from fiberledger.tenancy import tenant_scope

    by, money = Actor.system("bench"), Money(Decimal(AMOUNT), "PKR")

    def pay(payer):
        with tenant_scope(tenant_id):
            services.record_payment(payer, money, method="cash", key=uuid.uuid4(), received_on=calendar.today(), by=by)

    return pay


def check(tenant_id):
    """Both sides together left right books and receipts without a gap."""
    from fiberledger import ledger
    from fiberledger.payments.models import Payment
    from fiberledger.tenancy import tenant_scope

    with tenant_scope(tenant_id):
        assert ledger.verify() == []
        numbers = sorted(int(n.removeprefix("R-")) for n in Payment.objects.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
