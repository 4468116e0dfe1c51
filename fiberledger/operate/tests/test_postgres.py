import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from fiberledger.operate import environment, postgres, roles
from fiberledger.operate.environment import Trouble


def ask(question, role="postgres"):
    where = environment.superuser() if role == "postgres" else environment.connection(role)
    with psycopg.connect(**{**where, "dbname": "postgres" if role == "postgres" else where["dbname"]}) as opened:
        return opened.execute(question).fetchone()[0]


def test_it_starts_once_however_often_it_is_asked(folder):
    cluster = postgres.embedded()
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: postgres.embedded().start(), range(4)))
    assert started.count(True) == 1 and cluster.pid()
    assert cluster.start() is False
    assert ask("show server_version").startswith("18")
    assert (ask("show timezone"), ask("show server_encoding"), ask("show listen_addresses")) == ("UTC", "UTF8", "")
    assert ask("show data_checksums") == "on" and ask("show fsync") == "on"
    cluster.stop()
    assert cluster.pid() is None
    cluster.stop()


def test_it_comes_back_after_kill_9_with_what_was_committed(folder):
    cluster = postgres.embedded()
    cluster.start()
    with psycopg.connect(**{**environment.superuser(), "dbname": "postgres"}) as opened:
        opened.execute("create table kept as select 42 as answer")
    os.kill(cluster.pid(), signal.SIGKILL)
    assert postgres.embedded().start() is True
    assert ask("select answer from kept") == 42


def test_a_pid_file_that_names_somebody_else_is_not_believed(folder):
    cluster = postgres.embedded()
    cluster.start()
    cluster.stop()
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    assert cluster.pid() is None
    assert cluster.start() is True


def test_folders_above_keep_their_permissions_and_secrets_are_ours_alone(folder):
    before = stat.S_IMODE(Path("/tmp").stat().st_mode)
    postgres.embedded().start()
    assert stat.S_IMODE(Path("/tmp").stat().st_mode) == before
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    for secret in (folder / "secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_folder_that_the_server_may_not_enter_is_refused_not_opened(folder, monkeypatch):
    private = folder / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("DATA_DIR", str(private / "data"))
    if os.geteuid() == 0:  # only root has the server run as somebody else
        with pytest.raises(Trouble, match="cannot be entered"):
            postgres.embedded().start()
    else:
        assert postgres.embedded().start()
        postgres.embedded().stop()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_long_path_gets_a_short_socket(folder, monkeypatch):
    folder.chmod(0o711)
    monkeypatch.setenv("DATA_DIR", str(folder / ("long" * 30)))
    sockets = environment.socket_dir()
    assert sockets.parent == Path("/tmp") and len(str(sockets)) < 60
    cluster = postgres.embedded()
    try:
        cluster.start()
        assert ask("select 1") == 1
    finally:
        cluster.stop("immediate")
        sockets.rmdir()


def test_secrets_are_made_once_whoever_comes_first(folder):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: environment.secret("django_key"), range(32)))) == 1


def test_settings_start_nothing(folder):
    assert environment.databases()["default"]["USER"] == "fl_app"
    assert not (folder / "postgres").exists()


def test_any_server_serves_through_database_url(folder, monkeypatch):
    """The same code against a server that is not ours: here the embedded one, reached as a stranger would."""
    postgres.embedded().start()
    password = environment.secret("postgres")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres:{password}@/elsewhere?host={environment.socket_dir()}")
    roles.ensure()
    roles.ensure()
    assert ask("select current_database()", "fl_app") == "elsewhere"
    assert environment.databases()["owner"]["NAME"] == "elsewhere"
    monkeypatch.setenv("DATABASE_URL", "mysql://nobody@nowhere/x")
    with pytest.raises(Trouble, match="DATABASE_URL must look like"):
        environment.databases()
