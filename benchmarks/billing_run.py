"""A billing run through the code that the button runs, against the same rows written by plain set-based SQL.

Two tenants of one database hold the same subscriptions (ten plans, 28 anchor days, tax, an installation fee: two lines
each). For the one PostgreSQL writes invoices, lines, entries, postings, audit entries, notices and dates with one
INSERT … SELECT a table; for the other the run decides by the rules and writes. Keys, constraints and triggers are the
same, since the tables are.
"""

import os
import resource
import sys
import time
import uuid
from datetime import date
from decimal import Decimal

NAME = "billing-run"
SIZES = (10_000, 100_000)
AS_OF = date(2026, 3, 31)


def run(size):
    import django

    django.setup()
    _bill(2_000)  # warm: plans, caches and the tables' first pages
    for each in [size] if size else SIZES:
        yield _bill(each)


def _bill(size):
    from fiberledger.tenancy import tenant_scope

    floor_tenant, our_tenant = _tenant("floor", size), _tenant("ours", size)
    _rest()
    began = time.perf_counter()
    with tenant_scope(floor_tenant.pk):
        _write_the_floor(floor_tenant.pk)
    floor = time.perf_counter() - began
    _rest()
    began = time.perf_counter()
    run = _run_billing(our_tenant, size)
    seconds = time.perf_counter() - began
    same = _rows(floor_tenant.pk), _rows(our_tenant.pk)
    if same[0] != same[1] or run.result.get("invoices") != size:
        raise RuntimeError(f"the two did not write the same: {same}, {run.state} {run.result} {run.message}")
    return {
        "size": size,
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "per_100k": round(seconds / size * 100_000, 2),
    }


def _run_billing(tenant, size):
    from fiberledger.billing import runs
    from fiberledger.billing.tasks import carry_out
    from fiberledger.identity.actor import Actor
    from fiberledger.jobs.models import Run
    from fiberledger.tenancy import tenant_scope

    by = Actor.system("benchmark")
    with tenant_scope(tenant.pk):
        from fiberledger.billing.models import BillingRun

        draft = BillingRun.objects.create(as_of=AS_OF, back_bill="served", preview={"seen": size})
        run = runs.start_run(draft, by=by)
    carry_out(tenant.pk, run_id=run.pk)
    with tenant_scope(tenant.pk):
        return Run.objects.get(pk=run.pk)


def _tenant(kind, size):
    """A tenant with so many subscriptions that were sold in March and never billed."""
    from django.db import connection

    from fiberledger.billing.models import BillingPolicy
    from fiberledger.catalog.models import Plan, TaxRate
    from fiberledger.places.models import Area, Branch
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant

    tenant = create_tenant(f"{kind}-{size}-{uuid.uuid4().hex[:8]}", name=f"Bench {kind}", country="PK")
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        BillingPolicy.objects.update(cycle="anniversary")
        tax = TaxRate.objects.create(name="GST", percent=Decimal("19.5"))
        for n in range(10):
            Plan.objects.create(
                name=f"Home {n}", code=f"H{n}", price=Decimal(1000 + 250 * n), currency="PKR", tax=tax,
                installation_fee=Decimal(500), download_kbps=10_000 * (n + 1),
            )  # fmt: skip
        branch = Branch.objects.create(name="Gulberg", code="G")
        area = Area.objects.create(level="city", name="Lahore", branch=branch)
        values = {"t": tenant.pk, "n": size, "area": area.pk, "branch": branch.pk}
        cursor.execute(
            """INSERT INTO ledger_ledgeraccount (tenant_id, code, name, kind, role, currency, is_party, balance)
               SELECT %(t)s, '1200-C-' || n, 'Subscriber ' || n, 'asset', 'receivable', 'PKR', true, 0
                 FROM generate_series(1, %(n)s) n""", values,
        )  # fmt: skip
        _insert(cursor, "subscribers_subscriber", """
            SELECT %(t)s AS tenant_id, 'C-' || n AS number, 'Subscriber ' || n AS name, '+9230' || (10000000 + n) AS phone,
                   %(area)s AS area_id, %(branch)s AS branch_id, a.id AS receivable_id, 'active' AS status, 'none' AS kyc,
                   'House ' || n AS address, now() AS created_at
              FROM generate_series(1, %(n)s) n JOIN ledger_ledgeraccount a
                ON a.tenant_id = %(t)s AND a.code = '1200-C-' || n ORDER BY n""", values)  # fmt: skip
        _insert(cursor, "subscriptions_subscription", """
            SELECT %(t)s AS tenant_id, s.id AS subscriber_id, p.id AS plan_id, 'active' AS status, 'prepaid' AS billing,
                   'anniversary' AS cycle, d AS anchor_day, 'prorate' AS first_period, 'PKR' AS currency,
                   date '2026-03-01' + d - 1 AS started_on, now() AS created_at
              FROM (SELECT s.id, row_number() OVER (ORDER BY s.id) AS n FROM subscribers_subscriber s
                     WHERE s.tenant_id = %(t)s) s
              JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM catalog_plan WHERE tenant_id = %(t)s) p
                ON p.k = s.n %% 10
              CROSS JOIN LATERAL (SELECT (s.n %% 28 + 1)::int AS d) x ORDER BY s.n""", values)  # fmt: skip
    return tenant


