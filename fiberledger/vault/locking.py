"""Locked text: AES-256-GCM with the tenant's data key.

A locked value is one byte 2, two bytes that number the data key, the nonce and the cipher text. Values that begin with a byte
1 are older than data keys, locked with the field key itself; they open as ever, and a rotation of the data locks them anew.
"""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64decode
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction
from django.db.models import Q

from fiberledger.operate import environment
from fiberledger.tenancy import current_tenant_id, tenant_scope

from . import keys
from .models import DataKey

_FIELD, _ENVELOPE = 1, 2
_HEAD = 3
STALE = 60.0  # seconds after which a process looks again which data key is the newest

_ciphers: dict[tuple[int, int], AESGCM] = {}
_newest: dict[int, tuple[int, float]] = {}


class WrongKey(Exception):
    """The secret does not open with the keys that we have, or stood in another place."""


def lock(text: str, place: str) -> bytes:
    """The text, locked. `place` says what it is and whose ("nas:12", the tenant's number last) and is authenticated along:
    a value copied to another tenant's row does not open."""
    tenant_id = _tenant_of(place)
    number, cipher = _newest_cipher(tenant_id)
    nonce = os.urandom(12)
    return prefix(number) + nonce + cipher.encrypt(nonce, text.encode(), place.encode())


def unlock(locked: bytes | memoryview, place: str) -> str:
    locked = bytes(locked)
    try:
        if locked[0] == _FIELD:
            return _field_cipher().decrypt(locked[1:13], locked[13:], place.encode()).decode()
        cipher = _cipher(_tenant_of(place), int.from_bytes(locked[1:_HEAD], "big"))
        return cipher.decrypt(locked[_HEAD : _HEAD + 12], locked[_HEAD + 12 :], place.encode()).decode()
    except InvalidTag:
        raise WrongKey(f"a secret of {place} does not open with our keys") from None


def prefix(number: int) -> bytes:
    """How everything begins that was locked with the data key of that number."""
    return bytes([_ENVELOPE]) + number.to_bytes(2, "big")


def provision() -> None:
    """Every tenant has a data key from the beginning."""
    if not DataKey.objects.exists():
        add_data_key(current_tenant_id())


def add_data_key(tenant_id: int) -> DataKey:
    """One more data key for the tenant in scope; it locks from now on."""
    last = DataKey.objects.order_by("-number").first()
    number = last.number + 1 if last else 1
    name, wrapped = keys.wrap(os.urandom(32), about(tenant_id, number))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO vault_datakey (tenant_id, number, master, wrapped, created_at) VALUES (%s, %s, %s, %s, now())
               ON CONFLICT (tenant_id, number) DO NOTHING""",
            [tenant_id, number, name, wrapped],
        )
    _newest.pop(tenant_id, None)
    return DataKey.objects.get(number=number)


def about(tenant_id: int, number: int) -> str:
    return f"data key {tenant_id}:{number}"


def _tenant_of(place: str) -> int:
    return int(place.rpartition(":")[2])


def _newest_cipher(tenant_id: int) -> tuple[int, AESGCM]:
    number, looked = _newest.get(tenant_id, (0, 0.0))
    if number and time.monotonic() - looked < STALE:
        return number, _ciphers[tenant_id, number]
    with tenant_scope(tenant_id):
        found = _keys().order_by("-number").first() or add_data_key(tenant_id)
        return found.number, _remember(tenant_id, found, newest=True)


def _cipher(tenant_id: int, number: int) -> AESGCM:
    if (tenant_id, number) in _ciphers:
        return _ciphers[tenant_id, number]
    with tenant_scope(tenant_id):
        found = _keys().filter(number=number).first()
        if found is None:
            raise WrongKey(f"tenant {tenant_id} has no data key {number}")
        return _remember(tenant_id, found)


def _keys() -> Any:
    """The tenant's data keys, each with whether this transaction cannot be the one that makes it."""
    return DataKey.objects.annotate(stands=Q(created_at__lt=TransactionNow()))


def _remember(tenant_id: int, found: DataKey, *, newest: bool = False) -> AESGCM:
    """The cipher of a data key. One that this transaction may just have made is kept only when it is done: a key that is
    rolled back has locked nothing."""
    cipher = AESGCM(keys.unwrap(found.master, bytes(found.wrapped), about(tenant_id, found.number)))

    def keep() -> None:
        _ciphers[tenant_id, found.number] = cipher
        if newest:
            _newest[tenant_id] = (found.number, time.monotonic())

    if getattr(found, "stands", False):
        keep()
    else:
        transaction.on_commit(keep)
    return cipher


@cache
def _field_cipher() -> AESGCM:
    return AESGCM(urlsafe_b64decode(environment.secret("field_key")))
