"""Ten thousand rows in every list: each opens at its first page and deep inside, sorted, filtered and searched, asks no
more often than with seven rows, draws one page of them, and reads no more of the table than it must."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import UniqueConstraint
from django.test.utils import CaptureQueriesContext

from fiberledger.screens import filters, keyset
from fiberledger.screens.screen import Screen
from fiberledger.subscribers.models import Subscriber

from .addresses import addresses
from .crowd import COUNT, Crowd
from .makers import KEPT_IN
from .rows import Rows
from .test_query_counts import LISTS, RECORD

# What PostgreSQL reads depends on who else is in its tables: `make test` runs these first, in a database of their own.
pytestmark = pytest.mark.alone

KNOWN = json.loads(Path(RECORD).read_text())
LARGEST, LARGEST_ZIPPED = 60_000, 15_000
LARGER = {"/reports/dues/": 200_000}  # a report is read whole, as far as three hundred lines
# A list with a next page also counts, and a chip looks up the names of what is chosen.
MORE_QUERIES = 3


@pytest.fixture(scope="module")
def crowd():
    from fiberledger.tenancy.services import create_tenant
    from tests.stage import Isp

    isp = Isp(create_tenant(f"crowded-{uuid4().hex[:8]}", name="Bright ISP", country="PK"))
    with Crowd(Rows(isp)) as crowd:
        yield crowd


class Look:
    """One look at a page: what came, and what was asked for it."""

    def __init__(self, crowd: Crowd, url: str, headers: dict[str, str] | None = None) -> None:
        client = crowd.rows.isp.client("owner")
        self.url = url
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(url, headers=headers)
        self.status, self.type = answer.status_code, answer.get("Content-Type", "")
        self.body = b"" if answer.streaming else answer.content
        self.queries = [query["sql"] for query in queries.captured_queries]
        self.crowd = crowd

    @property
    def faults(self) -> list[str]:
        zipped = len(gzip.compress(self.body))
        if self.status != 200:
            return [f"{self.url}: {self.status}"]
        if len(self.body) > LARGER.get(self.url, LARGEST) or zipped > LARGEST_ZIPPED:
            return [f"{self.url}: {len(self.body):,} bytes, {zipped:,} zipped"]
        return []

    def rows_drawn(self) -> int:
        return len(re.findall(rb"<tr data-pk=", self.body))

    def examined(self, table: str) -> list[tuple[int, str]]:
        """How many rows of the table each query read, most first."""
        found = []
        with self.crowd.rows.isp.scope(), connection.cursor() as cursor:
            for query in self.queries:
                if query.lstrip().startswith("SELECT") and f'"{table}"' in query:
                    cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query.replace('%', '%%')}", [])
                    plan = cursor.fetchone()[0]
                    plan = json.loads(plan) if isinstance(plan, str) else plan
                    found.append((_examined(plan[0]["Plan"], KEPT_IN.get(table, table)), query))
        return sorted(found, reverse=True)


def _examined(node: dict, table: str) -> int:
    own = 0
    if str(node.get("Relation Name", "")).startswith(table):
        removed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
        own = int((node["Actual Rows"] + removed) * node["Actual Loops"])
    return own + sum(_examined(part, table) for part in node.get("Plans", []))


def _has_index(screen: Screen, order: keyset.Order) -> bool:
    """Whether an index of (tenant, the column, id), or of (tenant, the column) that is unique, serves this order."""
    if order.lookup in ("pk", "id"):
        return True
    meta = screen.model._meta
    uniques = [c.fields for c in meta.constraints if isinstance(c, UniqueConstraint) and c.condition is None]
    indexes = [[name.lstrip("-") for name in index.fields] for index in meta.indexes]
    return ("tenant", order.lookup) in map(tuple, uniques) or ["tenant", order.lookup, "id"] in [e[:3] for e in indexes]


def _sorts(screen: Screen) -> list[str]:
    found = {column.sort for column in screen.bound_columns if column.sort} | {screen.default_order.lookup}
    return [f"{sign}{lookup}" for lookup in sorted(found) for sign in ("", "-")]


def _narrowed(crowd: Crowd, screen: Screen) -> list[str]:
    """Each filter chip with something chosen, and two searches: one that finds all, one that finds one."""
    found = []
    for spec in screen.bound_filters:
        value = {"date": "this-month", "number": "1..", "flag": "yes", "test": "1"}.get(spec.kind)
        if spec.kind == "key":
            value = str(crowd.rows.one(spec.field.related_model).pk)
        elif value is None:
            with crowd.rows.isp.scope():
                options = filters.options_of(spec, None) if not filters.is_lazy(spec) else []
            value = options[0][0] if options else "1"
        found.append(urlencode({spec.name: value}))
    if screen.search:
        found += [urlencode({"q": text}) for text in (crowd.rows.marker[:6], str(crowd.rows.one(screen.model))[:40])]
    return found


@pytest.mark.parametrize(("key", "screen"), [pytest.param(key, screen, id=key) for key, screen in LISTS])
def test_a_list_of_ten_thousand(key, screen, crowd):
    table, page = screen.model._meta.db_table, screen.page_size
    wrong = []

    def look(query: str) -> Look:
        seen = Look(crowd, f"{screen.url('list')}?{query}")
        wrong.extend(seen.faults)
        if seen.rows_drawn() > page:
            wrong.append(f"{seen.url}: {seen.rows_drawn()} rows")
        if len(seen.queries) > KNOWN[key] + MORE_QUERIES:
            wrong.append(f"{seen.url}: asks {len(seen.queries)} times, {KNOWN[key]} are known")
        for rows, query_text in seen.examined(table)[:1]:
            if rows > 3 * COUNT:
                wrong.append(f"{seen.url}: reads {rows:,} rows: {query_text[:300]}")
        return seen

    look("")
    for sort in _sorts(screen):
        order = keyset.order_by(screen.model, sort)
        with crowd.rows.isp.scope():
            direction = "-" if order.descending else ""
            deep = screen.model._default_manager.order_by(f"{direction}{order.lookup}", f"{direction}pk")
            cursor = keyset._write(order, deep[9_000]) if deep.count() > 9_000 else ""
        for where in ({}, {"after": cursor}):
            seen = look(urlencode({"sort": sort, **where}))
            if _has_index(screen, order):
                for rows, query in seen.examined(table):
                    if "COUNT(" not in query and rows > 4 * page:
                        wrong.append(f"{seen.url}: an index is there, and {rows:,} rows are read: {query[:600]}")
    for query in _narrowed(crowd, screen):
        look(query)
    assert wrong == [], "\n".join(wrong)


def test_the_net_sees_a_list_without_an_end_and_an_index_that_is_gone(crowd, monkeypatch):
    """Else the tests above would prove nothing."""
    screen = dict(LISTS)["payments:payment"]
    monkeypatch.setitem(screen.__dict__, "page_size", 2_000)
    assert Look(crowd, screen.url("list")).faults
    with connection.cursor() as cursor:
        cursor.execute("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off")
        try:
            seen = Look(crowd, screen.url("list")).examined(screen.model._meta.db_table)
        finally:
            cursor.execute("RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan")
    assert max(rows for rows, query in seen if "COUNT(" not in query) >= COUNT


_SEVERAL = 40


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(address, id=address.name)
        for address in addresses()
        if address.guard.kind == "staff" and len(address.arguments) <= 1 and address.room != "control"
    ],
)
def test_no_page_grows_with_the_rows(address, crowd):
    """Records with all their tabs, forms, the desk, the palette, previews: whatever there is ten thousand of.

    A form draws none of the areas, branches, plans or tags it offers but the chosen ones, and finds the others.
    """
    subscriber = crowd.rows.one(Subscriber)
    rows = [row for model, row in crowd.rows.made.items() if model._meta.app_label == address.room]
    if address.room in ("subscriptions", "payments"):
        rows.append(subscriber)  # whose pages begin with the person
    numbers = sorted({row.pk for row in rows if isinstance(row.pk, int)}) if address.needs_a_row else [1]
    wrong = []
    for pk in numbers:
        url = address.path(**{name: pk for name, kind in address.arguments if kind == "int"})
        if address.name == "billing:invoice-new":
            url += f"?subscriber={subscriber.pk}"
        for each in [url, *_tabs_of(crowd, url)]:
            seen = Look(crowd, each)
            if seen.status == 200 and "html" in seen.type:
                wrong += seen.faults + _choosers_of(seen)
                if len(seen.queries) > _SEVERAL:
                    wrong.append(f"{each}: asks {len(seen.queries)} times")
            elif seen.status >= 500:
                wrong.append(f"{each}: {seen.status}")
    assert wrong == [], "\n".join(wrong)


def _choosers_of(page: Look) -> list[str]:
    """What is wrong with the answers of the fields of a form that are searched."""
    wrong = []
    for name in re.findall(r'data-chooser="([\w-]+)"', page.body.decode()):
        asked = urlencode({"choose": name, "of": page.crowd.rows.marker[:6]})
        url = f"{page.url}{'&' if '?' in page.url else '?'}{asked}"
        seen = Look(page.crowd, url, {"HX-Request": "true"})
        wrong += seen.faults
        if seen.body.count(b"value=") != filters.MOST_OPTIONS or b"More exist" not in seen.body:
            wrong.append(f"{url}: {seen.body.count(b'value=')} options")
        if len(seen.queries) > _SEVERAL:
            wrong.append(f"{url}: asks {len(seen.queries)} times")
    return wrong


def _tabs_of(crowd: Crowd, url: str) -> list[str]:
    seen = Look(crowd, url)
    codes = re.findall(rb'data-code="([\w-]+)"', seen.body) if b"data-tabs" in seen.body else []
    return [f"{url}?tab={code.decode()}" for code in codes]
