"""Master keys: they lock nothing but the tenants' data keys, and never lie in the database.

    KMS_COMMAND       a program that is run with "wrap" or "unwrap" and passes base64 from standard input to output
    VAULT_KEYS        "2:KEY 1:KEY", the first one locks, all of them open
    VAULT_KEY_FILE    a file with a line "number key" each, the last one locks (default: DATA_DIR/secrets/master_keys)

Whichever of them is first in this list and there locks; all of them open what was locked with them.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shlex
import subprocess
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fiberledger.operate import Trouble, environment

KMS = "kms"
PATIENCE = 10.0


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def current() -> str:
    """The name of the master key that locks from now on."""
    if _kms():
        return KMS
    if given := _from_environment():
        return next(iter(given))
    return list(_from_file())[-1]


def names() -> list[str]:
    """All master keys that we can open with."""
    return [*([KMS] if _kms() else []), *_from_environment(), *(_from_file() if key_file().exists() else {})]


def wrap(plain: bytes, about: str) -> tuple[str, bytes]:
    """The key locked, and the name of the master key that did it. `about` is authenticated along."""
    name = current()
    if name == KMS:
        return name, _run_kms("wrap", plain)
    nonce = os.urandom(12)
    return name, nonce + AESGCM(_master(name)).encrypt(nonce, plain, about.encode())


@lru_cache(maxsize=4096)
def unwrap(name: str, wrapped: bytes, about: str) -> bytes:
    """The key itself, kept in this process's memory. Raises Trouble when the master key is not to be had."""
    if name == KMS:
        return _run_kms("unwrap", wrapped)
    try:
        return AESGCM(_master(name)).decrypt(wrapped[:12], wrapped[12:], about.encode())
    except InvalidTag:
        raise Trouble(f"master key {name} is not the one that locked {about}") from None


def add_to_file() -> str:
    """A new master key, written behind the others; it locks from now on. Returns its name."""
    _from_file()  # there is one
    with open(key_file(), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        name = str(max((int(name) for name in _from_file() if name.isdecimal()), default=0) + 1)
        file.seek(0, os.SEEK_END)
        file.write(f"{name} {new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    return name


def where() -> str:
    """Where the key that locks comes from, for people."""
    if _kms():
        return f"the command {shlex.split(_kms())[0]}"
    return "VAULT_KEYS" if _from_environment() else str(key_file())


def lies_beside_the_data() -> bool:
    return not _kms() and not _from_environment() and environment.data_dir() in key_file().absolute().parents


def key_file() -> Path:
    given = os.environ.get("VAULT_KEY_FILE", "")
    return Path(given).expanduser() if given else environment.data_dir() / "secrets" / "master_keys"


def _kms() -> str:
    return os.environ.get("KMS_COMMAND", "").strip()


def _from_environment() -> dict[str, bytes]:
    pairs = (word.partition(":") for word in os.environ.get("VAULT_KEYS", "").replace(",", " ").split())
    return {name: _key(text, "VAULT_KEYS") for name, _colon, text in pairs}


def _from_file() -> dict[str, bytes]:
    path = key_file()
    if not path.exists():
        _make_file(path)
    try:
        lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from None
    if not lines or any(len(line) != 2 for line in lines):
        raise Trouble(f"{path} must have lines of a number and a key")
    return {name: _key(text, str(path)) for name, text in lines}


def _make_file(path: Path) -> None:
    """The first one wins, and nobody ever reads half a key."""
    if os.environ.get("VAULT_KEY_FILE"):
        raise Trouble(f"{path} is not there; put the master key into it, or unset VAULT_KEY_FILE")
    environment.make_data_dir()
    draft = path.with_name(f".master_keys.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"1 {new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _key(text: str, place: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Trouble(f"a key in {place} is not 32 bytes in base64")
    return key


def _master(name: str) -> bytes:
    found = {**(_from_file() if key_file().exists() or not _kms() else {}), **_from_environment()}
    if name not in found:
        raise Trouble(f"master key {name} is in neither VAULT_KEYS nor {key_file()}")
    return found[name]


def _run_kms(verb: str, given: bytes) -> bytes:
    command = [*shlex.split(_kms()), verb]
    if len(command) == 1:
        raise Trouble("a key was locked by KMS_COMMAND, which is not set")
    try:
        done = subprocess.run(
            command, input=base64.b64encode(given) + b"\n", capture_output=True, timeout=PATIENCE, check=True
        )
        answer = base64.b64decode(done.stdout, validate=False)
    except subprocess.TimeoutExpired:
        raise Trouble(f"KMS_COMMAND {verb} did not answer within {PATIENCE:g} seconds") from None
    except (OSError, subprocess.CalledProcessError, ValueError):
        raise Trouble(f"KMS_COMMAND {verb} failed") from None
    if not answer or (verb == "unwrap" and len(answer) != 32):
        raise Trouble(f"KMS_COMMAND {verb} answered nothing of use")
    return answer
