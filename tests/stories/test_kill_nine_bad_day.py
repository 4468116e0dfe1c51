"""kill -9 of web, worker, database or all of it, while a billing run, an import and a payment are half done.

An installation of its own, real processes, killed at a moment that is known: a gate holds the counter rows that all
three need for their numbers, so each stands in the middle of its transaction, with an earlier part committed.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from uuid import uuid4

import httpx
import psycopg
import pytest

from fiberledger.operate import postgres
from tests.cast import OWNER, PASSWORD
from tests.house import House, until

FEW = 200
MANY = 5_100  # two chunks of a billing run, three parts of an import
AGAIN = 60  # seconds until work that was cut off must be done


class Gate:
    """Holds a tenant's counters: whoever wants a number waits here, in the middle of a transaction."""

    def __init__(self, house: House, tenant_id: int, *names: str) -> None:
        self.house, self.tenant_id, self.names = house, tenant_id, names
        self.held: dict[str, psycopg.Connection] = {}

    def shut(self) -> None:
        for name in self.names:
            self.held[name] = self._take(name)

    def let_one_through(self, name: str) -> None:
        """Whoever waits there now, and nobody behind it."""
        before, told = self.held[name], []
        queue = threading.Thread(target=lambda: told.append(self._take(name)))
        waiting = self.waiting()
        queue.start()
        until(lambda: self.waiting() > waiting)
        before.close()
        queue.join()
        self.held[name] = told[0]

    def open(self) -> None:
        for held in self.held.values():
            held.close()

    def waiting(self) -> int:
        return self.house.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")[0][0]

    def _take(self, name: str) -> psycopg.Connection:
        opened = self.house.connect()
        opened.autocommit = False
        opened.execute(
            "SELECT FROM tenancy_counter WHERE tenant_id = %s AND name = %s FOR UPDATE", [self.tenant_id, name]
        )
        return opened


class Shop:
    """A tenant in the house, its owner at a browser, and what the database says of it."""

    def __init__(self, house: House, lines: int) -> None:
        self.house, self.slug = house, f"bright-{uuid4().hex[:8]}"
        house.script("-m", "tests.cast", self.slug, str(lines))
        self.tenant_id = house.sql("SELECT id FROM tenancy_tenant WHERE slug = %s", self.slug)[0][0]
        self.browser = house.browser(self.slug).sign_in(OWNER.format(self.slug), PASSWORD)
        self.lines = lines

    def ask(self, question: str, *values) -> list[tuple]:
        return self.house.sql(question.replace("MINE", f"tenant_id = {self.tenant_id}"), *values)

    def one(self, question: str, *values):
        return self.ask(question, *values)[0][0]

    def start_billing(self) -> None:
        page = self.browser.send_form("/billing/run/", {"as_of": date.today().isoformat(), "back_bill": "served"})
        assert page.status_code == 302, page.text
        assert self.browser.send_form(f"{page.headers['Location']}start/").status_code == 302

    def start_import(self, count: int) -> None:
        rows = "".join(f"New {n},0302{n:07d},Model Town,House {n},lead\n" for n in range(count))
        page = self.browser.send_form(
            "/imports/new/",
            {"kind": "subscribers"},
            files={"file": ("list.csv", f"Name,Mobile,Area,Address,Status\n{rows}")},
        )
        assert page.status_code == 302, page.text
        chosen = {"name": "Name", "phone": "Mobile", "area": "Area", "address": "Address", "status": "Status"}
        form = {f"field_{ours}": theirs for ours, theirs in chosen.items()}
        answer = self.browser.send_form(
            page.headers["Location"], {**form, "create_areas": "on", "ask_bill_from": "this"}
        )
        assert answer.status_code == 302, answer.text
        until(lambda: self.one("SELECT state FROM imports_importrun WHERE MINE") == "checked")
        assert self.browser.send_form(f"{answer.headers['Location']}take/").status_code == 302

    def payment(self, subscriber_id: int) -> dict[str, str]:
        """The form as somebody has it before them, filled in."""
        key = self.browser.hidden(f"/payments/collect/{subscriber_id}/", "key")
        return {"amount": "1000", "method": "cash", "received_on": date.today().isoformat(), "key": key}

    def pay(self, subscriber_id: int, form: dict[str, str]) -> bool | None:
        """Whether the browser was told that it is recorded; None when nobody can tell."""
        try:
            answer = self.browser.send_form(f"/payments/collect/{subscriber_id}/", form)
        except httpx.HTTPError:
            return None
        if answer.status_code == 302:
            assert answer.headers["Location"].endswith("/receipt/")
            return True
        assert answer.status_code == 503, f"{answer.status_code}: {answer.text[:2000]}"
        return None

    def prove(self) -> None:
        """The books balance, the trail is whole, no number is missing or there twice."""
        for verb in (("ledger", "verify"), ("audit", "verify")):
            done = self.house.command(*verb, "--tenant", self.slug)
            assert done.returncode == 0, done.stdout + done.stderr
        for table, prefix, digits in (("billing_invoice", "INV-", 6), ("payments_payment", "R-", 6)):
            numbers = [number for (number,) in self.ask(f"SELECT number FROM {table} WHERE MINE ORDER BY number")]
            assert numbers == [f"{prefix}{n:0{digits}d}" for n in range(1, len(numbers) + 1)], table


