"""The audit log tells what happened, stays as it was written, and tells when it did not."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.test import override_settings

from fiberledger import audit
from fiberledger.audit import actions, sealing
from fiberledger.audit.commands import _verify
from fiberledger.audit.models import Entry, Head, Seal
from fiberledger.audit.tasks import seal_all
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Profile
from fiberledger.tenancy.services import create_tenant

ASHA = SimpleNamespace(kind="staff", user_id=7, name="Asha", ip="192.0.2.7", on_behalf_of="")


@pytest.fixture
def tenant():
    return create_tenant(f"audit-{uuid4().hex[:10]}", name="Bright ISP", country="PK")


@contextmanager
def owner(tenant):
    """The database's owner with every lock picked: what a thief with the master key could do."""
    tables = ("audit_entry", "audit_seal", "audit_head")
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant.pk)])
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def write(tenant, count=10):
    with tenant_scope(tenant.pk):
        audit.note_many(
            ASHA,
            "plan.changed",
            (("catalog.plan", i, f"Plan {i}", {"price": i}, {"price": i + 1}) for i in range(count)),
        )


def ids(tenant):
    with tenant_scope(tenant.pk):
        return list(Entry.objects.order_by("id").values_list("pk", flat=True))


def kinds(tenant):
    return {fault.kind for fault in sealing.verify(tenant.pk).faults}


def settle(tenant):
    """What a few minutes of sealing do: everything sealed so far is known to be all there will ever be."""
    sealing.seal(tenant.pk)
    with connections["control"].cursor() as cursor:
        cursor.execute(
            "UPDATE audit_head SET mark_at = mark_at - interval '1 minute' WHERE tenant_id = %s", [tenant.pk]
        )
    sealing.seal(tenant.pk)


def test_an_entry_tells_who_did_what_to_whom_from_where(tenant):
    with tenant_scope(tenant.pk):
        profile = Profile.objects.get()
        before = audit.snapshot(profile)
        profile.phone = "+92 300 1234567"
        audit.note(ASHA, "profile.changed", profile, before=before, after=audit.snapshot(profile), reason="moved")
        entry = audit.timeline("tenancy.profile", profile.pk)[0]
        assert (entry.actor_name, entry.actor_id, entry.ip) == ("Asha", 7, "192.0.2.7")
        assert entry.differences == [("phone", "", "+92 300 1234567")]
        assert entry.extra == {"reason": "moved"}
        assert entry.target_label == "Bright ISP"


def test_what_was_rolled_back_was_not_done(tenant):
    before = ids(tenant)
    with pytest.raises(RuntimeError), tenant_scope(tenant.pk):
        audit.note(ASHA, "plan.changed")
        raise RuntimeError
    assert ids(tenant) == before


def test_secrets_are_masked_and_a_zero_byte_is_survived(tenant):
    with tenant_scope(tenant.pk):
        audit.note(ASHA, "note.added", after={"text": "a\0b", "list": {3, 1}})
        assert Entry.objects.newest_first()[0].after == {"text": "ab", "list": [1, 3]}
    account = SimpleNamespace(
        _meta=SimpleNamespace(
            concrete_fields=[SimpleNamespace(name="password", attname="password", is_relation=False)]
        ),
        password="hunter2",
    )
    assert audit.snapshot(account) == {"password": "••••••"}


@pytest.mark.parametrize("alias", ["default", "control"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_name = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "UPDATE audit_seal SET count = 1",
        "DELETE FROM audit_seal",
    ],
)
def test_the_app_can_neither_change_nor_remove_what_was_written(tenant, alias, statement):
    write(tenant)
    sealing.seal(tenant.pk)
    with pytest.raises(DatabaseError), transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant.pk)])
        cursor.execute(statement)


def test_even_the_owner_is_refused_while_the_trigger_stands(tenant):
    write(tenant)
    with pytest.raises(DatabaseError), transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant.pk)])
        cursor.execute("UPDATE audit_entry SET actor_name = 'nobody'")


def test_the_app_cannot_write_seals_or_heads(tenant):
    sealing.seal(tenant.pk)
    for statement in (
        "INSERT INTO audit_seal SELECT * FROM audit_seal",
        "UPDATE audit_head SET seq = 9",
        "DELETE FROM audit_head",
    ):
        with pytest.raises(DatabaseError), tenant_scope(tenant.pk), connection.cursor() as cursor:
            cursor.execute(statement)


