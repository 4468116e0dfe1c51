"""An installation of its own, run by `fiberledger run` and used from outside: for tests that kill, stop and freeze.

Everything is waited for by what it does, never by sleeping.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import psutil
import psycopg

from fiberledger.operate import environment, postgres, supervisor


class House:
    """One DATA_DIR and port, and the `fiberledger run` that serves it."""

    def __init__(self, folder: Path, server: Server | None = None, **settings: str) -> None:
        self.folder, self.server, self.port, self.settings = folder, server, free_port(), settings
        self.process: Any = None

    def environment(self, **settings: str) -> dict[str, str]:
        given = {"DATA_DIR": str(self.folder), "DATABASE_URL": "", "PORT": str(self.port)}
        return {**os.environ, **given, **self.settings, **settings}

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """`fiberledger …` in this house."""
        return self._python("-m", "fiberledger", *arguments, **settings)

    def script(self, *arguments: str) -> str:
        """A Python program of ours in this house; what it printed."""
        done = self._python(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _python(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], env=self.environment(**settings), capture_output=True, text=True, timeout=120
        )

    # --- its processes ---

    def start(self) -> None:
        with open(self.folder / "test.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fiberledger", "run", "--no-demo", "--web", "1", "--workers", "1"],
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        until(lambda: self.process.poll() is not None or self.serves(), 120)
        assert self.process.poll() is None, self.log

    @property
    def log(self) -> str:
        return (self.folder / "test.log").read_text()

    def serves(self) -> bool:
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asked.request("GET", "/")
            return asked.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()

    def children(self, verb: str) -> Iterator[int]:
        wanted = os.fsencode(f"{supervisor.MARK}={self.folder}")
        for place in Path("/proc").glob("[0-9]*"):
            try:
                command = (place / "cmdline").read_bytes().split(b"\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                ours = parent in (1, self.process.pid)  # not the children of our children
                if ours and verb.encode() in command and wanted in (place / "environ").read_bytes().split(b"\0"):
                    yield int(place.name)
            except OSError:
                continue

    @staticmethod
    def children_of(pid: int) -> list[int]:
        return [child.pid for child in psutil.Process(pid).children()]

    @contextmanager
    def worker_held(self, pid: int) -> Iterator[None]:
        """Nobody takes a job meanwhile."""
        with frozen([pid]):
            yield

    def kill(self, what: str) -> None:
        """kill -9: "web" or "worker" with all their processes, "database" with all its backends, or "everything"."""
        if what == "everything":
            for each in ("supervisor", "worker", "web", "database"):
                self.kill(each)
        elif what == "supervisor":
            self.end(signal.SIGKILL)
        elif what == "database":
            for pid in postgres_processes(postgres.Cluster(self.folder).pid()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            for pid in list(self.children(what)):
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    # --- its database and its pages ---

    def sql(self, statement: str, *values: Any) -> list[tuple]:
        with self.connect() as opened:
            cursor = opened.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def database_answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            return bool(self.sql("SELECT 1"))
        return False

    def connect(self) -> psycopg.Connection[Any]:
        """As the superuser, who sees all rows."""
        if self.server is not None:
            return self.server.connect("fiberledger")
        return psycopg.connect(
            host=str(environment.socket_dir(self.folder)), port=environment.SOCKET_PORT, user="postgres",
            dbname="fiberledger", password=(self.folder / "secrets" / "postgres").read_text().strip(), autocommit=True,
            application_name="test",
        )  # fmt: skip

    def browser(self, slug: str, **headers: str) -> Browser:
        return Browser(self.port, f"{slug}.localhost" if slug else "localhost", headers)


class Browser(httpx.Client):
    """A browser at one tenant's host: it keeps cookies and sends the forms' token."""

    def __init__(self, port: int, host: str, headers: dict[str, str]) -> None:
        super().__init__(
            base_url=f"http://127.0.0.1:{port}", headers={"Host": f"{host}:{port}", **headers}, timeout=30,
            transport=httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0)),
        )  # fmt: skip

    def send_form(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        if "csrftoken" not in self.cookies:
            self.get("/login/")
        return self.post(path, data={"csrfmiddlewaretoken": self.cookies["csrftoken"], **(data or {})}, **more)

    def sign_in(self, email: str, password: str) -> Browser:
        answer = self.send_form("/login/", {"email": email, "password": password})
        assert answer.status_code == 302, answer.text
        return self

    def hidden(self, path: str, name: str) -> str:
        """What a hidden field of that page's form holds."""
        page = self.get(path)
        found = re.search(rf'name="{name}" value="([^"]+)"', page.text)
        assert found, f"{page.status_code}: no {name} on {path}"
        return found[1]


def postgres_processes(postmaster: int | None) -> list[int]:
    """The postmaster and all that it started."""
    if postmaster is None:
        return []
    with suppress(psutil.NoSuchProcess):
        return [postmaster, *(child.pid for child in psutil.Process(postmaster).children())]
    return []


class Server:
    """A PostgreSQL of the operator's own, as at a provider's: reached over TCP, and nobody of ours is superuser in it."""

    LANDLORD, PASSWORD = "landlord", "p@ss/w:rd %#?&=é"

    def __init__(self, folder: Path) -> None:
        self.cluster, self.port = postgres.Cluster(folder), free_port()
        self.data = folder / "own"
        self.user = self.cluster._user()
        self.programs = self.cluster._programs(self.user)

    def create(self) -> None:
        self.data.mkdir(mode=0o700)
        self.cluster.data.mkdir(mode=0o700)  # where its programs stand while they run
        if os.geteuid() == 0:
            for place in (self.data, self.cluster.data):
                os.chown(place, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        self.start()
        with self.connect("postgres") as opened:
            secret = opened.pgconn.encrypt_password(self.PASSWORD.encode(), self.LANDLORD.encode(), b"scram-sha-256")
            opened.execute(
                f"CREATE ROLE {self.LANDLORD} LOGIN CREATEROLE CREATEDB BYPASSRLS PASSWORD '{secret.decode()}'"
            )

    def connect(self, dbname: str) -> psycopg.Connection[Any]:
        where = {"host": str(self.data), "port": self.port, "user": "postgres", "dbname": dbname}
        return psycopg.connect(**where, autocommit=True, application_name="test")

    def start(self) -> None:
        settings = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data}"
        self._run("pg_ctl", "-o", settings, "-l", str(self.data / "server.log"), "-w", "-s", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-m", mode, "-w", "-s", "stop")

    @property
    def processes(self) -> list[int]:
        with suppress(FileNotFoundError):
            return postgres_processes(int((self.data / "postmaster.pid").read_text().split()[0]))
        return []

    def url(self, **options: str) -> str:
        return (
            f"postgresql://{self.LANDLORD}:{quote(self.PASSWORD, safe='')}@127.0.0.1:{self.port}/fiberledger"
            f"?{urlencode(options)}"
        )

    def _run(self, program: str, *arguments: str) -> None:
        self.cluster._run(self.user, [self.programs / program, "-D", self.data, *arguments])


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Stopped as by a debugger or a stalled machine: they are there and say nothing."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def until(true: Callable[[], Any], seconds: float = 60, told: Callable[[], str] = lambda: "it never happened") -> Any:
    """Wait until it is so; what it answered."""
    limit = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < limit, told()
        time.sleep(0.05)
    return answer
