"""Passwords and RADIUS secrets at rest, in two forms, with no key in the database.

`lock`/`unlock` are the vault's: what our own pages show again. `box` is the form PostgreSQL can open
without extensions, with the radius key that FreeRADIUS brings along on its connection (docs/decisions/radius-secrets.md).
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode
from functools import cache
from hashlib import sha256

from fiberledger.operate import environment
from fiberledger.vault.locking import WrongKey, lock, unlock

__all__ = ["WrongKey", "box", "lock", "open_box", "radius_key", "strong_password", "unlock"]

_MARK = 0xF1
# No 0/O, 1/l/I: read over the phone by tired people.
_LETTERS = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TOO_HIGH = bytes(range(256 - 256 % len(_LETTERS), 256))  # beyond the last whole round: would favour the first letters
_LETTER_OF = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


def strong_password(length: int = 12) -> str:
    """A new password: 69 bits at twelve letters, and nothing that a router's form would choke on."""
    letters = b""
    while len(letters) < length:
        letters += os.urandom(2 * length).translate(_LETTER_OF, _TOO_HIGH)
    return letters[:length].decode()


@cache
def radius_key() -> str:
    """The radius key as the text that goes into FreeRADIUS' configuration: 64 hexadecimal digits."""
    return urlsafe_b64decode(environment.secret("radius_key")).hex()


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
