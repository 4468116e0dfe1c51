"""A MikroTik that exists only here: speaks the binary API on a socket, keeps its rows, and can be told to misbehave."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shlex
import socket
import ssl
import struct
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import coa
from .mikrotik import NoAnswer, Row, Words, encode, number, sentence_of

# Paths whose rows only the router makes; one may look and remove.
_LIVE = ("/ppp/active", "/ip/hotspot/active")
_QUEUES, _LISTS = "/queue/simple", "/ip/firewall/address-list"
_UNIQUE = {
    "/ppp/secret": "name",
    "/ip/hotspot/user": "name",
    "/ppp/profile": "name",
    "/ip/hotspot/user/profile": "name",
    "/queue/simple": "name",
    "/queue/tree": "name",
    "/ip/pool": "name",
    "/system/scheduler": "name",
}
# What a row has that nobody gave it.
_GIVEN = {"dynamic": "false", "disabled": "false", "block-access": "false"}
_SERVICES = ("telnet", "ftp", "www", "ssh", "api", "winbox", "api-ssl")
_NOT_CONFIGURED = ("/system/resource", "/file", *_LIVE)


class Simulator:
    """`with Simulator(password="…") as router:` listens on `router.address`, `router.port`.

    `rows` holds the router's tables by path. `version` 6 before 6.43 ("6.42") asks for a challenge at login, 7.18 and later
    says !empty. Misbehaviour, each until set back: `slow` seconds before every answer, `silent`, `half` (an answer breaks
    off in the middle), `traps` (path → message), `drops` (so many commands until the connection is cut), `keeps` (.id of rows
    that it says it has removed, and has not), `lies` (says done and does nothing), `half_applies` (stores every second value
    only), `floods` (so many bytes of rows to every print), `code_page` (what it writes texts in). With `tls` it speaks
    over TLS (own_certificate() makes one).
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        username: str = "fiberledger",
        password: str = "",
        version: str = "7.20",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.username, self.password, self.version = username, password, version
        self.tls = tls
        self.rows: dict[str, list[Row]] = {
            path: []
            for path in (
                *_LIVE, *_UNIQUE, "/ip/firewall/address-list", "/ip/firewall/filter", "/ip/dhcp-server/lease", "/radius",
                "/radius/incoming", "/ppp/aaa", "/ip/service", "/file",
            )
        }  # fmt: skip
        self.rows["/system/resource"] = [
            {"version": version, "board-name": "CHR", "uptime": "1w2d3h4m5s", "cpu-load": "3",
             "free-memory": "805306368", "total-memory": "1073741824"}
        ]  # fmt: skip
        self.rows["/system/identity"] = [{"name": "MikroTik"}]
        self.slow, self.silent, self.half, self.traps, self.drops = 0.0, False, False, {}, -1  # type: ignore[var-annotated]
        self.keeps: set[str] = set()
        self.lies, self.half_applies, self.floods, self.code_page = False, False, 0, "utf-8"
        self.sent = 0  # bytes
        self.asked: list[list[str]] = []
        self._backups: dict[str, dict[str, list[Row]]] = {}
        self._clock = 0.0  # minutes since it was switched on, as far as anybody passed the time
        self.removed: Callable[[str, Row], None] | None = None  # told of each live row that somebody removes
        self._next, self._lock = 1, threading.Lock()
        self._listener = socket.create_server((address, port))
        self.address, self.port = self._listener.getsockname()
        for name in _SERVICES:
            self.put("/ip/service", name=name, disabled="false", address="")
        self.put("/radius/incoming", accept="false", port="1700")
        self.put("/ppp/aaa", use_radius="false", accounting="true", interim_update="0s")

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
                sock, peer = self._listener.accept()
            except OSError:
                return
            if not self._serves(peer[0]):
                sock.close()
                continue
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serves(self, peer: str) -> bool:
        """Whether its API may be used from there."""
        api = next((row for row in self.rows["/ip/service"] if row.get("name") == "api"), {})
        from_where = [part for part in api.get("address", "").split(",") if part]
        return not from_where or any(ip_address(peer) in ip_network(part, strict=False) for part in from_where)

    def _serve(self, sock: socket.socket) -> None:
        if self.tls is not None:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except OSError:
                return
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
        if self.floods and len(sentences) > 1:
            self._flood(sock, sentences)
        data = b"".join(map(self._encode, sentences))
        self.sent += len(data)
        if self.half:
            sock.sendall(data[: len(data) // 2])
            sock.shutdown(socket.SHUT_RDWR)
            return
        sock.sendall(data)

    def _encode(self, words: Sequence[str]) -> bytes:
        if self.code_page == "utf-8":
            return encode(words)
        return sentence_of(word.encode(self.code_page, errors="replace") for word in words)

    def _flood(self, sock: socket.socket, sentences: Sequence[Sequence[str]]) -> None:
        piece = b"".join(map(encode, sentences[:-1])) or encode(["!re", "=name=" + "x" * 900])
        for _ in range(self.floods // len(piece) + 1):
            self.sent += len(piece)
            sock.sendall(piece)

    # --- what it knows -------------------------------------------------------------------------------------------

    def _answer(self, sentence: Sequence[str]) -> list[list[str]]:
        path, _slash, verb = sentence[0].rpartition("/")
        if path in self.traps:
            return _no(self.traps[path])
        if sentence[0] in ("/execute", "/system/backup/save", "/system/backup/load"):
            with self._lock:
                return self._execute(sentence[0], _given(sentence))
        if path not in self.rows:
            return _no("no such command prefix")
        if self.lies and verb in ("add", "set", "unset", "remove"):
            return [["!done", "=ret=*0"]]
        with self._lock:
            return {
                "print": self._print, "add": self._add, "set": self._set, "unset": self._unset, "remove": self._remove,
            }.get(verb, lambda *_: _no("no such command"))(path, sentence)  # fmt: skip

    def _execute(self, command: str, given: Row) -> list[list[str]]:
        """What acts on all of it: its whole configuration as text, kept aside, taken back."""
        if command == "/execute":
            if int(self.version.split(".")[0]) < 7:
                return _no("unknown parameter as-string")
            if given.get("script", "").startswith("/export"):
                return [["!done", f"=ret={self._export()}"]]
            return [["!done", f"=ret={self._run(given.get('script', ''))}"]]
        if command == "/system/backup/save":
            self._backups[given["name"]] = copy.deepcopy(self._configured())
            return [["!done"]]
        if given.get("name") not in self._backups:
            return _no("no such item")
        self._load(given["name"])
        return [["!done"]]

    def _configured(self) -> dict[str, list[Row]]:
        return {path: rows for path, rows in self.rows.items() if path not in _NOT_CONFIGURED}

    def _load(self, name: str) -> None:
        """As it was; whoever is on it comes back by themselves, and so does an API that was shut."""
        self.rows.update(copy.deepcopy(self._backups[name]))

    def _export(self) -> str:
        lines = [f"# software id = SIM, version {self.version}"]
        for path, rows in sorted(self._configured().items()):
            words = path.strip("/").replace("/", " ")
            for row in rows:
                shown = {
                    name: value for name, value in row.items() if name not in (".id", "password", "secret") and value
                }
                lines.append(f"/{words} add " + " ".join(f"{name}={_quoted(value)}" for name, value in shown.items()))
        return "\n".join(lines) + "\n"

    def _run(self, script: str) -> str:
        """The few words of its language that are needed here."""
        words = shlex.split(script)
        if words[:3] == ["/system", "backup", "load"]:
            self._load(dict(word.partition("=")[::2] for word in words[3:])["name"])
        return ""

    def pass_time(self, minutes: float) -> None:
        """Its clock goes on, and what was scheduled happens, whether or not anybody can reach it."""
        with self._lock:
            self._clock += minutes
            for row in list(self.rows["/system/scheduler"]):
                if float(row["due"]) <= self._clock and row in self.rows["/system/scheduler"]:
                    row["due"] = str(self._clock + _minutes(row["interval"]))
                    self._run(row["on-event"])

    def _print(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        asked = [word[1:].partition("=") for word in sentence if word.startswith("?") and not word.startswith("?#")]
        fields = _given(sentence).get(".proplist", "")
        found = [
            row
            for row in self.rows[path]
            if all(row.get(name, _GIVEN.get(name)) == value for name, _equals, value in asked)
        ]
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
        if self.half_applies:
            given = dict(list(given.items())[::2])
        row = {".id": f"*{self._next:X}", **_as_shown(given)}
        if path == "/system/scheduler":
            row["due"] = str(self._clock + _minutes(row["interval"]))
        self._next += 1
        before = row.pop("place-before", None)
        places = [n for n, other in enumerate(self.rows[path]) if other[".id"] == before]
        self.rows[path].insert(places[0] if places else len(self.rows[path]), row)
        return [["!done", f"=ret={row['.id']}"]]

    def _set(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        given = _given(sentence)
        row = next((row for row in self.rows[path] if row[".id"] == given.get(".id")), None)
        if row is None:
            return _no("no such item")
        if self.half_applies:
            given = dict(list(given.items())[:2])
        row.update(_as_shown(given))
        return [["!done"]]

    def _unset(self, path: str, sentence: Sequence[str]) -> list[list[str]]:
        given = _given(sentence)
        row = next((row for row in self.rows[path] if row[".id"] == given.get(".id")), None)
        if row is None:
            return _no("no such item")
        row.pop(given.get("value-name", ""), None)
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
        with suppress(OSError):  # it is connected to nobody, and wakes whoever waits in recvfrom() all the same
            self._sock.shutdown(socket.SHUT_RDWR)
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


class RestPort:
    """The simulated router's REST: the same rows, as RouterOS 7 has them over HTTP; with a certificate (a file) over TLS."""

    def __init__(self, router: Simulator, port: int = 0, *, certificate: str = "") -> None:
        outer = router

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                status, said = _rest(outer, self.command, self.path, self.headers.get("Authorization", ""), body)
                data = b"" if said is None else json.dumps(said).encode(outer.code_page, errors="replace")
                if outer.silent:
                    time.sleep(2)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(data) + outer.floods))
                self.end_headers()
                outer.sent += len(data)
                self.wfile.write(data[: len(data) // 2] if outer.half else data)
                for _ in range(outer.floods >> 16):
                    self.wfile.write(b" " * 65536)
                self.close_connection = outer.half

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = _any

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    pass

        self._server = ThreadingHTTPServer((router.address, port), Handler)
        self._server.daemon_threads = True
        self.tls = bool(certificate)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]

    def __enter__(self) -> RestPort:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _rest(router: Simulator, method: str, url: str, login: str, body: Any) -> tuple[int, Any]:
    """One request as the API would put it, and the answer as REST says it."""
    if login != "Basic " and b64decode(login[6:]).decode() != f"{router.username}:{router.password}":
        return 401, {"error": 401, "message": "Unauthorized"}
    path = unquote(url.partition("?")[0]).removeprefix("/rest")
    parent, _slash, last = path.rpartition("/")
    given = {name: value for name, value in body.items() if name not in (".proplist", ".query")}
    if method == "PUT":
        path = f"{path}/add"
    elif method == "PATCH":
        path, given = f"{parent}/set", {**given, ".id": last}
    elif method == "DELETE":
        path, given = f"{parent}/remove", {".id": last}
    sentence = [path, *(f"={name}={value}" for name, value in given.items())]
    if ".proplist" in body:
        sentence.append(f"=.proplist={','.join(body['.proplist'])}")
    sentence += [f"?{query}" for query in body.get(".query", [])]
    with router._lock:
        router.asked.append(sentence)
    rows: list[Row] = []
    for kind, *words in router._answer(sentence):
        values = _given([kind, *words])
        if kind == "!trap":
            missing = "no such item" in values["message"]
            return (404 if missing else 400), {"error": 404 if missing else 400, "message": "Bad Request", "detail": values["message"]}  # fmt: skip
        if kind == "!re":
            rows.append(values)
        elif kind == "!done" and "ret" in values:
            return 200, {"ret": values["ret"]} if not path.endswith("/add") else {".id": values["ret"]}
    return 200, rows if path.endswith("/print") else None


def _minutes(text: str) -> float:
    """5m or 00:05:00, in minutes."""
    if ":" in text:
        hours, minutes, seconds = map(int, text.split(":"))
        return hours * 60 + minutes + seconds / 60
    return float(text.removesuffix("m"))


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text or not text else text


def own_certificate() -> ssl.SSLContext:
    """A certificate such as a router makes for itself, another one each time."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MikroTik")])
    began = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(began).not_valid_after(began + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    both = made.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(both)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _given(sentence: Sequence[str]) -> Row:
    return {
        name: value
        for name, _equals, value in (word[1:].partition("=") for word in sentence[1:] if word.startswith("="))
    }


def _as_shown(given: Row) -> Row:
    """Yes and no as a router shows them again."""
    return {name: {"yes": "true", "no": "false"}.get(value, value) for name, value in given.items()}


def _queue_of(session: Row) -> str:
    return f"<{session.get('service', '')}-{session.get('name', '')}>"


def _bits(rate: str) -> str:
    """The limit of a Mikrotik-Rate-Limit as queues show it: 10M/512k … is 10000000/512000."""
    return "/".join(number(part) for part in rate.split(" ")[0].split("/"))


def _no(message: str) -> list[list[str]]:
    return [["!trap", f"=message={message}"], ["!done"]]