@pytest.mark.parametrize(
    ("what", "size"),
    [("worker", FEW), ("web", FEW), ("database", FEW), ("everything", MANY)],
    ids=lambda told: str(told),
)
def test_killed_in_the_middle_all_of_it_is_done_once(house, what, size):
    shop = Shop(house, lines=size)
    asha = shop.one(
        "SELECT id FROM subscribers_subscriber WHERE MINE AND name = 'Asha'"
    )  # no line: billing lets her be
    form = shop.payment(asha)
    gate = Gate(house, shop.tenant_id, "invoice", "subscriber", "receipt")
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(gate.open)
        gate.shut()
        shop.start_import(size)
        shop.start_billing()
        paying = pool.submit(shop.pay, asha, form)
        until(lambda: gate.waiting() == 3, told=lambda: house.log[-3000:])
        if size == MANY:
            for name in ("invoice", "subscriber"):
                gate.let_one_through(name)
            until(lambda: gate.waiting() == 3)
        reached = shop.one("SELECT reached FROM billing_billingrun WHERE MINE")
        checkpoint = shop.one("SELECT checkpoint FROM imports_importrun WHERE MINE")
        assert bool(reached) == bool(checkpoint) == (size == MANY), "of many, a part of each is committed"

        house.kill(what)
        began = time.monotonic()
        if what == "everything":
            house.start()
    told = paying.result()
    assert told or what != "worker", "the web never noticed"

    def is_done():
        return house.database_answers() and (
            shop.one("SELECT state FROM jobs_run WHERE MINE AND kind = 'billing'"),
            shop.one("SELECT state FROM imports_importrun WHERE MINE"),
        ) == ("done", "taken")

    until(is_done, AGAIN, lambda: house.log[-5000:])
    print(f"{what}: done {time.monotonic() - began:.1f} s after the kill")
    until(house.serves)
    for _ in range(2):
        assert shop.pay(asha, form) is True
    assert shop.one("SELECT count(*) FROM payments_payment WHERE MINE AND key = %s", form["key"]) == 1
    periods = "count(*), count(DISTINCT (subscription_id, period_start)), count(DISTINCT subscription_id)"
    expected = shop.one("SELECT preview FROM billing_billingrun WHERE MINE")["invoices"]
    assert shop.ask(f"SELECT {periods} FROM billing_invoice WHERE MINE AND kind = 'regular'") == [
        (expected, expected, size)
    ]
    assert shop.one("SELECT count(*) FROM subscribers_subscriber WHERE MINE AND name LIKE 'New %%'") == size
    assert shop.one("SELECT taken FROM imports_importrun WHERE MINE") == size
    shop.prove()


def test_the_database_is_killed_under_cashiers_and_every_confirmed_payment_is_there_once(house):
    shop = Shop(house, lines=60)
    people = [pk for (pk,) in shop.ask("SELECT id FROM subscribers_subscriber WHERE MINE ORDER BY id LIMIT 40")]
    forms = {pk: shop.payment(pk) for pk in people}
    told: dict[int, bool | None] = {}
    before = postgres.Cluster(house.folder).pid()

    def cashier(mine: list[int]) -> None:
        for pk in mine:
            told[pk] = shop.pay(pk, forms[pk])

    with ThreadPoolExecutor(4) as pool:
        cashiers = [pool.submit(cashier, people[n::4]) for n in range(4)]
        until(lambda: sum(map(bool, list(told.values()))) >= 8)
        house.kill("database")
        for each in cashiers:
            each.result()
    assert None in told.values(), "the kill came too late to be felt"
    until(house.database_answers, 20)  # by itself
    assert postgres.Cluster(house.folder).pid() != before
    there = dict(
        shop.ask("SELECT subscriber_id, count(*) FROM payments_payment WHERE MINE AND amount = 1000 GROUP BY 1")
    )
    assert {pk for pk, sure in told.items() if sure} <= set(there)
    for pk in people:
        assert shop.pay(pk, forms[pk]) is True, "the form in hand still works"
    rows = shop.ask("SELECT key::text, count(*) FROM payments_payment WHERE MINE AND amount = 1000 GROUP BY 1")
    assert sorted(rows) == sorted((form["key"], 1) for form in forms.values())
    shop.prove()
    assert json.loads(house.command("status", "--json").stdout)["database_up"]
