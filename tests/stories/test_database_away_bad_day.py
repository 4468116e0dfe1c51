"""A PostgreSQL of the operator's own, over TCP and without a superuser: it serves, and it goes away and comes back."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.cast import OWNER, PASSWORD
from tests.house import House, Server, frozen, until

SOON = 12  # seconds within which a page must have said that the database is away; usually at once


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="fl-own-", dir="/tmp"))
    folder.chmod(0o711)
    (folder / "run").mkdir()
    own = Server(folder)
    own.create()
    yield own
    if own.processes:  # not so when a test failed while it was away
        own.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def house(server):
    folder = Path(tempfile.mkdtemp(prefix="fl-away-", dir="/tmp"))
    opened = House(folder, server, DATABASE_URL=server.url(sslmode="prefer", application_name="isp"))
    ready = opened.command("setup")
    assert ready.returncode == 0, ready.stderr
    opened.start()
    opened.script("-m", "tests.cast", "bright", "30")
    yield opened
    opened.end()
    shutil.rmtree(folder)


@pytest.fixture
def owner(house):
    return house.browser("bright").sign_in(OWNER.format("bright"), PASSWORD)


def says_it_is_away(answer) -> None:
    assert answer.status_code == 503 and "Traceback" not in answer.text
    assert int(answer.headers["Retry-After"]) <= 30 and int(answer.headers["Refresh"]) <= 30, "it tries again by itself"


def healed(owner) -> bool:
    return owner.get("/subscribers/").status_code == 200


def web_of(house) -> list[int]:
    """The web server and its processes: the same ones, when nothing was started again."""
    return sorted(pid for parent in house.children("web") for pid in (parent, *house.children_of(parent)))


def all_jobs_done(house) -> bool:
    return house.sql(
        "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' OR status = 'todo' AND scheduled_at IS NULL"
    ) == [(0,)]


def take_a_payment(house, owner) -> None:
    [(pk,)] = house.sql("SELECT id FROM subscribers_subscriber WHERE name = 'Asha'")
    key = owner.hidden(f"/payments/collect/{pk}/", "key")
    form = {"amount": "100", "method": "cash", "received_on": time.strftime("%Y-%m-%d"), "key": key, "again": "on"}
    assert owner.send_form(f"/payments/collect/{pk}/", form).status_code == 302


def test_whoever_may_create_roles_and_databases_is_enough(house, server, owner):
    assert house.sql("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'landlord'") == [
        (False, True, True)
    ]
    assert house.command("setup").returncode == 0, "twice is once"
    wrong = house.command("tenant", "list", DATABASE_URL=server.url(sslmode="verify-full"))
    assert wrong.returncode == 3 and wrong.stderr.count("\n") == 1 and "Traceback" not in wrong.stderr

    data = Path(__file__).parents[1] / "data"
    for kind, more in (("plans", []), ("subscribers", ["--create-missing", "areas"])):
        taken = house.command(
            "import", kind, str(data / f"{kind.replace('subscribers', 'customers')}.csv"), "--tenant", "bright", *more
        )
        assert taken.returncode == 0, taken.stderr
    page = owner.send_form("/billing/run/", {"as_of": time.strftime("%Y-%m-%d"), "back_bill": "served"})
    owner.send_form(f"{page.headers['Location']}start/")
    until(lambda: house.sql("SELECT state FROM jobs_run WHERE kind = 'billing'") == [("done",)])
    assert house.sql("SELECT count(*) > 1000 FROM billing_invoice WHERE kind = 'regular'") == [(True,)]
    take_a_payment(house, owner)
    for verb in ("ledger", "audit"):
        assert house.command(verb, "verify").returncode == 0

    kept = house.command("backup", str(house.folder / "kept.tar"))
    assert kept.returncode == 0, kept.stderr
    house.sql("ALTER ROLE landlord PASSWORD 'another'")  # as the operator may, once the set-up is done
    try:
        assert house.command("setup").returncode == 0
        assert json.loads(house.command("status", "--json").stdout)["database_up"]
        again = house.command("backup", str(house.folder / "again.tar"))
        assert again.returncode == 0, again.stderr
    finally:
        house.sql(f"ALTER ROLE landlord PASSWORD '{server.PASSWORD}'")


def test_it_is_stopped_pages_say_so_jobs_wait_and_all_heals(house, server, owner):
    urdu = house.browser("bright").sign_in(OWNER.format("bright"), PASSWORD)
    assert urdu.send_form("/account/preference/", {"language": "ur"}).status_code == 302
    somewhere_else = house.browser("bright").sign_in(OWNER.format("bright"), PASSWORD)
    stranger = house.browser("bright", **{"Accept-Language": "ur"})
    web, (worker,) = web_of(house), house.children("worker")
    with house.worker_held(worker):  # so that a job is left for later
        take_a_payment(house, owner)
        server.stop()
    began = time.monotonic()
    for browser in (urdu, somewhere_else, stranger):
        answer = browser.get("/subscribers/")
        says_it_is_away(answer)
        assert 'lang="ur" dir="rtl"' in answer.text and "not answering" not in answer.text
    english = house.browser("bright", **{"Accept-Language": "en"}).get("/login/")
    says_it_is_away(english)
    assert "The database is not answering" in english.text
    fragment = owner.get("/subscribers/?q=a", headers={"HX-Request": "true", "HX-Target": "rows"})
    says_it_is_away(fragment)
    says_it_is_away(owner.send_form("/payments/collect/1/", {"amount": "5"}))
    assert time.monotonic() - began < SOON
    assert owner.get("/static/screens/mark.svg").status_code == 200

    until(lambda: "waiting for the database" in house.log, told=lambda: house.log[-3000:])
    (waiting,) = house.children("worker")
    said = house.log.count("starting again")
    time_up = time.monotonic() + 4
    until(lambda: time.monotonic() > time_up)  # the outage goes on: nothing may crash meanwhile
    assert list(house.children("worker")) == [waiting] and house.log.count("starting again") == said <= 1
    assert web_of(house) == web
    assert "Traceback" not in house.log

    server.start()
    assert until(lambda: owner.get("/subscribers/").status_code == 200, 20)
    until(lambda: all_jobs_done(house), 60, lambda: house.log[-3000:])
    assert web_of(house) == web and list(house.children("worker")) == [waiting], "nothing had to be started again"
    owner.send_form("/account/preference/", {"language": "en"})


def test_it_is_frozen_and_nobody_waits_for_it(house, server, owner):
    web = web_of(house)
    take_a_payment(house, owner)
    with frozen(server.processes):
        for soon in (SOON, 2, 2):
            began = time.monotonic()
            says_it_is_away(owner.get("/subscribers/"))
            assert time.monotonic() - began < soon
        says_it_is_away(owner.get("/subscribers/?q=a", headers={"HX-Request": "true", "HX-Target": "rows"}))
        assert owner.get("/static/screens/mark.svg").status_code == 200
    until(lambda: owner.get("/subscribers/").status_code == 200, 20)
    until(lambda: all_jobs_done(house), 60, lambda: house.log[-3000:])
    assert web_of(house) == web
    for verb in ("ledger", "audit"):
        assert house.command(verb, "verify").returncode == 0