def test_an_untouched_chain_is_sound_and_grows(tenant):
    for _ in range(3):
        write(tenant, 5)
        sealing.seal(tenant.pk)
    verdict = sealing.verify(tenant.pk)
    assert verdict.is_sound and verdict.seals == 3 and verdict.waiting == 0 and verdict.entries == len(ids(tenant))
    assert sealing.seal(tenant.pk) == 0
    write(tenant, 2)
    verdict = sealing.verify(tenant.pk)
    assert verdict.is_sound and verdict.waiting == 2


def test_two_tenants_chains_are_their_own(tenant):
    other = create_tenant(f"audit-{uuid4().hex[:10]}", name="Zed Net", country="KE")
    write(tenant, 5)
    write(other, 5)
    sealing.seal(tenant.pk)
    sealing.seal(other.pk)
    with owner(other) as cursor:
        cursor.execute("UPDATE audit_entry SET actor_name = 'x' WHERE id = %s", [ids(other)[-1]])
    assert kinds(tenant) == set() and kinds(other) == {"altered"}


@pytest.mark.parametrize(
    "change",
    [
        "actor_name = 'Ravi'",
        "at = at + interval '1 microsecond'",
        "ip = NULL",
        "after = after || '{\"price\": 0}'",
        "target_id = '999'",
        "extra = '{}'",
        "on_behalf_of = 'me'",
    ],
)
def test_an_altered_entry_is_found(tenant, change):
    write(tenant)
    sealing.seal(tenant.pk)
    victim = ids(tenant)[4]
    with owner(tenant) as cursor:
        cursor.execute(f"UPDATE audit_entry SET {change} WHERE id = %s", [victim])
    faults = sealing.verify(tenant.pk).faults
    assert [(fault.kind, fault.entry) for fault in faults] == [("altered", victim)]


def test_a_removed_entry_is_found(tenant):
    write(tenant)
    sealing.seal(tenant.pk)
    victim = ids(tenant)[4]
    with owner(tenant) as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE id = %s", [victim])
    assert [(f.kind, f.entry) for f in sealing.verify(tenant.pk).faults] == [("removed", victim)]


def test_an_entry_slipped_in_later_is_found(tenant):
    write(tenant)
    settle(tenant)
    with owner(tenant) as cursor:
        cursor.execute(
            """INSERT INTO audit_entry (id, tenant_id, at, actor_kind, actor_name, on_behalf_of, action, target_type,
               target_id, target_label) VALUES (%s, %s, now(), 'staff', 'Ravi', '', 'plan.changed', '', '', '')""",
            [-tenant.pk, tenant.pk],
        )
    sealing.seal(tenant.pk)  # sealing does not launder it
    assert [(f.kind, f.entry) for f in sealing.verify(tenant.pk).faults] == [("added", -tenant.pk)]


def test_two_entries_that_changed_places_are_found(tenant):
    write(tenant)
    sealing.seal(tenant.pk)
    one, two = ids(tenant)[3:5]
    with owner(tenant) as cursor:
        cursor.execute("UPDATE audit_entry SET id = -1000000 - %s WHERE id = %s", [one, one])
        cursor.execute("UPDATE audit_entry SET id = %s WHERE id = %s", [one, two])
        cursor.execute("UPDATE audit_entry SET id = %s WHERE id = -1000000 - %s", [two, one])
    assert {(f.kind, f.entry) for f in sealing.verify(tenant.pk).faults} == {("altered", one), ("altered", two)}


def test_a_seal_that_was_recomputed_for_a_forged_entry_is_found(tenant):
    for _ in range(2):
        write(tenant, 3)
        sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE seq = 1")
    assert "chain" in kinds(tenant)


def test_seals_that_changed_places_are_found(tenant):
    for _ in range(3):
        write(tenant, 3)
        sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            cursor.execute("UPDATE audit_seal SET seq = %s WHERE seq = %s", [new, old])
    assert "chain" in kinds(tenant)


def test_a_tail_that_was_cut_off_is_found_and_not_grown_over(tenant):
    for _ in range(3):
        write(tenant, 3)
        sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        cursor.execute("SELECT first_id FROM audit_seal WHERE seq = 3")
        first = cursor.fetchone()[0]
        cursor.execute("DELETE FROM audit_seal WHERE seq = 3")
        cursor.execute("DELETE FROM audit_entry WHERE id >= %s", [first])
    assert kinds(tenant) == {"head"}
    write(tenant, 1)
    with pytest.raises(sealing.ChainBroken):
        sealing.seal(tenant.pk)


