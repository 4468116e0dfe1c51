"""One file that holds an installation: the database, the documents and the keys. Written while everything runs."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

import fiberledger
from fiberledger import operate
from fiberledger.operate import environment, postgres, roles, supervisor
from fiberledger.operate.environment import Trouble

FORMAT = 1


def backup(target: Path | None) -> Path:
    """Dump first, then copy the documents: they are only ever added, so none that the dump names can be missing."""
    target = (target or Path(time.strftime("fiberledger-%Y%m%d-%H%M%S.tar", time.gmtime()))).absolute()
    if target.exists():
        raise Trouble(f"{target} exists; choose another name")
    draft = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dump = Path(folder) / "database.dump"
            _tool("pg_dump", _reader(), "--format=custom", "--compress=4", f"--file={dump}")
            facts = {
                "format": FORMAT,
                "version": fiberledger.VERSION,
                "written_at": time.strftime("%FT%TZ", time.gmtime()),
            }
            with (
                open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file,
                tarfile.open(fileobj=file, mode="w") as tar,
            ):
                about = tarfile.TarInfo("about.json")
                text = json.dumps(facts).encode()
                about.size = len(text)
                tar.addfile(about, io.BytesIO(text))
                tar.add(dump, "database.dump")
                for name in ("secrets", "files"):
                    tar.add(environment.data_dir() / name, name)
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def restore(source: Path, *, replace: bool) -> None:
    """Put the archive's database, documents and keys in the place of ours. What was here is gone only at the very end."""
    held = supervisor.only_one()
    folder = environment.make_data_dir()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        unpacked = Path(place)
        try:
            with tarfile.open(source) as tar:
                tar.extractall(unpacked, filter="data")
            facts = json.loads((unpacked / "about.json").read_text())
        except FileNotFoundError:
            raise Trouble(f"{source} does not exist, or is not a backup of FiberLedger") from None
        except (tarfile.TarError, ValueError) as error:
            raise Trouble(f"{source} is not a backup of FiberLedger ({error})") from None
        if facts.get("format") != FORMAT:
            raise Trouble(f"{source} was written by FiberLedger {facts.get('version')}; restore it with that version")

        operate.ensure_database(migrate=False, stop_after=True)
        name = environment.superuser()["dbname"]
        if not replace and _has_tables():
            raise Trouble("there is a database here already; restore over it with --replace")
        # The embedded superuser's password belongs to this cluster, not to the one the backup came from.
        _take_secrets(unpacked / "secrets", folder / "secrets")
        roles.create_everything()
        with roles.connect("postgres") as server:
            draft = f"{name}_restoring"
            for statement in (
                "DROP DATABASE IF EXISTS {draft} WITH (FORCE)",
                "CREATE DATABASE {draft} OWNER fl_owner TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8'",
            ):
                server.execute(sql.SQL(statement).format(draft=sql.Identifier(draft)))
            _tool(
                "pg_restore", {**environment.superuser(), "dbname": draft}, f"--dbname={draft}", "--exit-on-error",
                "--jobs=2", str(unpacked / "database.dump"),
            )  # fmt: skip
            for statement in ("DROP DATABASE IF EXISTS {name} WITH (FORCE)", "ALTER DATABASE {draft} RENAME TO {name}"):
                server.execute(sql.SQL(statement).format(draft=sql.Identifier(draft), name=sql.Identifier(name)))
        roles.create_everything()
        documents = folder / "files"
        documents.rename(unpacked / "old-files")
        (unpacked / "files").rename(documents)
    held.close()
    operate.run_migrations()


def _reader():
    """Whoever can read every row: the owner cannot, and DATABASE_URL's password may have been changed since."""
    try:
        psycopg.connect(**environment.superuser(), connect_timeout=5).close()
        return environment.superuser()
    except psycopg.OperationalError:
        return environment.connection("fl_control")


def _take_secrets(source, target):
    for path in source.iterdir():
        if path.name != "postgres":
            shutil.copyfile(path, target / f"{path.name}.new")
            (target / f"{path.name}.new").chmod(0o600)
            (target / f"{path.name}.new").rename(target / path.name)


def _has_tables():
    with psycopg.connect(**environment.connection("fl_control")) as opened:
        return opened.execute("select to_regclass('public.tenancy_tenant')").fetchone()[0] is not None


def _tool(name, where, *arguments):
    done = subprocess.run(
        [postgres.tool(name), *arguments],
        env={"PATH": os.environ.get("PATH", ""), **environment.as_libpq(where)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise Trouble(f"{name}: {' '.join(done.stderr.split())[:500]}")
