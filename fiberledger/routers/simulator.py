"""A MikroTik that exists only here: speaks the binary API on a socket, keeps its rows, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import coa
from .mikrotik import NoAnswer, Row, Words, encode

# Paths whose rows only the router makes; one may look and remove.
_LIVE = ("/ppp/active", "/ip/hotspot/active")
_QUEUES, _LISTS = "/queue/simple", "/ip/firewall/address-list"
_UNIQUE = {
    "/ppp/secret": "name",
    "/ip/hotspot/user": "name",
    "/ppp/profile": "name",
    "/queue/simple": "name",
    "/ip/pool": "name",
}


class Simulator:
    """`with Simulator(password="…") as router:` listens on `router.address`, `router.port`.

    `rows` holds the router's tables by path. `version` 6 before 6.43 ("6.42") asks for a challenge at login, 7.18 and later
    says !empty. Misbehaviour, each until set back: `slow` seconds before every answer, `silent`, `half` (an answer breaks
    off in the middle), `traps` (path → message), `drops` (so many commands until the connection is cut), `keeps` (.id of rows
    that it says it has removed, and has not).
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        username: str = "fiberledger",
        password: str = "",
        version: str = "7.20",
    ) -> None:
        self.username, self.password, self.version = username, password, version
        self.rows: dict[str, list[Row]] = {path: [] for path in (*_LIVE, *_UNIQUE, _LISTS, "/ip/dhcp-server/lease")}
        self.rows["/system/resource"] = [
            {"version": version, "board-name": "CHR", "uptime": "1w2d3h4m5s", "cpu-load": "3"}
        ]
        self.rows["/system/identity"] = [{"name": "MikroTik"}]
        self.slow, self.silent, self.half, self.traps, self.drops = 0.0, False, False, {}, -1  # type: ignore[var-annotated]
        self.keeps: set[str] = set()
        self.asked: list[list[str]] = []
        self.removed: Callable[[str, Row], None] | None = None  # told of each live row that somebody removes
        self._next, self._lock = 1, threading.Lock()
        self._listener = socket.create_server((address, port))
        self.address, self.port = self._listener.getsockname()

    def __enter__(self) -> Simulator:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept()
        self._listener.close()

    def put(self, path: str, **values: Any) -> Row:
        """A row as the router would have it; names with underscores for hyphens."""
        with self._lock:
            row = {".id": f"*{self._next:X}", **{name.replace("_", "-"): str(value) for name, value in values.items()}}
            self._next += 1
            self.rows.setdefault(path, []).append(row)
            return row

    def come_online(self, *, rate: str = "", on_list: str = "", **values: Any) -> Row:
        """A PPP session as RADIUS lets it in: with the queue for its rate (Mikrotik-Rate-Limit) and its entry on the list."""
        row = self.put("/ppp/active", **{"service": "pppoe", "radius": "true", **values})
        if rate:
            self.put(_QUEUES, name=_queue_of(row), target=_queue_of(row), max_limit=_bits(rate), dynamic="true")
        if on_list:
            self.put(_LISTS, list=on_list, address=row.get("address", ""), dynamic="true")
        return row

    def drop(self, session: Row) -> None:
        """A PPP session ends without anybody having asked for it."""
        with self._lock:
            if session in self.rows["/ppp/active"]:
                self._gone("/ppp/active", session)

    # --- the wire ------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                sock, _peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        words, known, challenge = Words(sock), False, b""
        with sock:
            try:
                while True:
                    sentence = words.sentence(time.monotonic() + 3600)
                    if not sentence:
                        continue
                    if sentence[0] == "/login":
                        known, challenge = self._let_in(sock, sentence, challenge)
                        continue
                    with self._lock:
                        self.asked.append(sentence)
                    if not known:
                        self._say(sock, [["!fatal", "not logged in"]])
                        return
                    if self.drops == 0:
                        return
                    self.drops -= 1
                    self._say(sock, self._answer(sentence))
            except (OSError, NoAnswer, TimeoutError):
                return

    def _let_in(self, sock: socket.socket, sentence: Sequence[str], challenge: bytes) -> tuple[bool, bytes]:
        given = _given(sentence)
        old = tuple(map(int, self.version.split(".")[:2])) < (6, 43)
        if old and "response" not in given:
            challenge = os.urandom(16)
            self._say(sock, [["!done", f"=ret={challenge.hex()}"]])
            return False, challenge
        if old:
            digest = hashlib.md5(b"\0" + self.password.encode() + challenge).hexdigest()  # noqa: S324
            known = given["response"] == f"00{digest}"
        else:
            known = given.get("password") == self.password
        if known and given.get("name") == self.username:
            self._say(sock, [["!done"]])
            return True, b""
        self._say(sock, [["!trap", "=message=invalid user name or password (6)"], ["!done"]])
        return False, b""

    def _say(self, sock: socket.socket, sentences: Sequence[Sequence[str]]) -> None:
        if self.slow:
            time.sleep(self.slow)
        if self.silent:
            return
        data = b"".join(map(encode, sentences))
        if self.half:
            sock.sendall(data[: len(data) // 2])
            sock.shutdown(socket.SHUT_RDWR)
            return
        sock.sendall(data)

    # --- what it knows -------------------------------------------------------------------------------------------

    def _answer(self, sentence: Sequence[str]) -> list[list[str]]:
        path, _slash, verb = sentence[0].rpartition("/")
        if path in self.traps:
            return _no(self.traps[path])
        if path not in self.rows:
            return _no("no such command prefix")
        with self._lock:
            return {"print": self._print, "add": self._add, "set": self._set, "remove": self._remove}.get(
                verb, lambda *_: _no("no such command")
            )(path, sentence)

    def _print(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        asked = [word[1:].partition("=") for word in sentence if word.startswith("?") and not word.startswith("?#")]
        fields = _given(sentence).get(".proplist", "")
        found = [row for row in self.rows[path] if all(row.get(name) == value for name, _equals, value in asked)]
        said = [
            ["!re", *(f"={name}={value}" for name, value in row.items() if not fields or name in fields.split(","))]
            for row in found
        ]
        if not said and tuple(map(int, self.version.split(".")[:2])) >= (7, 18):
            said = [["!empty"]]
        return [*said, ["!done"]]

    def _add(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        given = _given(sentence)
        key = _UNIQUE.get(path)
        if path in _LIVE:
            return _no("no such command")
        if key and any(row.get(key) == given.get(key) for row in self.rows[path]):
            return _no(f"failure: {path.rpartition('/')[2]} with the same name already exists")
        row = {".id": f"*{self._next:X}", **given}
        self._next += 1
        self.rows[path].append(row)
        return [["!done", f"=ret={row['.id']}"]]

    def _set(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        given = _given(sentence)
        row = next((row for row in self.rows[path] if row[".id"] == given.get(".id")), None)
        if row is None:
            return _no("no such item")
        row.update(given)
        return [["!done"]]

    def _remove(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        given = _given(sentence)
        row = next((row for row in self.rows[path] if row[".id"] == given.get(".id")), None)
        if row is None:
            return _no("no such item")
        if row[".id"] not in self.keeps:
            self._drop(path, row)
        return [["!done"]]

    def _drop(self, path: str, row: Row) -> None:
        self._gone(path, row)
        if path in _LIVE and self.removed:
            self.removed(path, row)

    def _gone(self, path: str, row: Row) -> None:
        self.rows[path].remove(row)
        if path == "/ppp/active":  # what the router made for the session goes with it
            self.rows[_QUEUES] = [queue for queue in self.rows[_QUEUES] if queue.get("name") != _queue_of(row)]
            mine = ("true", row.get("address"))
            self.rows[_LISTS] = [one for one in self.rows[_LISTS] if (one.get("dynamic"), one.get("address")) != mine]

    def hear(self, code: int, username: str, session_id: str, rate: str = "") -> bool:
        """A command over RADIUS for one session: Disconnect (40) drops it, CoA (43) gives it the rate. False: there is none such."""
        with self._lock:
            row = next(
                (
                    row
                    for row in self.rows["/ppp/active"]
                    if row.get("name", "").lower() == username.lower()
                    and row.get("session-id", "").lower().endswith(session_id.lower())
                ),
                None,
            )
            if row is not None and code == coa.DISCONNECT:
                self._drop("/ppp/active", row)
            elif row is not None and rate:
                for queue in self.rows[_QUEUES]:
                    if queue.get("name") == _queue_of(row):
                        queue["max-limit"] = _bits(rate)
        return row is not None


class CommandPort:
    """The simulated router's ear for commands over RADIUS (RFC 5176): obeys what is signed with the secret, and signs its answer."""

    def __init__(self, router: Simulator, secret: str, port: int = 0) -> None:
        self._router, self._secret = router, secret.encode()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((router.address, port))
        self.port = self._sock.getsockname()[1]

    def __enter__(self) -> CommandPort:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._sock.close()

    def _serve(self) -> None:
        while True:
            try:
                data, peer = self._sock.recvfrom(4096)
                if answer := self._answer(data):
                    self._sock.sendto(answer, peer)
            except OSError:
                return

    def _answer(self, data: bytes) -> bytes | None:
        signed = hashlib.md5(data[:4] + bytes(16) + data[20:] + self._secret).digest()  # noqa: S324
        if len(data) < 20 or data[0] not in (coa.DISCONNECT, coa.CHANGE) or signed != data[4:20]:
            return None
        values = coa.attributes_of(data) or {}
        done = self._router.hear(
            data[0],
            values.get(coa.USER_NAME, b"").decode(),
            values.get(coa.SESSION_ID, b"").decode(),
            coa.rate_of(data),
        )
        refusal = bytes([coa.ERROR_CAUSE, 6]) + struct.pack("!I", coa.NO_SUCH_SESSION)
        attributes = b"" if done else refusal
        head = struct.pack("!BBH", data[0] + (1 if done else 2), data[1], 20 + len(attributes))
        return head + hashlib.md5(head + data[4:20] + attributes + self._secret).digest() + attributes  # noqa: S324


def _given(sentence: Sequence[str]) -> Row:
    return {
        name: value
        for name, _equals, value in (word[1:].partition("=") for word in sentence[1:] if word.startswith("="))
    }


def _queue_of(session: Row) -> str:
    return f"<{session.get('service', '')}-{session.get('name', '')}>"


def _bits(rate: str) -> str:
    """The limit of a Mikrotik-Rate-Limit as queues show it: 10M/512k … is 10000000/512000."""
    zeros = {"k": "000", "M": "000000", "G": "000000000"}
    return "/".join(
        part[:-1] + zeros[part[-1]] if part[-1:] in zeros else part for part in rate.split(" ")[0].split("/")
    )


def _no(message: str) -> list[list[str]]:
    return [["!trap", f"=message={message}"], ["!done"]]
