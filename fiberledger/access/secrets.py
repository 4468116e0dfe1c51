"""Passwords and RADIUS secrets at rest. Two keys, neither of them in the database.

`lock`/`unlock` use the field key (AES-256-GCM): what our own pages show again. `box` is the form PostgreSQL can open
without extensions, with the radius key that FreeRADIUS brings along on its connection (docs/decisions/radius-secrets.md).
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fiberledger.operate import environment

FIELD_KEY_ID = 1  # the first byte of everything locked: which field key it was locked with
_MARK = 0xF1
# No 0/O, 1/l/I: read over the phone by tired people.
_LETTERS = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TOO_HIGH = bytes(range(256 - 256 % len(_LETTERS), 256))  # beyond the last whole round: would favour the first letters
_LETTER_OF = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


class WrongKey(Exception):
    """The secret was stored with another key than the one in DATA_DIR/secrets."""


def strong_password(length: int = 12) -> str:
    """A new password: 69 bits at twelve letters, and nothing that a router's form would choke on."""
    letters = b""
    while len(letters) < length:
        letters += os.urandom(2 * length).translate(_LETTER_OF, _TOO_HIGH)
    return letters[:length].decode()


@cache
def _field_cipher() -> AESGCM:
    return AESGCM(urlsafe_b64decode(environment.secret("field_key")))


@cache
def radius_key() -> str:
    """The radius key as the text that goes into FreeRADIUS' configuration: 64 hexadecimal digits."""
    return urlsafe_b64decode(environment.secret("radius_key")).hex()


def lock(text: str, place: str) -> bytes:
    """`place` (table and tenant) is authenticated too: a value copied to another tenant's row does not open."""
    nonce = os.urandom(12)
    return bytes([FIELD_KEY_ID]) + nonce + _field_cipher().encrypt(nonce, text.encode(), place.encode())


def unlock(locked: bytes | memoryview, place: str) -> str:
    locked = bytes(locked)
    try:
        return _field_cipher().decrypt(locked[1:13], locked[13:], place.encode()).decode()
    except InvalidTag:
        raise WrongKey(f"a secret of {place} does not open with this field key") from None


def box(text: str, owner: str) -> bytes:
    """The text as radius_open() in PostgreSQL opens it. The same text of the same owner gives the same box, so that a
    rebuilt projection equals the old one; different owners' equal passwords give different boxes."""
    key, inside = radius_key(), text.encode()
    if len(inside) > 200:
        raise ValueError("longer than a box")
    nonce = hmac.digest(key.encode(), f"{owner}\0{text}".encode(), "sha256")[:16]
    plain = bytes([_MARK, len(inside)]) + inside
    plain += bytes(-len(plain) % 32)
    seed = key.encode() + nonce
    stream = b"".join(sha256(seed + n.to_bytes(2, "big")).digest() for n in range(len(plain) // 32))
    return nonce + (int.from_bytes(plain, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(plain), "big")


def open_box(boxed: bytes | memoryview) -> str:
    """What radius_open() does, for tests and for the drift check."""
    boxed, key = bytes(boxed), radius_key().encode()
    cipher, seed = boxed[16:], key + boxed[:16]
    stream = b"".join(sha256(seed + n.to_bytes(2, "big")).digest() for n in range(len(cipher) // 32))
    plain = (int.from_bytes(cipher, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(cipher), "big")
    if plain[0] != _MARK or plain[1] + 2 > len(plain):
        raise WrongKey("a boxed secret does not open with this radius key")
    return plain[2 : 2 + plain[1]].decode()