def test_a_tail_cut_off_with_its_head_set_back_is_found_by_the_signature(tenant):
    for _ in range(3):
        write(tenant, 3)
        sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE id >= (SELECT first_id FROM audit_seal WHERE seq = 3)")
        cursor.execute("DELETE FROM audit_seal WHERE seq = 3")
        cursor.execute(
            """UPDATE audit_head SET seq = 2, digest = s.digest, last_id = s.last_id
               FROM audit_seal s WHERE s.seq = 2 AND s.tenant_id = audit_head.tenant_id"""
        )
    assert kinds(tenant) == {"head"}
    with pytest.raises(sealing.ChainBroken):
        sealing.seal(tenant.pk)


def test_a_head_that_is_gone_is_found(tenant):
    write(tenant)
    sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        cursor.execute("DELETE FROM audit_head")
    assert kinds(tenant) == {"head"}
    with pytest.raises(sealing.ChainBroken):
        sealing.seal(tenant.pk)


def test_another_installations_signature_is_not_ours_and_a_retired_key_still_is(tenant):
    write(tenant)
    sealing.seal(tenant.pk)
    with override_settings(SECRET_KEY="other"):
        assert kinds(tenant) == {"head"}
    with override_settings(SECRET_KEY="other", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert kinds(tenant) == set()


def test_what_was_written_late_is_taken_in_by_the_next_seal(tenant):
    """A long transaction has its numbers before others that are sealed already; it is neither lost nor a fault."""
    slow = connections.create_connection("default")
    try:
        slow.set_autocommit(False)
        with slow.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant.pk)])
            cursor.execute(
                """INSERT INTO audit_entry (tenant_id, at, actor_kind, actor_name, on_behalf_of, action, target_type,
                   target_id, target_label) VALUES (%s, now(), 'staff', 'Slow', '', 'plan.changed', '', '', '')
                   RETURNING id""",
                [tenant.pk],
            )
            late = cursor.fetchone()[0]
        write(tenant, 3)
        settle(tenant)
        assert sealing.verify(tenant.pk).is_sound
        with tenant_scope(tenant.pk):
            assert Head.objects.get().settled_id < late
        slow.commit()
        assert sealing.verify(tenant.pk).waiting == 1
        assert sealing.seal(tenant.pk) == 1
        verdict = sealing.verify(tenant.pk)
        assert verdict.is_sound and verdict.waiting == 0
    finally:
        slow.close()


def test_the_minutes_job_seals_every_tenant_and_goes_past_a_broken_one(tenant):
    other = create_tenant(f"audit-{uuid4().hex[:10]}", name="Zed Net", country="KE")
    write(tenant)
    sealing.seal(tenant.pk)
    with owner(tenant) as cursor:
        cursor.execute("DELETE FROM audit_head")
    write(tenant)
    write(other)
    seal_all()
    assert sealing.verify(other.pk).waiting == 0
    assert sealing.verify(tenant.pk).waiting == 10


def test_a_hundred_thousand_at_once(tenant):
    write(tenant, 100_000)
    sealing.seal(tenant.pk)
    verdict = sealing.verify(tenant.pk)
    assert verdict.is_sound and verdict.entries >= 100_000
    with tenant_scope(tenant.pk):
        largest = max(len(bytes(leaves)) for leaves in Seal.objects.values_list("leaves", flat=True))
        assert largest <= 320_000


def test_the_command_line_finds_it_and_says_so_with_its_exit_code(tenant, capsys):
    write(tenant)
    sealing.seal(tenant.pk)
    assert _verify(SimpleNamespace(tenant=tenant.slug, json=True)) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True
    with owner(tenant) as cursor:
        cursor.execute("UPDATE audit_entry SET action = 'nothing' WHERE id = %s", [ids(tenant)[0]])
    assert _verify(SimpleNamespace(tenant=tenant.slug, json=True)) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["sound"] is False and found["tenants"][0]["faults"][0]["kind"] == "altered"
    assert _verify(SimpleNamespace(tenant=tenant.slug, json=False)) == 1
    assert "was altered" in capsys.readouterr().err


def test_what_is_critical():
    assert actions.is_critical("payment.reversed") and actions.is_critical("role.changed")
    assert not actions.is_critical("payment.recorded")
    assert actions.label("some.unknown_thing") == "Some unknown thing"
