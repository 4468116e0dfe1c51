"""Commands to a router over RADIUS (RFC 5176): one packet out, one answer back. Knows no database."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets as randomness
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from . import dictionary

DISCONNECT, CHANGE = 40, 43
ANSWERS = {41: "ack", 42: "nak", 44: "ack", 45: "nak"}
ERRORS = {
    201: "residual session removed", 401: "unsupported attribute", 402: "missing attribute", 403: "NAS mismatch",
    404: "invalid request", 405: "unsupported service", 406: "unsupported extension", 407: "invalid attribute value",
    501: "administratively prohibited", 503: "session not found", 504: "session not removable", 506: "out of resources",
}  # fmt: skip
NO_SUCH_SESSION = 503

USER_NAME, FRAMED_IP, SESSION_ID, VENDOR, MESSAGE_AUTHENTICATOR, ERROR_CAUSE = 1, 8, 44, 26, 80, 101
_MIKROTIK = 14988


@dataclass(frozen=True)
class Answer:
    kind: str  # ack, nak, silence
    error: int | None = None
    said: str = ""  # where something else than RFC 5176 answered

    @property
    def words(self) -> str:
        if self.said:
            return self.said
        if self.kind == "nak":
            return ERRORS.get(self.error or 0, f"error {self.error}" if self.error else "no reason given")
        return {"ack": "done", "silence": "no answer"}[self.kind]


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes([kind, len(value) + 2]) + value


def which(session_id: str, username: str, ip: str | None) -> bytes:
    """The session, by everything we know of it: a username alone would hit an arbitrary one."""
    found = _attribute(SESSION_ID, session_id.encode()) + _attribute(USER_NAME, username.encode())
    return found + (_attribute(FRAMED_IP, IPv4Address(ip).packed) if ip and ":" not in ip else b"")


def new_terms(items: Sequence[tuple[str, str]]) -> bytes:
    """Attributes by name as they stand in a packet; what is no attribute, or no value of it, is left out."""
    out = b""
    for name, value in items:
        if found := dictionary.look_up(name):
            with suppress(ValueError):
                out += found[0].encode(value, found[1])
    return out


def packet(code: int, secret: str, attributes: bytes, identifier: int) -> bytes:
    """A signed request. Both signatures are over the same packet, the Message-Authenticator first."""
    attributes += _attribute(MESSAGE_AUTHENTICATOR, bytes(16))
    head = struct.pack("!BBH", code, identifier, 20 + len(attributes))
    signature = hmac.digest(secret.encode(), head + bytes(16) + attributes, "md5")
    attributes = attributes[:-16] + signature
    authenticator = hashlib.md5(head + bytes(16) + attributes + secret.encode()).digest()  # noqa: S324 (RFC 5176)
    return head + authenticator + attributes


def _read(data: bytes, sent: bytes, secret: str) -> Answer | None:
    """The answer, if this datagram is one to what we sent and is signed with our secret."""
    if len(data) < 20 or data[1] != sent[1] or data[0] not in ANSWERS:
        return None
    length = struct.unpack("!H", data[2:4])[0]
    if not 20 <= length <= len(data):
        return None
    data = data[:length]
    expected = hashlib.md5(data[:4] + sent[4:20] + data[20:] + secret.encode()).digest()  # noqa: S324
    if not hmac.compare_digest(expected, data[4:20]):
        return None
    values = attributes_of(data)
    if values is None:
        return None
    cause = values.get(ERROR_CAUSE, b"")
    return Answer(ANSWERS[data[0]], struct.unpack("!I", cause)[0] if len(cause) == 4 else None)


def rate_of(data: bytes) -> str:
    """The Mikrotik-Rate-Limit in a whole packet; empty without one."""
    at = 20
    while at + 2 <= len(data) and data[at + 1] >= 2:
        value = data[at + 2 : at + data[at + 1]]
        if data[at] == VENDOR and value[:5] == struct.pack("!IB", _MIKROTIK, 8):
            return value[6:].decode(errors="replace")
        at += data[at + 1]
    return ""


def attributes_of(data: bytes) -> dict[int, bytes] | None:
    """The attributes of a whole packet, the last of each kind; None when they do not fit into it."""
    values, at = {}, 20
    while at + 2 <= len(data):
        kind, size = data[at], data[at + 1]
        if size < 2 or at + size > len(data):
            return None
        values[kind] = data[at + 2 : at + size]
        at += size
    return values


def ask(
    address: tuple[str, int], code: int, secret: str, attributes: bytes, *, tries: int = 3, wait: float = 1.0
) -> Answer:
    """Send and wait, the very same packet again when nothing comes. A wrong secret looks like silence."""
    sent = packet(code, secret, attributes, randomness.randbelow(256))
    bind = os.environ.get("COA_SOURCE", "")  # the address the routers know us by, where the machine has several
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if bind:
            sock.bind((bind, 0))
        sock.connect(address)
        for _ in range(tries):
            until = time.monotonic() + wait
            try:
                sock.send(sent)
                while (left := until - time.monotonic()) > 0:
                    sock.settimeout(left)
                    if answer := _read(sock.recv(4096), sent, secret):
                        return answer
            except TimeoutError:
                continue
            except ConnectionError:  # the machine is there and nobody listens: ICMP says so at once
                time.sleep(max(0.0, min(0.2, until - time.monotonic())))
    return Answer("silence")
