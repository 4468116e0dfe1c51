"""Keys, and what is locked with them: opened by us and by nobody else, and changed while everything serves."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.db import connection, models, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger.operate import Trouble, environment
from fiberledger.tenancy import tenant_scope
from fiberledger.vault import WrongKey, keys, lock, locking, rotation, unlock
from fiberledger.vault.models import DataKey
from fiberledger.vault.registry import kinds, no_secrets
from tests.radius import make_line


def of_old(text, place):
    """As it was locked before there were data keys."""
    nonce = os.urandom(12)
    cipher = AESGCM(base64.urlsafe_b64decode(environment.secret("field_key")))
    return b"\x01" + nonce + cipher.encrypt(nonce, text.encode(), place.encode())


def forget():
    """What a process that starts anew knows: nothing."""
    locking._ciphers.clear()
    locking._newest.clear()
    keys.unwrap.cache_clear()


def test_every_binary_column_says_what_it_is():
    declared = {*kinds(), *no_secrets()}
    found = {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith("fiberledger.")
        for field in model._meta.local_fields
        if isinstance(field, models.BinaryField)
    }
    assert found == declared, "say in the room's vaulted.py whether it is locked, or why it is no secret"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=80))
def test_what_is_locked_opens_in_its_place_and_in_no_other(isp, zed, text):
    place = f"account:{isp.tenant.pk}"
    locked = lock(text, place)
    assert unlock(locked, place) == text and (len(text) < 4 or text.encode() not in locked)
    assert unlock(of_old(text, place), place) == text
    for other in (f"nas:{isp.tenant.pk}", f"account:{zed.tenant.pk}"):
        with pytest.raises(WrongKey):
            unlock(locked, other)


def test_a_key_whose_transaction_is_rolled_back_has_locked_nothing(isp):
    with isp.scope():
        before = DataKey.objects.count()
    forget()
    with pytest.raises(ZeroDivisionError), tenant_scope(isp.tenant.pk):
        locking.add_data_key(isp.tenant.pk)
        lost = lock("x", f"nas:{isp.tenant.pk}")
        assert unlock(lost, f"nas:{isp.tenant.pk}") == "x"
        1 / 0  # noqa: B018
    kept = lock("y", f"nas:{isp.tenant.pk}")
    forget()
    assert unlock(kept, f"nas:{isp.tenant.pk}") == "y"
    with isp.scope():
        assert DataKey.objects.count() == before


def test_data_is_locked_anew_in_batches_goes_on_where_it_was_and_serves_meanwhile(isp, zed, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    accounts = [
        make_line(isp, name=f"P {n}", username=f"p{n}", password=f"word {n}", phone=f"030012345{n:02}")
        for n in range(5)
    ]
    place = f"account:{isp.tenant.pk}"
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE access_accessaccount SET password = %s WHERE id = %s", [of_old("word 0", place), accounts[0].pk]
        )
    number = rotation.begin(isp.tenant.pk)
    assert next(rotation.relock(isp.tenant.pk, number)) >= 1  # and the machine loses its power
    forget()
    assert rotation.unfinished() and rotation.begin(isp.tenant.pk) == number
    for account in accounts:
        with isp.scope():
            account.refresh_from_db()
            assert account.plain_password() == f"word {accounts.index(account)}"
    with isp.scope():
        accounts[4].keep_password("set meanwhile")
        accounts[4].save()
    sum(rotation.relock(isp.tenant.pk, number))
    rotation.finish(isp.tenant.pk, number)
    assert sum(rotation.relock(isp.tenant.pk, number)) == 0
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT substring(password FROM 1 FOR 3) FROM access_accessaccount")
        assert [bytes(row[0]) for row in cursor.fetchall()] == [locking.prefix(number)]
        accounts[4].refresh_from_db()
        assert accounts[4].plain_password() == "set meanwhile"
    with zed.scope():
        assert DataKey.objects.get().number == 1  # another tenant's keys are its own
    assert rotation.begin(isp.tenant.pk) == number + 1  # finished: the next is a new one


def test_a_new_master_key_opens_everything_of_before_in_every_process(isp):
    place = f"nas:{isp.tenant.pk}"
    locked = lock("s3cret", place)
    done = subprocess.run(
        [sys.executable, "-m", "fiberledger", "vault", "rotate"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert unlock(locked, place) == "s3cret"
    forget()
    assert unlock(locked, place) == "s3cret"
    with isp.scope():
        assert {one.master for one in DataKey.objects.all()} == {keys.current()}
    said = subprocess.run(
        [sys.executable, "-m", "fiberledger", "vault", "status", "--json"], capture_output=True, text=True, timeout=120
    )
    told = json.loads(said.stdout)
    mine = next(one for one in told["tenants"] if one["tenant"] == isp.tenant.slug)
    assert told["master"] == keys.current() and told["beside_the_data"] and mine["under_older_masters"] == 0
    assert keys.key_file().stat().st_mode & 0o077 == 0


KMS = """
    import base64, sys, time
    count = open(sys.argv[1], "a"); count.write(sys.argv[2] + "\\n"); count.close()
    if sys.argv[2] == "unwrap" and %r: time.sleep(30)
    data = base64.b64decode(sys.stdin.read())
    print(base64.b64encode(bytes(255 - byte for byte in data)).decode())
