"""MikroTik's REST (RouterOS 7): the same rows as over the binary API, as JSON over HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import quote

from .mikrotik import MOST_BYTES, Denied, NoAnswer, Refused, Row, ensure, no_secure_connection, secured, word

PORT, TLS_PORT = 80, 443


class _Secured(http.client.HTTPConnection):
    """HTTP over TLS, with a router that is known by its certificate."""

    def __init__(self, pin: str, **where: Any) -> None:
        super().__init__(**where)
        self._pin = pin

    def connect(self) -> None:
        super().connect()
        self.sock, _certificate = secured(self.sock, self._pin)


class Rest:
    """A connection to one router, for one thread, that answers as Api does.

        with Rest("10.0.0.1", username="fiberledger", password="…", tls=True) as router:
            router.rows("/ppp/active", "name", "address")

    Raises NoAnswer, Denied, Changed (with `pin`, as Api has it) or Refused. `seconds` is how long one command may take, whatever trickles in meanwhile.
    """

    def __init__(
        self,
        address: str,
        port: int = 0,
        *,
        username: str,
        password: str,
        tls: bool = False,
        pin: str = "",
        seconds: float = 10,
    ) -> None:
        self._seconds = seconds
        where: dict[str, Any] = {
            "host": address,
            "port": port or (TLS_PORT if tls else PORT),
            "timeout": min(5, seconds),
        }
        self._http = _Secured(pin, **where) if tls else http.client.HTTPConnection(**where)
        login = b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self.bytes_read = 0

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def rows(self, path: str, *fields: str, **equal: str) -> list[Row]:
        body: dict[str, Any] = {".proplist": list(fields)} if fields else {}
        if equal:
            body[".query"] = [f"{name.replace('_', '-')}={value}" for name, value in equal.items()]
            body[".query"] += ["#&"] * (len(equal) - 1)
        said = self._ask("POST", f"{path}/print", body)
        if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
            raise NoAnswer("the answer is not in the router's language")
        return [{name: str(value) for name, value in row.items()} for row in said]

    def add(self, path: str, values: Mapping[str, Any]) -> str:
        return self._row(self._ask("PUT", path, {name: word(value) for name, value in values.items()})).get(".id", "")

    def set(self, path: str, id: str, values: Mapping[str, Any]) -> None:
        self._ask("PATCH", f"{path}/{quote(id)}", {name: word(value) for name, value in values.items()})

    def remove(self, path: str, id: str) -> bool:
        try:
            self._ask("DELETE", f"{path}/{quote(id)}", None)
        except Refused as refused:
            if refused.is_missing:
                return False
            raise
        return True

    def ensure(self, path: str, key: Mapping[str, str], values: Mapping[str, Any]) -> str:
        return ensure(self, path, key, values)

    def do(self, command: str, values: Mapping[str, Any]) -> Row:
        said = self._ask("POST", command, {name: word(value) for name, value in values.items()})
        return self._row(said[0] if isinstance(said, list) and said else said or {})

    def _row(self, said: Any) -> Row:
        if not isinstance(said, dict):
            raise NoAnswer("the answer is not in the router's language")
        return {name: str(value) for name, value in said.items()}

    def _ask(self, method: str, path: str, body: Any) -> Any:
        until = time.monotonic() + self._seconds
        # Time-outs are for one read; who trickles byte by byte is cut off by the watch.
        watch = threading.Timer(self._seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            if self._http.sock is not None:
                self._http.sock.settimeout(self._seconds)
            sent = None if body is None else json.dumps(body).encode()
            self._http.request(method, f"/rest{path}", sent, self._headers)
            answer = self._http.getresponse()
            data = bytearray()
            while piece := answer.read(65536):
                data += piece
                if len(data) > MOST_BYTES:
                    raise NoAnswer(f"more than {MOST_BYTES >> 20} MB")
                if time.monotonic() > until:
                    raise TimeoutError
        except NoAnswer:
            self._http.close()
            raise
        except ssl.SSLError as error:
            self._http.close()
            raise no_secure_connection(error) from None
        except TimeoutError:
            self._http.close()
            raise NoAnswer(f"no answer within {self._seconds:g} seconds") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._http.close()
            if time.monotonic() >= until:
                raise NoAnswer(f"no answer within {self._seconds:g} seconds") from None
            raise NoAnswer(f"no connection: {getattr(error, 'strerror', None) or 'the answer is not HTTP'}") from None
        finally:
            watch.cancel()
        self.bytes_read += len(data)
        return self._read(answer.status, bytes(data))

    def _read(self, status: int, data: bytes) -> Any:
        if status in (401, 403):
            raise Denied("the router does not accept this username and password")
        try:
            said = json.loads(data.decode(errors="backslashreplace")) if data else None
        except (ValueError, RecursionError):
            self._http.close()
            raise NoAnswer("the answer is not in the router's language") from None
        if status >= 400:
            detail = said.get("detail") or said.get("message") if isinstance(said, dict) else None
            text = str(detail or f"refused with {status}")
            raise Refused("no such item" if status == 404 and "no such" not in text else text)
        return said

    def _cut(self) -> None:
        with suppress(OSError, AttributeError):
            self._http.sock.shutdown(2)
