"""The list of subscribers of a tenant of a million, beside 199 others: whole responses, and their SQL against bare SQL.

The database is one that has been up for a while: every file of it was read once before the first case, and its pages come
from memory, for both sides. Each case asks with ever new values. `p95_ms` is the whole response through the middleware to the finished page;
`sql_ms` the median of what the page's own rows cost in PostgreSQL, `bare_ms` the same rows by the plain indexed query,
asked by a role that row-level security does not bind; `sql_ratio` is the one over the other. `all_sql_ms` is everything
the request asks, with session, count and choices. Each side draws values of its own, so that neither finds what the
other has just read. `cpu_ms` is the mean of what both processes worked, which is what remains of the time where nothing else runs.
"""

import random
import statistics
import sys
import time
from urllib.parse import quote, urlencode

NAME = "subscriber-list"
SIZE = 1_000_000
OTHERS = 199
ASKED = 40
PASSWORD = "correct horse battery"

FIRST = [
    "Ahmed",
    "Ali",
    "Hassan",
    "Hussain",
    "Bilal",
    "Usman",
    "Hamza",
    "Omar",
    "Zain",
    "Fahad",
    "Junaid",
    "Noman",
    "Kashif",
    "Imran",
    "Adeel",
    "Waqas",
    "Shahid",
    "Yasir",
    "Tariq",
    "Khalid",
    "Ayesha",
    "Fatima",
    "Zainab",
    "Sana",
    "Iqra",
    "Mehwish",
    "Rabia",
    "Nadia",
    "Saima",
    "Hina",
    "Asha",
    "Ravi",
    "Farhan",
    "Asif",
    "Salman",
    "Danish",
    "زینب",
    "عمران",
    "فاطمہ",
    "احمد",
]
LAST = [
    "Khan",
    "Malik",
    "Butt",
    "Sheikh",
    "Qureshi",
    "Awan",
    "Mughal",
    "Mirza",
    "Baig",
    "Raja",
    "Rana",
    "Shah",
    "Dar",
    "Gill",
    "Niazi",
    "Abbasi",
    "Siddiqui",
    "Chaudhry",
    "Ansari",
    "Bhatti",
    "Cheema",
    "Gondal",
    "Warraich",
    "Tarar",
    "Rizvi",
    "Zaidi",
    "Naqvi",
    "Kazmi",
    "Gilani",
    "Durrani",
    "Yousafzai",
    "Afridi",
    "Khattak",
    "Lodhi",
    "Memon",
    "Soomro",
    "قریشی",
    "بٹ",
    "خان",
    "شاہ",
]


def run(size):
    import django

    django.setup()
    size = size or SIZE
    tenant, email = _world(size)
    yield from _measure(tenant, email, size)


# --- The world ------------------------------------------------------------------------------------------------------