def _insert(cursor, table, query, values):
    """INSERT … SELECT, with an empty text or zero for every column that wants a value and is not named."""
    cursor.execute(
        """SELECT attname, format_type(atttypid, NULL), attidentity <> '', attnotnull, atthasdef FROM pg_attribute
            WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped""", [table],
    )  # fmt: skip
    columns = cursor.fetchall()
    cursor.execute(f"SELECT * FROM ({query}) q LIMIT 0", values)
    named = [column.name for column in cursor.description]
    empty = {"character varying": "''", "text": "''", "boolean": "false", "integer": "0", "smallint": "0",
             "bigint": "0", "numeric": "0", "jsonb": "'{}'"}  # fmt: skip
    rest = [(name, empty[kind]) for name, kind, identity, required, default in columns
            if required and not identity and not default and name not in named]  # fmt: skip
    quoted = ", ".join(f'"{name}"' for name in [*named, *(name for name, _ in rest)])
    more = "".join(f", {value}" for _, value in rest)
    cursor.execute(f"INSERT INTO {table} ({quoted}) SELECT q.*{more} FROM ({query}) q", values)


def _rest():
    """Statistics gathered, checkpoint done: neither run pays for what came before it."""
    import psycopg

    from fiberledger.operate import environment

    with psycopg.connect(**environment.superuser(), autocommit=True) as opened:
        opened.execute("VACUUM ANALYZE")
        opened.execute("CHECKPOINT")
    sys.stderr.flush()


_ROWS = {
    "invoices": "billing_invoice", "lines": "billing_invoiceline", "entries": "ledger_journalentry",
    "postings": "ledger_posting", "notices": "notices_notice",
}  # fmt: skip


def _rows(tenant_id):
    from django.db import connection

    from fiberledger.tenancy import tenant_scope

    with tenant_scope(tenant_id), connection.cursor() as cursor:
        found = {}
        for name, table in _ROWS.items():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", [tenant_id])
            found[name] = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM audit_entry WHERE action = 'invoice.issued' AND tenant_id = %s", [tenant_id]
        )
        found["audited"] = cursor.fetchone()[0]
        cursor.execute("SELECT sum(total), sum(tax) FROM billing_invoice WHERE tenant_id = %s", [tenant_id])
        return found | {"sum": cursor.fetchone()}


