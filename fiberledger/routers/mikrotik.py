"""MikroTik's binary API: sentences of length-prefixed words over TCP 8728 or TLS 8729.

Source: the vendor's description of the API; RouterOS 6.43 and later log in with the password, earlier ones by challenge.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

PORT, TLS_PORT = 8728, 8729
MOST_ROWS = 200_000
MOST_BYTES = 16 << 20  # of one answer: fifty thousand rows of what we ask for are less
LONGEST_WORD = MOST_BYTES  # a whole configuration is one word

Row = dict[str, str]


class Trouble(Exception):
    """The router was asked in vain. The message is one line for a person and holds nothing secret."""


class NoAnswer(Trouble):
    """Nobody there, no answer in time, or an answer that is none."""


class Denied(Trouble):
    """The router does not accept this username and password."""


class Changed(Trouble):
    """The router shows another certificate than the one it is known by; nothing was said to it."""

    def __init__(self, offered: str) -> None:
        super().__init__("another certificate than the one it is known by")
        self.offered = offered


class Refused(Trouble):
    """The router understood and says no (!trap); the message is the router's."""

    def __init__(self, message: str, category: str = "") -> None:
        super().__init__(message)
        self.category = category

    @property
    def is_missing(self) -> bool:
        """What was to be changed or removed is not there (any more)."""
        return "no such item" in str(self)


def encode(words: Sequence[str]) -> bytes:
    """One sentence: each word behind its length, then the empty word."""
    return sentence_of(text.encode() for text in words)


def sentence_of(words: Iterable[bytes]) -> bytes:
    return b"".join(_length(len(data)) + data for data in words) + b"\0"


def _length(n: int) -> bytes:
    if n < 0x80:
        return bytes([n])
    if n < 0x4000:
        return (n | 0x8000).to_bytes(2, "big")
    if n < 0x200000:
        return (n | 0xC00000).to_bytes(3, "big")
    if n < 0x10000000:
        return (n | 0xE0000000).to_bytes(4, "big")
    return b"\xf0" + n.to_bytes(4, "big")


class Words:
    """Sentences as they come from a socket, each before its deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._kept = sock, bytearray()
        self.read, self.allowed = 0, 0  # bytes so far; up to where, if anywhere

    def sentence(self, until: float) -> list[str]:
        words = []
        while data := self._take(self._size(until), until):
            # Comments come in whatever code page somebody typed them in.
            words.append(data.decode(errors="backslashreplace"))
        return words

    def _size(self, until: float) -> int:
        first = self._take(1, until)[0]
        for mark, mask, more in ((0x80, 0x7F, 0), (0xC0, 0x3F, 1), (0xE0, 0x1F, 2), (0xF0, 0x0F, 3)):
            if first < mark:
                size = int.from_bytes(bytes([first & mask]) + self._take(more, until), "big")
                break
        else:
            if first != 0xF0:
                raise NoAnswer("the answer is not in the router's language")
            size = int.from_bytes(self._take(4, until), "big")
        if size > LONGEST_WORD:
            raise NoAnswer("the answer is not in the router's language")
        return size

    def _take(self, n: int, until: float) -> bytes:
        while len(self._kept) < n:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            data = self._sock.recv(65536)
            if not data:
                raise NoAnswer("the router closed the connection")
            self._kept += data
            self.read += len(data)
            if self.allowed and self.read > self.allowed:
                raise NoAnswer(f"more than {MOST_BYTES >> 20} MB")
        taken = bytes(self._kept[:n])
        del self._kept[:n]
        return taken


class Api:
    """A connection to one router, for one thread.

        with Api("10.0.0.1", username="fiberledger", password="…") as router:
            router.rows("/ppp/active", "name", "address")

    Raises NoAnswer, Denied, Changed or Refused; after any of them but Refused the connection is closed. `seconds` is how
    long one command may take, connecting and logging in included. Over TLS `certificate` is the SHA-256 of the router's
    certificate, "" where it has none; with `pin` no other is talked to.
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
        self._peer = address, port or (TLS_PORT if tls else PORT)
        self._pin, self.certificate = pin, ""
        self._login, self._tls, self._seconds = (username, password), tls, seconds
        self._sock: socket.socket | None = None

    def __enter__(self) -> Api:
        try:
            sock = socket.create_connection(self._peer, timeout=min(5, self._seconds))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock, self.certificate = secured(sock, self._pin)
            self._sock = sock
        except TimeoutError:
            raise NoAnswer("nobody answers at this address and port") from None
        except ssl.SSLError as error:
            raise no_secure_connection(error) from None
        except OSError as error:
            raise NoAnswer(f"no connection: {error.strerror or error}") from None
        self._words = Words(self._sock)
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def rows(self, path: str, *fields: str, **equal: str) -> list[Row]:
        """The rows below a path, only these fields (always ask for those you need), only those that equal."""
        words = [f"{path}/print", *([f"=.proplist={','.join(fields)}"] if fields else [])]
        words += [f"?{name.replace('_', '-')}={value}" for name, value in equal.items()]
        words += ["?#&"] * (len(equal) - 1)
        return self._ask(words)[0]

    def add(self, path: str, values: Mapping[str, Any]) -> str:
        """Add a row; returns its .id."""
        return self._ask([f"{path}/add", *_attributes(values)])[1].get("ret", "")

    def set(self, path: str, id: str, values: Mapping[str, Any]) -> None:
        self._ask([f"{path}/set", f"=.id={id}", *_attributes(values)])

    def remove(self, path: str, id: str) -> bool:
        """Remove a row; False when it was gone already."""
        try:
            self._ask([f"{path}/remove", f"=.id={id}"])
        except Refused as refused:
            if refused.is_missing:
                return False
            raise
        return True

    def ensure(self, path: str, key: Mapping[str, str], values: Mapping[str, Any]) -> str:
        return ensure(self, path, key, values)

    def do(self, command: str, values: Mapping[str, Any]) -> Row:
        """Any other command; returns what it brings."""
        return self._ask([command, *_attributes(values)])[1]

    @property
    def bytes_read(self) -> int:
        return self._words.read

    # --- one command ---------------------------------------------------------------------------------------------

    def _ask(self, words: Sequence[str]) -> tuple[list[Row], Row]:
        """Rows and what !done brings. All that a command answers is read before a refusal is raised, so that the next
        command gets its own answer."""
        if self._sock is None:
            raise NoAnswer("the connection is closed")
        until = time.monotonic() + self._seconds
        self._words.allowed = self._words.read + MOST_BYTES
        rows: list[Row] = []
        trap: Row | None = None
        try:
            self._sock.settimeout(self._seconds)
            self._sock.sendall(encode(words))
            for kind, values in self._replies(until):
                if kind == "!re":
                    rows.append(values)
                    if len(rows) > MOST_ROWS:
                        raise NoAnswer(f"more than {MOST_ROWS:,} rows")
                elif kind == "!trap":
                    trap = trap or values
                elif kind == "!fatal":
                    raise NoAnswer("the router ended the connection")
                elif kind == "!done":
                    if trap is not None:
                        raise Refused(trap.get("message", "refused without a reason"), trap.get("category", ""))
                    return rows, values
        except Refused:
            raise
        except TimeoutError:
            self.close()
            raise NoAnswer(f"no answer within {self._seconds:g} seconds") from None
        except OSError as error:
            self.close()
            raise NoAnswer(f"the connection broke: {error.strerror or 'closed'}") from None
        except NoAnswer:
            self.close()
            raise
        raise AssertionError

    def _replies(self, until: float) -> Iterator[tuple[str, Row]]:
        while True:
            sentence = self._words.sentence(until)
            if sentence:
                yield sentence[0], _values(sentence[1:])

    def _log_in(self) -> None:
        username, password = self._login
        try:
            _rows, done = self._ask(["/login", f"=name={username}", f"=password={password}"])
            if challenge := done.get("ret"):  # before 6.43
                digest = hashlib.md5(b"\0" + password.encode() + bytes.fromhex(challenge)).hexdigest()  # noqa: S324
                self._ask(["/login", f"=name={username}", f"=response=00{digest}"])
        except Refused:
            raise Denied("the router does not accept this username and password") from None
        except ValueError:
            raise NoAnswer("the answer is not in the router's language") from None


