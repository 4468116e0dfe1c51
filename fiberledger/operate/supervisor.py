"""Runs web, workers and the database as one foreground process: `fiberledger run`.

Promises: nothing starts when the port is taken or the same data is already being served; a crashed child comes back,
later and later; Ctrl-C or SIGTERM stops everything within seconds; after kill -9 of anything the next run finds what
was left over and cleans it up.
"""

import fcntl
import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from fiberledger import operate
from fiberledger.operate import environment, postgres
from fiberledger.operate.environment import Trouble

MARK = "FIBERLEDGER_SUPERVISED"  # in the environment of every child: its value is DATA_DIR, and finds orphans again
PATIENCE = 10  # seconds from SIGTERM to SIGKILL
COLORS = {"web": 36, "worker": 35, "radius": 33, "database": 34}


def follow_parent() -> None:
    """Die with the process that started us. The kernel tells us even when that one was killed with -9."""
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent or parent == 1:
        os.kill(os.getpid(), signal.SIGTERM)


def follow_if_supervised() -> None:
    if os.environ.get(MARK):
        follow_parent()


def _marked():
    return {**os.environ, MARK: str(environment.data_dir()), "PYTHONUNBUFFERED": "1"}


@dataclass
class Child:
    name: str
    arguments: list[str]
    process: Any = None  # subprocess.Popen
    started_at: float = 0.0
    start_at: float = 0.0
    patient: bool = False  # starts when the web answers, so that the first page need not share the processor
    crashes: int = 0
    rest: bytes = b""
    returned: int | None = None

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fiberledger", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_marked(),
            start_new_session=True,  # a group of its own: Ctrl-C reaches us alone, and we can end it with all its children
        )
        os.set_blocking(self.process.stdout.fileno(), False)

    def signal(self, number) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    children: list[Child]
    host: str
    port: int
    on_ready: Callable[[float], None] | None = None  # called once, when the web answers
    stopping: bool = False
    began: float = field(default_factory=time.monotonic)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self) -> int:
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the selector
        self.selector.register(reading, selectors.EVENT_READ)
        next_look = 0.0
        try:
            for child in self.children:
                child.start_at = self.began + 20 if child.patient else 0
            while not self.stopping:
                self._bring_back()
                self._read(0.1 if self.on_ready else 1.0)
                if self.on_ready and answers(self.host, self.port):
                    on_ready, self.on_ready = self.on_ready, None
                    for child in self.children:
                        if child.patient and child.process is None:
                            child.start_at = 0
                    on_ready(time.monotonic() - self.began)
                if time.monotonic() > next_look and not environment.database_url():
                    next_look = time.monotonic() + 2
                    self._look_after_database()
        finally:
            self._stop_all()
        return 0

    def _stop(self, *_):
        self.stopping = True

    def _start(self, child):
        child.start()
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _read(self, timeout):
        for key, _ in self.selector.select(timeout):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(key.fd, 512)
                continue
            child = key.data
            text = os.read(key.fd, 65536)
            if not text:
                self.selector.unregister(key.fileobj)
            *lines, child.rest = (child.rest + text).split(b"\n")
            for line in lines:
                say(child.name, line.decode(errors="replace"))

    def _bring_back(self):
        now = time.monotonic()
        for child in self.children:
            if child.running:
                continue
            if child.process is not None:
                self._forget(child)
                child.crashes = 1 if now - child.started_at > 60 else child.crashes + 1
                if self.on_ready and child.crashes == 4:
                    raise Trouble(f"{child.name} does not start; what it said stands above")
                pause = min(30, 0.5 * 2 ** (child.crashes - 1))
                child.start_at = now + pause
                say(child.name, f"stopped with {child.returned}; starting again in {pause:g} s")
            if now >= child.start_at:
                self._start(child)

    def _forget(self, child):
        child.signal(signal.SIGKILL)  # what it left behind in its group, such as web workers without their parent
        child.returned = child.process.returncode
        with suppress(KeyError):
            self.selector.unregister(child.process.stdout)
        while text := _read_rest(child.process.stdout):
            child.rest += text
        for line in child.rest.decode(errors="replace").splitlines():
            say(child.name, line)
        child.process.stdout.close()
        child.process, child.rest = None, b""

    def _look_after_database(self):
        if postgres.embedded().pid():
            return
        say("database", "is gone; starting it again")
        try:
            postgres.embedded().start()
            say("database", "runs again")
        except Trouble as trouble:
            say("database", str(trouble))

    def _stop_all(self):
        running = [child for child in self.children if child.running]
        say("run", "stopping")
        for child in running:
            child.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while any(child.running for child in running) and time.monotonic() < until:
            self._read(0.1)
        for child in self.children:
            if child.process is not None:
                child.signal(signal.SIGKILL)
                child.process.wait()
                self._forget(child)
        if not environment.database_url():
            postgres.embedded().stop()
        say("run", "stopped")


def _read_rest(pipe):
    with suppress(BlockingIOError, ValueError):
        return os.read(pipe.fileno(), 65536)
    return b""