_FLOOR = [
    """CREATE TEMPORARY TABLE floor ON COMMIT DROP AS
       SELECT row_number() OVER (ORDER BY s.id) AS n, nextval('billing_invoice_id_seq') AS invoice_id,
              nextval('ledger_journalentry_id_seq') AS entry_id, s.id AS subscription_id, s.subscriber_id, s.started_on,
              (s.started_on + interval '1 month')::date AS until, p.name AS plan, p.price, p.installation_fee AS fee,
              round(p.price * t.percent / 100, 2) AS tax, round(p.installation_fee * t.percent / 100, 2) AS fee_tax,
              t.percent
         FROM subscriptions_subscription s JOIN catalog_plan p ON p.id = s.plan_id
         JOIN catalog_taxrate t ON t.id = p.tax_id WHERE s.tenant_id = %(t)s""",
    "ANALYZE floor",
    """INSERT INTO ledger_journalentry (id, tenant_id, cause, "on", at, memo, actor_name)
       SELECT entry_id, %(t)s, 'invoice:' || invoice_id, %(on)s, now(), '', 'floor' FROM floor ORDER BY n""",
    """INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
       SELECT %(t)s, f.entry_id, v.account, 'PKR', v.amount, %(on)s
         FROM floor f JOIN subscribers_subscriber s ON s.id = f.subscriber_id
         CROSS JOIN LATERAL (VALUES (s.receivable_id, f.price + f.fee + f.tax + f.fee_tax), (%(sales)s, -f.price),
                                    (%(fees)s, -f.fee), (%(tax)s, -f.tax - f.fee_tax)) AS v (account, amount)""",
    """INSERT INTO tenancy_counter (tenant_id, name, value) SELECT %(t)s, 'invoice', count(*) FROM floor""",
    """INSERT INTO billing_invoice (id, tenant_id, number, kind, subscriber_id, subscription_id, period_start, period_end,
           issued_on, due_on, currency, net, tax, total, previous_balance, status, issuer_id, entry_id, language,
           snapshot, note, created_at, created_by_name, void_reason)
       SELECT f.invoice_id, %(t)s, 'INV-' || lpad(f.n::text, greatest(6, length(f.n::text)), '0'), 'regular', f.subscriber_id, f.subscription_id,
              f.started_on, f.until, %(on)s, %(on)s + 10, 'PKR', f.price + f.fee, f.tax + f.fee_tax,
              f.price + f.fee + f.tax + f.fee_tax, 0, 'issued', %(issuer)s, f.entry_id, 'en',
              jsonb_build_object('plan', jsonb_build_object('name', f.plan, 'code', f.plan, 'speed', '', 'price', f.price),
                'buyer', jsonb_build_object('name', s.name, 'number', s.number, 'guardian', '', 'phone', s.phone,
                  'email', s.email, 'address', s.address, 'area', a.name, 'branch', b.name, 'reseller', '')),
              '', now(), 'floor', ''
         FROM floor f JOIN subscribers_subscriber s ON s.id = f.subscriber_id JOIN places_area a ON a.id = s.area_id
         JOIN places_branch b ON b.id = s.branch_id""",
    """INSERT INTO billing_invoiceline (tenant_id, invoice_id, position, kind, text, quantity, unit_price, net, tax_name,
           tax_percent, tax, total, period_start, period_end, why)
       SELECT %(t)s, f.invoice_id, v.position, v.kind, f.plan || ' · ' || f.started_on || ' – ' || f.until, 1, v.net,
              v.net, 'GST', f.percent, v.tax, v.net + v.tax, f.started_on, f.until,
              jsonb_build_array(jsonb_build_object('rule', 'plan_price', 'price', f.price, 'plan', f.plan),
                jsonb_build_object('rule', 'whole_period', 'days', f.until - f.started_on, 'from', f.started_on,
                  'until', f.until),
                jsonb_build_object('rule', 'tax_added', 'percent', f.percent, 'net', v.net, 'tax', v.tax,
                  'total', v.net + v.tax))
         FROM floor f CROSS JOIN LATERAL (VALUES (1, 'plan', f.price, f.tax), (2, 'installation', f.fee, f.fee_tax))
              AS v (position, kind, net, tax) ORDER BY f.n, v.position""",
    """INSERT INTO audit_entry (tenant_id, at, actor_kind, actor_name, on_behalf_of, action, target_type, target_id,
           target_label, after)
       SELECT %(t)s, now(), 'system', 'floor', '', 'invoice.issued', 'billing.invoice', i.id::text, i.number,
              jsonb_build_object('total', i.total, 'currency', i.currency, 'due_on', i.due_on)
         FROM floor f JOIN billing_invoice i ON i.id = f.invoice_id ORDER BY f.n""",
    """INSERT INTO notices_notice (tenant_id, subscriber_id, event, cause, values, state, text, via, sent_to, sent_by, why,
           created_at)
       SELECT %(t)s, i.subscriber_id, 'invoice.issued', 'invoice:' || i.id, jsonb_build_object('invoice_no', i.number,
              'amount', i.total::text, 'currency', i.currency, 'due_date', i.due_on, 'package_name', f.plan),
              'waiting', '', '', '', '', '', now()
         FROM floor f JOIN billing_invoice i ON i.id = f.invoice_id""",
    """UPDATE subscriptions_subscription s SET billed_until = f.until FROM floor f WHERE s.id = f.subscription_id""",
]


def _write_the_floor(tenant_id):
    from django.db import connection

    from fiberledger.billing import writing
    from fiberledger.ledger import services as ledger

    values = {"t": tenant_id, "on": AS_OF, "issuer": writing.issuer().pk}
    for role, name in (("sales", "sales"), ("fees", "fees"), ("tax_payable", "tax")):
        values[name] = ledger.account(role, "PKR").pk
    tell = bool(os.environ.get("BENCH_EXPLAIN"))
    with connection.cursor() as cursor:
        for statement in _FLOOR:
            began = time.perf_counter()
            cursor.execute(statement, values)
            if tell:
                print(f"{time.perf_counter() - began:6.2f}  {statement.split(chr(10))[0][:70]}", file=sys.stderr)