def _world(size):
    """The big tenant and its neighbours; filled once, found again when BENCH_DIR keeps the database."""
    from fiberledger.tenancy.models import Tenant

    slug, email = f"big-{size}", "owner@big.example"
    if (tenant := Tenant.objects.filter(slug=slug).first()) is None:
        began = time.monotonic()
        tenant = _tenant(slug, size, email)
        for n in range(OTHERS):
            _tenant(f"other-{size}-{n}", max(size // 1000, 1), None)
        _settle()
        print(f"filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return tenant, email


def _tenant(slug, size, email):
    from django.db import connection

    from fiberledger.identity.services import add_member
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant

    tenant = create_tenant(slug, name=slug.title(), country="PK")
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        if email:
            add_member(email, name="Owner", role="owner", password=PASSWORD)
        _places_and_plans(cursor, tenant.pk, areas=min(200, max(size // 50, 2)))
    step = 100_000
    for low in range(1, size + 1, step):
        with tenant_scope(tenant.pk), connection.cursor() as cursor:
            _people(cursor, tenant.pk, low, min(low + step - 1, size))
        if size > step:
            print(f"  {min(low + step - 1, size):,} subscribers", file=sys.stderr, flush=True)
    return tenant


def _places_and_plans(cursor, tenant, areas):
    cursor.execute(
        """INSERT INTO places_branch (tenant_id, name, code, manager_name, phone, email, address, is_active)
           SELECT %s, 'Branch ' || n, 'B' || n, '', '', '', '', true FROM generate_series(1, 5) n""", [tenant],
    )  # fmt: skip
    cursor.execute(
        """INSERT INTO places_area (tenant_id, level, name, branch_id, reseller_name, route_notes, is_active, path, path_names)
           SELECT %s, 'city', 'City ' || row_number() OVER (), b.id, '', '', true, '', '' FROM places_branch b
            WHERE b.tenant_id = %s""", [tenant, tenant],
    )  # fmt: skip
    cursor.execute(
        """INSERT INTO places_area
             (tenant_id, parent_id, level, name, reseller_name, route_notes, is_active, path, path_names)
           SELECT %(t)s, c.id, 'area', 'Area ' || n, '', '', true, '', '' FROM generate_series(1, %(n)s) n
             JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM places_area WHERE tenant_id = %(t)s) c
               ON c.k = n %% 5""", {"t": tenant, "n": areas},
    )  # fmt: skip
    from decimal import Decimal

    from fiberledger.catalog.models import Plan

    for n in range(12):
        Plan.objects.create(
            name=f"Home {n + 1}0M", code=f"H{n + 1}0", price=Decimal(1000 + 500 * n), currency="PKR",
            download_kbps=10_000 * (n + 1), upload_kbps=10_000 * (n + 1),
        )  # fmt: skip


def _people(cursor, tenant, low, high):
    """Names as common as they are, phones spread over the whole range, one in eight overdue, one in twelve cut."""
    values = {"t": tenant, "low": low, "high": high, "first": FIRST, "last": LAST}
    cursor.execute(
        """WITH account AS (
             INSERT INTO ledger_ledgeraccount (tenant_id, code, name, kind, role, currency, is_party, balance)
             SELECT %(t)s, '1200-C-' || lpad(n::text, 7, '0'), 'Subscriber ' || n, 'asset', 'receivable', 'PKR', true,
                    CASE WHEN n %% 7 = 0 THEN 2200 ELSE 0 END
               FROM generate_series(%(low)s, %(high)s) n
             RETURNING id, right(code, 7)::int AS n),
           area AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k, count(*) OVER () AS of
                      FROM places_area WHERE tenant_id = %(t)s AND level = 'area'),
           branch AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM places_branch WHERE tenant_id = %(t)s),
           person AS (
             INSERT INTO subscribers_subscriber
               (tenant_id, number, name, guardian, national_id, phone, phone2, whatsapp, email, branch_id, area_id, address,
                street_house, installed_on, status, is_vip, reseller_name, receivable_id, language, kyc, kyc_by,
                blacklist_reason, created_at, name_key, extra_search)
             SELECT %(t)s, 'C-' || lpad(a.n::text, 7, '0'),
                    (%(first)s::text[])[1 + (hashint4(a.n) & 1073741823) %% cardinality(%(first)s::text[])] || ' ' ||
                    (%(last)s::text[])[1 + (hashint4(a.n + 7) & 1073741823) %% cardinality(%(last)s::text[])],
                    '', lpad(((a.n::bigint * 7919000017) %% 10000000000000)::text, 13, '3'),
                    '+923' || lpad(((a.n::bigint * 618033989) %% 1000000000)::text, 9, '0'), '', '', '',
                    branch.id, area.id, 'House ' || a.n, '', date '2022-01-01' + a.n %% 1500,
                    CASE WHEN a.n %% 12 = 0 THEN 'suspended' WHEN a.n %% 8 = 0 THEN 'overdue'
                         WHEN a.n %% 50 = 1 THEN 'terminated' WHEN a.n %% 1000 = 3 THEN 'disputed' ELSE 'active' END,
                    a.n %% 200 = 0, CASE WHEN a.n %% 10 = 0 THEN 'Reseller ' || a.n %% 40 ELSE '' END, a.id, '', 'none', '', '',
                    timestamptz '2022-01-01' + a.n * interval '90 seconds', '', 'user' || a.n || '@net'
               FROM account a JOIN area ON area.k = (a.n / 3) %% area.of JOIN branch ON branch.k = area.k %% 5
              ORDER BY a.n
             RETURNING id, right(number, 7)::int AS n, status)
           INSERT INTO subscriptions_subscription
             (tenant_id, subscriber_id, plan_id, status, label, billing, cycle, anchor_day, first_period, currency,
              started_on, free_days, created_at)
           SELECT %(t)s, p.id, plan.id, p.status, '', 'prepaid', 'anniversary', 1 + p.n %% 28, 'prorate', 'PKR',
                  date '2022-01-01' + p.n %% 1500, 0, now()
             FROM person p JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM catalog_plan WHERE tenant_id = %(t)s) plan
               ON plan.k = p.n %% 12""", values,
    )  # fmt: skip


def _settle():
    with _superuser() as opened:
        opened.execute("VACUUM ANALYZE")
        opened.execute("CHECKPOINT")


def _read_once():
    """Every page of the tables and indexes that the list reads, from the disk into the system's memory."""
    with _superuser() as opened:
        files = opened.execute(
            """SELECT pg_relation_filepath(c.oid), pg_relation_size(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 'i')
                  AND c.relnamespace = 'public'::regnamespace AND pg_relation_size(c.oid) BETWEEN 1 AND 1 << 30"""
        ).fetchall()
        for path, size in files:
            for start in range(0, size, 1 << 24):
                opened.execute("SELECT length(pg_read_binary_file(%s, %s, %s))", [path, start, 1 << 24])


def _superuser():
    import psycopg

    from fiberledger.operate import environment

    return psycopg.connect(**environment.superuser(), autocommit=True)


# --- Asking ---------------------------------------------------------------------------------------------------------

_ROW = "SELECT * FROM subscribers_subscriber WHERE tenant_id = %(t)s AND withdrawn_at IS NULL "


def _cases(tenant, dice):
    """name, a function that makes (url, bare query, its values)."""
    from fiberledger.places.models import Area, Branch
    from fiberledger.screens import keyset
    from fiberledger.subscribers.models import Subscriber, fold
    from fiberledger.tenancy import tenant_scope

    with tenant_scope(tenant.pk):
        areas = list(Area.objects.filter(level="area").values_list("pk", flat=True))
        cities = {
            city.pk: list(Area.objects.inside(city).values_list("pk", flat=True))
            for city in Area.objects.filter(level="city")
        }
        branches = list(Branch.objects.values_list("pk", flat=True))
        low, high = Subscriber.objects.order_by("pk").first().pk, Subscriber.objects.order_by("-pk").first().pk
        from fiberledger.catalog.models import Plan

        plans = list(Plan.objects.values_list("pk", flat=True))
        sample = list(
            Subscriber.objects.filter(pk__in=[dice.randint(low, high) for _ in range(600)]).only(
                "id", "phone", "name", "name_key", "number", "created_at"
            )
        )
    by_name = "ORDER BY name_key, id LIMIT 51"
    of = {"t": tenant.pk}

    def person():
        return dice.choice(sample)

    def url(**query):
        return "/subscribers/" + (f"?{urlencode(query)}" if query else "")

    def one_of(name, column, values, **more):
        value = dice.choice(values)
        return url(**{name: value, **more}), _ROW + f"AND {column} = %(v)s {by_name}", {**of, "v": value}

    def deep(order_text):
        who, order = person(), keyset.order_by(Subscriber, order_text)
        column, way, sign = order.lookup, "DESC" if order.descending else "ASC", "<" if order.descending else ">"
        query = {"after": keyset._write(order, who)} | ({"sort": order_text} if order_text != "name_key" else {})
        return (
            url(**query),
            _ROW + f"AND ({column}, id) {sign} (%(v)s, %(id)s) ORDER BY {column} {way}, id {way} LIMIT 51",
            {**of, "v": getattr(who, column), "id": who.pk},
        )

    def in_a_city():
        city = dice.choice(list(cities))
        return url(area=city), _ROW + f"AND area_id = ANY(%(v)s) {by_name}", {**of, "v": cities[city]}

    def on_a_plan():
        plan = dice.choice(plans)
        bare = (
            "SELECT b.* FROM subscribers_subscriber b WHERE b.tenant_id = %(t)s AND EXISTS (SELECT FROM subscriptions_subscription s"
            " WHERE s.tenant_id = b.tenant_id AND s.plan_id = %(v)s AND s.subscriber_id = b.id) ORDER BY b.name_key, b.id LIMIT 51"
        )
        return url(plan=plan), bare, {**of, "v": plan}

    def prefix():
        text = fold(person().name)[: dice.randint(2, 7)]
        bare = _ROW + f"AND name_key >= %(v)s AND name_key < %(v)s || U&'\\+10FFFF' {by_name}"
        return url(q=text), bare, {**of, "v": text}

    def digits(length):
        phone = person().phone[1:]
        at = dice.randint(2, len(phone) - length)
        return phone[at : at + length]

    def grams(text):
        if len(text) < 4:
            return f"'{tenant.pk}:d{text}':*"
        return " & ".join(f"'{tenant.pk}:d{text[at : at + 4]}'" for at in range(len(text) - 3))

    part_bare = (
        "SELECT b.* FROM subscribers_search e JOIN subscribers_subscriber b ON b.id = e.subscriber_id"
        " WHERE e.tokens @@ %(v)s::tsquery AND strpos(b.phone, %(p)s) > 0 ORDER BY b.name_key, b.id LIMIT 51"
    )

    def part(*lengths):
        text = digits(dice.choice(lengths))
        return url(q=text), part_bare, {"v": grams(text), "p": text}

    def palette():
        who = person()
        words = fold(who.name).split()
        text, bare = dice.choice(
            [
                (who.number, "w"), (digits(7), "d"), (f"0{who.phone[3:10]}", "0"), (words[-1][:4], "p"),
                (f"{words[-1]} {words[0][:3]}", "ww"), (fold(who.name)[:3], "n"),
            ]
        )  # fmt: skip
        if bare == "n":
            query = (
                _ROW + "AND name_key >= %(v)s AND name_key < %(v)s || U&'\\+10FFFF' ORDER BY name_key, id LIMIT 8",
                {**of, "v": text},
            )
        else:
            look = {
                "w": f"'{tenant.pk}:w{text.lower()}'",
                "d": grams(text),
                "0": grams(text[1:]),
                "p": f"'{tenant.pk}:w{text}':*",
                "ww": " & ".join(f"'{tenant.pk}:w{word}':*" for word in text.split()),
            }[bare]
            query = (
                "SELECT b.* FROM subscribers_search e JOIN subscribers_subscriber b ON b.id = e.subscriber_id"
                " WHERE e.tokens @@ %(v)s::tsquery LIMIT 8",
                {"v": look},
            )
        return f"/palette/?q={quote(text)}", *query

    return {
        "first page": lambda: (url(), _ROW + by_name, of),
        "filter by status": lambda: one_of(
            "status", "status", ["overdue", "suspended", "disputed", "active", "terminated"]
        ),
        "filter by area": lambda: one_of("area", "area_id", areas),
        "filter by city": in_a_city,
        "filter by branch": lambda: one_of("branch", "branch_id", branches),
        "filter by plan": on_a_plan,
        "filter by status and area": lambda: (
            lambda area: (
                url(status="overdue", area=area),
                _ROW + f"AND status = 'overdue' AND area_id = %(v)s {by_name}",
                {**of, "v": area},
            )
        )(dice.choice(areas)),
        "sort by newest": lambda: (url(sort="-created_at"), _ROW + "ORDER BY created_at DESC, id DESC LIMIT 51", of),
        "sort by number": lambda: (url(sort="number"), _ROW + "ORDER BY number, id LIMIT 51", of),
        "deep page": lambda: deep("name_key"),
        "deep page by newest": lambda: deep("-created_at"),
        "name prefix": prefix,
        "part of a phone": lambda: part(5, 6, 7, 8),
        "three or four digits": lambda: part(3, 4),
        "palette": palette,
    }


def _measure(tenant, email, size):
    from django.db import connection
    from django.test import Client

    client = Client(headers={"host": f"{tenant.slug}.localhost"})
    answer = client.post("/login/", {"email": email, "password": PASSWORD})
    if answer.status_code != 302:
        raise RuntimeError(f"the login answered {answer.status_code}")
    dice = random.Random(20)
    asked: list[tuple[str, float]] = []

    def listen(execute, sql, params, many, context):
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            asked.append((sql, time.perf_counter() - began))

    _read_once()
    bare_side = _superuser()
    for case, make in _cases(tenant, dice).items():
        for _ in range(3):  # plans, templates and the first pages of each index
            client.get(make()[0])
        whole, own, everything, bare = [], [], [], []
        cpu = 0.0
        for _ in range(ASKED):
            url, _query, _values = make()
            asked.clear()
            backend = _backend(connection)
            busy = time.process_time() + _busy(backend)
            with connection.execute_wrapper(listen):
                began = time.perf_counter()
                answer = client.get(url)
                body = answer.content
                whole.append(time.perf_counter() - began)
            cpu += time.process_time() + _busy(backend) - busy
            if answer.status_code != 200:
                raise RuntimeError(f"{url} answered {answer.status_code}: {body[:500]!r}")
            own.append(sum(seconds for sql, seconds in asked if _is_the_rows(sql)))
            everything.append(sum(seconds for _sql, seconds in asked))
            _url, query, values = make()
            began = time.perf_counter()
            bare_side.execute(query, values).fetchall()
            bare.append(time.perf_counter() - began)
        yield {
            "case": case,
            "size": size,
            "p95_ms": _ms(statistics.quantiles(whole, n=20)[-1]),
            "median_ms": _ms(statistics.median(whole)),
            "cpu_ms": _ms(cpu / ASKED),
            "sql_ms": _ms(statistics.median(own)),
            "bare_ms": _ms(statistics.median(bare)),
            "sql_ratio": round(statistics.median(own) / statistics.median(bare), 2),
            "all_sql_ms": _ms(statistics.median(everything)),
            "queries": len(asked),
        }


def _backend(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def _busy(pid):
    """Seconds of processor that PostgreSQL's side of our connection has used; 0 where it is another machine's."""
    import psutil

    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return used.user + used.system


def _is_the_rows(sql):
    return "subscriber_search(" in sql or ('FROM "subscribers_subscriber"' in sql and "COUNT(" not in sql)


def _ms(seconds):
    return round(seconds * 1000, 2)