def say(name: str, line: str) -> None:
    label = f"{name:<9}"
    with suppress(OSError):  # the terminal is gone: still stop cleanly
        print(
            f"\x1b[{COLORS.get(name, 32)}m{label}\x1b[0m {line}" if sys.stdout.isatty() else f"{label} {line}",
            flush=True,
        )


def answers(host: str, port: int) -> bool:
    asked = http.client.HTTPConnection(reachable(host), port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        asked.request("GET", "/")
        return asked.getresponse().status < 500
    return False


def reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def check_port(host: str, port: int) -> None:
    """Refuse before anything is started, in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except PermissionError:
            raise Trouble(f"port {port} needs root; choose another with PORT=8000") from None
        except OSError as error:
            raise Trouble(
                f"port {port} on {host} is taken ({error.strerror}); choose another, e.g. PORT={port + 1}"
            ) from None


def only_one():
    """The open file whose lock says that this data is being served. Two supervisors on one DATA_DIR would fight."""
    place = environment.make_data_dir() / "run" / "supervisor"
    file = open(place, "a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        running = status() or {}
        raise Trouble(
            f"already running at {running.get('url', 'an unknown address')} (process {running.get('pid', '?')}); stop that one first"
        ) from None
    return file


def write_down(file, **facts) -> None:
    file.seek(0)
    file.truncate()
    json.dump({"pid": os.getpid(), **facts}, file)
    file.flush()


def status() -> dict | None:
    """Facts about the running supervisor of this DATA_DIR, or None."""
    place = environment.data_dir() / "run" / "supervisor"
    with suppress(OSError, ValueError), open(place) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return json.load(file)
    return None


def stop_orphans() -> int:
    """End children of a supervisor that was killed. They are known by their environment, so no pid can be mistaken."""
    wanted = os.fsencode(f"{MARK}={environment.data_dir()}")
    found = []
    for place in Path("/proc").iterdir():
        with suppress(OSError):
            if place.name.isdigit() and wanted in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
    found = [pid for pid in found if pid not in (os.getpid(), os.getppid())]
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        for pid in found:
            with suppress(OSError):
                os.kill(pid, number)
        until = time.monotonic() + patience
        while any(_alive(pid) for pid in found) and time.monotonic() < until:
            time.sleep(0.05)
    return len(found)


def _alive(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def run(*, host: str, port: int, web_workers: int, workers: int, demo: bool, radius: bool, dev: bool = False) -> int:
    began = time.monotonic()
    held = only_one()
    if orphans := stop_orphans():
        say("run", f"stopped {orphans} processes that an earlier run left behind")
    check_port(host, port)
    url = f"http://{'localhost' if reachable(host) == '127.0.0.1' else host}:{port}/"
    write_down(held, url=url, port=port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say("database", "starting" if not environment.database_url() else "connecting")
        operate.ensure_database()
        if not environment.database_url():
            forget_workers()
        if demo:
            load_demo_once()
    except BaseException:
        if not environment.database_url():
            with suppress(Trouble):
                postgres.embedded().stop()
        raise
    _close_connections()
    children = [
        Child(
            "web",
            ["web", "--host", host, "--port", str(port), "--workers", str(web_workers), *(["--dev"] if dev else [])],
        )
    ]
    children += [Child("worker", ["worker"], patient=True) for _ in range(workers)]
    if environment.shows_demo():
        children.append(Child("network", ["demo", "network"], patient=True))
    if radius:
        children.append(Child("radius", ["radius", "run"], patient=True))

    def ready(_):
        print(
            f"\n  FiberLedger is ready at {url}  (after {time.monotonic() - began:.1f} s; Ctrl-C stops it)\n",
            flush=True,
        )
        for line in demo_logins():
            print("  " + line, flush=True)

    return Supervisor(children, host, port, ready, began=began).run()


def forget_workers() -> None:
    """None of an earlier run is alive: what they left half done is taken up at once, not when their silence is noticed."""
    with psycopg.connect(**environment.connection("fl_control")) as opened:
        opened.execute("delete from procrastinate_workers")


def _close_connections():
    if django := sys.modules.get("django.db"):  # loaded only if there was something to migrate
        django.connections.close_all()


def load_demo_once() -> None:
    """On the first start of an empty installation. A load that was interrupted is begun again."""
    note = environment.demo_note()
    unfinished = note.exists() and note.read_text() != "done"
    if not unfinished and (note.exists() or _has_tenants()):
        return
    note.write_text("loading")
    say("demo", "loading two providers and six months of their life; this happens once")
    arguments = ["demo", "load", *(["--reset"] if unfinished else [])]
    done = subprocess.run([sys.executable, "-m", "fiberledger", *arguments], env=_marked())
    if done.returncode:
        raise Trouble("the demo could not be loaded (see above); start without it: fiberledger run --no-demo")


def _has_tenants():
    with psycopg.connect(**environment.connection("fl_control")) as opened:
        return opened.execute("select exists (select from tenancy_tenant)").fetchone()[0]


def demo_logins() -> list[str]:
    if not environment.demo_note().exists():
        return []
    asked = subprocess.run([sys.executable, "-m", "fiberledger", "demo", "logins"], capture_output=True, text=True)
    return ["Demo logins (role, where, e-mail, password):", *asked.stdout.splitlines(), ""]