"""


def test_a_kms_command_wraps_and_is_asked_once_for_each_key(isp, tmp_path, monkeypatch):
    program, asked = tmp_path / "kms.py", tmp_path / "asked"
    program.write_text(textwrap.dedent(KMS % False))
    monkeypatch.setenv("KMS_COMMAND", f"{sys.executable} {program} {asked}")
    place = f"nas:{isp.tenant.pk}"
    before = lock("of before", place)
    assert rotation.rewrap(isp.tenant.pk) == 1 and rotation.rewrap(isp.tenant.pk) == 0
    forget()
    locked = [lock(f"text {n}", place) for n in range(20)]
    assert [unlock(one, place) for one in locked] == [f"text {n}" for n in range(20)]
    assert unlock(before, place) == "of before"
    assert asked.read_text().split() == ["wrap", "unwrap"]
    forget()
    program.write_text("import sys; sys.exit(1)")
    with pytest.raises(Trouble, match="KMS_COMMAND unwrap failed"):
        unlock(before, place)
    program.write_text(textwrap.dedent(KMS % True))
    monkeypatch.setattr(keys, "PATIENCE", 0.5)
    with pytest.raises(Trouble, match="did not answer"):
        unlock(before, place)
    program.write_text(textwrap.dedent(KMS % False))
    monkeypatch.setattr(keys, "PATIENCE", 10)
    assert unlock(before, place) == "of before"


def test_keys_come_from_the_environment_or_a_file_elsewhere(isp, tmp_path, monkeypatch):
    place = f"nas:{isp.tenant.pk}"
    locked = lock("text", place)
    monkeypatch.setenv("VAULT_KEYS", f"900:{keys.new_key()}")
    assert keys.current() == "900" and not keys.lies_beside_the_data()
    assert rotation.rewrap(isp.tenant.pk) == 1
    forget()
    assert unlock(locked, place) == "text"
    monkeypatch.setenv("VAULT_KEYS", "")
    forget()
    with pytest.raises(Trouble, match="master key 900 is in neither"):
        unlock(locked, place)
    elsewhere = tmp_path / "keys"
    monkeypatch.setenv("VAULT_KEY_FILE", str(elsewhere))
    with pytest.raises(Trouble, match="is not there"):
        keys.current()
    elsewhere.write_text("7 not-a-key\n")
    with pytest.raises(Trouble, match="32 bytes"):
        keys.current()


def test_the_database_alone_opens_nothing(isp):
    """A copy of the tables has the data keys wrapped, and no master key."""
    with isp.scope():
        one = DataKey.objects.get()
        cipher = AESGCM(keys.unwrap(one.master, bytes(one.wrapped), locking.about(isp.tenant.pk, 1)))
        key = keys.unwrap(one.master, bytes(one.wrapped), locking.about(isp.tenant.pk, 1))
        assert key not in bytes(one.wrapped) and cipher
    with pytest.raises(Trouble):
        keys.unwrap(one.master, bytes(one.wrapped), locking.about(isp.tenant.pk + 1, 1))
    assert Path(keys.key_file()).exists()
    assert not transaction.get_connection().in_atomic_block
