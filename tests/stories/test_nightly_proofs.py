"""The night proves the books and the log; what does not fit is the first thing the owner sees in the morning."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest
from django.db import connections, transaction

from fiberledger import audit, jobs, ledger
from fiberledger.audit import sealing
from fiberledger.audit.models import Entry, Proof


@contextmanager
def as_a_thief(isp, *tables):
    """The database's owner with every lock picked."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(isp.tenant.pk)])
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def night(isp):
    with isp.scope():
        jobs.enqueue("ledger.prove")
        jobs.enqueue("audit.prove")
    isp.run()


def found(isp):
    with isp.scope():
        return {proof.what: (proof.on.isoformat(), proof.count) for proof in Proof.objects.all()}


def test_a_good_night_says_nothing(isp, clock):
    clock.move_to("2026-11-02")
    isp.sell("Home 20", to="Asha", on="2026-11-02")
    isp.bill("2026-11-02")
    isp.pay("Asha", "700")
    clock.move_to("2026-11-03T20:30:00+00:00")  # half past one in Karachi
    night(isp)
    assert found(isp) == {}
    clock.move_to("2026-11-03T21:30:00+00:00")
    night(isp)
    assert found(isp) == {"books": ("2026-11-04", 0), "log": ("2026-11-04", 0)}
    owner = isp.client("owner")
    assert "do not add up" not in owner.get("/").content.decode()
    page = owner.get("/team/proofs/").content.decode()
    assert "The books" in page and "The audit log" in page
    assert isp.client("cashier").get("/team/proofs/").status_code == 403


def test_a_kept_figure_that_is_off_is_found_shown_mended_and_proven_again(isp, clock, caplog):
    clock.move_to("2026-11-02")
    isp.sell("Home 20", to="Asha", on="2026-11-02")
    isp.bill("2026-11-02")
    number = isp.subscriber("Asha").number
    with as_a_thief(isp, "ledger_ledgeraccount", "billing_daytotal") as cursor:
        cursor.execute("UPDATE ledger_ledgeraccount SET balance = balance - 200 WHERE is_party")
        cursor.execute("UPDATE billing_daytotal SET total = total + 1")
    clock.move_to("2026-11-03T22:00:00+00:00")
    with caplog.at_level(logging.CRITICAL):
        night(isp)
        night(isp)
    loud = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(loud) == 1, "once a night"
    assert found(isp)["books"] == ("2026-11-04", 2) and found(isp)["log"][1] == 0
    with isp.scope():
        assert Entry.objects.filter(action="proof.failed").count() == 1
        proof = Proof.objects.get(what="books")
    owner = isp.client("owner")
    assert "The books do not add up" in owner.get("/").content.decode()
    page = owner.get(f"/team/proofs/{proof.pk}/").content.decode()
    assert number in page and "-200" in page and "2026-11-02 PKR (1)" in page
    with as_a_thief(isp, "ledger_ledgeraccount", "billing_daytotal") as cursor:
        cursor.execute("UPDATE ledger_ledgeraccount SET balance = balance + 200 WHERE is_party")
        cursor.execute("UPDATE billing_daytotal SET total = total - 1")
    assert owner.post(f"/team/proofs/{proof.pk}/again/").status_code == 302
    isp.run()
    assert found(isp)["books"] == ("2026-11-04", 0)
    assert "do not add up" not in owner.get("/").content.decode()


def test_an_altered_log_is_on_the_owners_desk_in_the_morning(isp, clock):
    clock.move_to("2026-11-02")
    with isp.scope():
        audit.note(isp.system(), "plan.changed", after={"price": 5})
    sealing.seal(isp.tenant.pk)
    with as_a_thief(isp, "audit_entry") as cursor:
        cursor.execute("UPDATE audit_entry SET actor_name = 'nobody' WHERE action = 'plan.changed'")
    clock.move_to("2026-11-02T21:30:00+00:00")
    night(isp)
    assert found(isp)["log"][1] == 1
    assert "The audit log was tampered with" in isp.client("owner").get("/").content.decode()


@pytest.mark.parametrize(
    ("table", "tamper", "mend", "kind"),
    [
        ("billing_invoice", "status = 'paid'", "status = 'part_paid'", "invoice stands otherwise than settled"),
        ("billing_invoice", "net = 1300, total = 1300", "net = 1200, total = 1200", "invoice differs from its entry"),
        ("payments_payment", "amount = 600", "amount = 700", "payment differs from its entry"),
    ],
)
def test_what_each_room_keeps_is_proven(isp, clock, table, tamper, mend, kind):
    clock.move_to("2026-11-02")
    isp.sell("Home 20", to="Asha", on="2026-11-02")
    isp.bill("2026-11-02")
    isp.pay("Asha", "700")
    with as_a_thief(isp, table) as cursor:
        cursor.execute(f"UPDATE {table} SET {tamper}")
    with isp.scope():
        assert kind in {fault.kind for fault in ledger.verify()}
    with as_a_thief(isp, table) as cursor:
        cursor.execute(f"UPDATE {table} SET {mend}")