def ensure(wire: Any, path: str, key: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """A row with this key and these values: found and changed where it differs, else added. Returns what was done:
    "kept", "changed" or "added". Asking twice does nothing the second time."""
    wanted = {name: word(value) for name, value in values.items()}
    found = wire.rows(path, ".id", *key, *wanted, **key)
    if not found:
        wire.add(path, {**key, **values})
        return "added"
    differs = {name: value for name, value in wanted.items() if not same(found[0].get(name, ""), value)}
    if not differs:
        return "kept"
    wire.set(path, found[0][".id"], differs)
    return "changed"


def secured(sock: socket.socket, pin: str = "") -> tuple[ssl.SSLSocket, str]:
    """The connection over TLS, and the SHA-256 of the router's certificate, "" where it has none. A router's certificate is
    its own, signed by nobody: it is known again by its fingerprint. One without offers only anonymous keys; the tunnel
    says whose they are. Raises Changed where it is not the one that `pin` names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0" if pin else "DEFAULT:ADH:@SECLEVEL=0")
    secure = context.wrap_socket(sock)
    shown = secure.getpeercert(binary_form=True)
    certificate = hashlib.sha256(shown).hexdigest() if shown else ""
    if pin and certificate != pin:
        secure.close()
        raise Changed(certificate)
    return secure, certificate


def no_secure_connection(error: ssl.SSLError) -> NoAnswer:
    return NoAnswer(f"no secure connection: {error.reason or 'TLS failed'}")


def _values(words: Sequence[str]) -> Row:
    values = {}
    for word in words:
        if word.startswith("="):
            name, _equals, value = word[1:].partition("=")
            values[name] = value
    return values


def word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _attributes(values: Mapping[str, Any]) -> list[str]:
    return [f"={name}={word(value)}" for name, value in values.items()]


def same(has: str, wants: str) -> bool:
    """Whether the router's way to write a value means the one we would write: true for yes, 10000000 for 10M."""
    return has == wants or _plain(has) == _plain(wants)


def _plain(text: str) -> str:
    if text in ("yes", "true"):
        return "true"
    if text in ("no", "false"):
        return "false"
    return "/".join(number(part) for part in text.split("/"))


def number(text: str) -> str:
    """10000000 for 10M, as routers show it; what is no number stays as it is."""
    factor = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}.get(text[-1:])
    return str(int(text[:-1]) * factor) if factor and text[:-1].isdecimal() else text
