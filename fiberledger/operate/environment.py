"""Where things are and what they are called: read from DATA_DIR, DATABASE_URL and PORT. No Django, no side effect but secrets."""

import base64
import hashlib
import os
import secrets as randomness
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ROLES = ("fl_owner", "fl_app", "fl_radius", "fl_control")
KEYS = ("django_key", "field_key", "radius_key", "wireguard_key")  # urlsafe base64 of 32 bytes, as Fernet wants them
ALIASES = {"default": "fl_app", "owner": "fl_owner", "control": "fl_control"}
SOCKET_PORT = "5432"  # only the name of the socket file; nothing listens on the network
LONGEST_SOCKET = 107  # sun_path without its closing zero


class Trouble(Exception):
    """The machine does not give what we need. The message is one line and says what to do."""


def data_dir() -> Path:
    """The one folder that holds everything we keep: database, secrets, documents, logs."""
    given = os.environ.get("DATA_DIR")
    if given:
        return Path(given).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/fiberledger")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "fiberledger"


def demo_note() -> Path:
    """Says "loading" while the demo is loaded, "done" afterwards; not there where no demo is."""
    return data_dir() / "run" / "demo"


def shows_demo() -> bool:
    return demo_note().exists() and demo_note().read_text() == "done"


def make_data_dir() -> Path:
    """Others may pass through DATA_DIR (the database's own system user does), but list nothing in it."""
    folder = data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o711)
        for name in ("secrets", "files", "run", "log"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Trouble(f"DATA_DIR {folder} cannot be used: {error.strerror}") from None
    return folder


def port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def secret(name: str) -> str:
    """The secret of that name, made up the first time anybody asks. All processes agree on it, whoever comes first."""
    path = data_dir() / "secrets" / name
    with suppress(FileNotFoundError):
        return _read(path)
    make_data_dir()
    value = base64.urlsafe_b64encode(randomness.token_bytes(32)).decode() if name in KEYS else randomness.token_hex(24)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # the first one wins, and nobody ever reads half a secret
    finally:
        os.unlink(draft)
    return _read(path)


def _read(path):
    try:
        return path.read_text().strip()
    except PermissionError:
        raise Trouble(f"{path} belongs to another user; run as that user or set DATA_DIR") from None


def database_url() -> str:
    return os.environ.get("DATABASE_URL", "").strip()


@cache
def _parsed(url):
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise Trouble("DATABASE_URL must look like postgresql://user:password@host:5432/fiberledger")
    options = dict(parse_qsl(parts.query))
    return {
        "host": unquote(parts.hostname or "") or options.pop("host", ""),
        "port": str(parts.port or options.pop("port", "") or "5432"),
        "dbname": unquote(parts.path.lstrip("/")) or "fiberledger",
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or ""),
        **options,
    }


def socket_dir(folder: Path | None = None) -> Path:
    """Beside the data, unless the path would be longer than a socket's name may be: then a short one under /tmp."""
    folder = folder or data_dir()
    place = folder / "socket"
    if len(os.fsencode(place / f".s.PGSQL.{SOCKET_PORT}.lock")) <= LONGEST_SOCKET:
        return place
    return Path("/tmp") / f"fiberledger-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def superuser() -> dict[str, Any]:
    """libpq parameters of the connection that creates roles: the embedded superuser, or whoever DATABASE_URL names."""
    if url := database_url():
        return {key: value for key, value in _parsed(url).items() if value}
    return {
        "host": str(socket_dir()),
        "port": SOCKET_PORT,
        "dbname": "fiberledger",
        "user": "postgres",
        "password": secret("postgres"),
    }


def connection(role: str) -> dict[str, Any]:
    """libpq parameters of one of our roles, for psycopg.connect(**connection("fl_app")), psql or FreeRADIUS."""
    return {**superuser(), "user": role, "password": secret(role)}


def as_libpq(given: dict[str, str]) -> dict[str, str]:
    """The same as environment variables for psql, pg_dump and their like."""
    return {
        "PGDATABASE" if key == "dbname" else f"PG{key.upper()}": value
        for key, value in given.items()
        if key != "options"
    }


def databases() -> dict[str, dict]:
    """Django's DATABASES: default serves, owner migrates, control reads across tenants."""
    return {alias: _for_django(connection(role)) for alias, role in ALIASES.items()}


def _for_django(given):
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": "fiberledger",
            "connect_timeout": 5,
            **{key: value for key, value in given.items() if key not in known},
        },
        **{name: given.get(key, "") for key, name in known.items()},
    }
