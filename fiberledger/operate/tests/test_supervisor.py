"""`fiberledger run` on its bad days. Real processes; everything is waited for by what it does, never by sleeping."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from fiberledger.operate import environment, postgres
from tests.house import until


def test_a_second_run_says_where_the_first_is(house):
    second = house.command("run", "--no-demo")
    assert second.returncode == 3
    assert (
        second.stderr.startswith("fiberledger: already running at http://localhost:") and second.stderr.count("\n") == 1
    )
    facts = json.loads(house.command("status", "--json").stdout)
    assert facts["running"] and facts["database_up"] and facts["pid"] == house.process.pid


def test_a_taken_port_is_told_in_one_line_before_anything_starts(house):
    folder = Path(tempfile.mkdtemp(prefix="fl-port-", dir="/tmp"))
    try:
        refused = house.command("run", DATA_DIR=str(folder))
        assert refused.returncode == 3 and refused.stdout == ""
        assert f"port {house.port} on 127.0.0.1 is taken" in refused.stderr and refused.stderr.count("\n") == 1
        assert not (folder / "postgres").exists()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("verb", ["web", "worker"])
def test_a_killed_child_comes_back(house, verb):
    (before,) = house.children(verb)
    os.kill(before, signal.SIGKILL)
    until(lambda: [pid for pid in house.children(verb) if pid != before])
    until(house.serves)


def test_a_killed_database_comes_back(house):
    cluster = postgres.Cluster(house.folder)
    before = cluster.pid()
    os.kill(before, signal.SIGKILL)
    until(lambda: cluster.pid() not in (None, before))
    until(house.serves)


def test_after_kill_9_the_next_run_serves_again(house):
    house.end(signal.SIGKILL)
    house.start()
    until(lambda: len(list(house.children("worker"))) == 1)


def test_ctrl_c_stops_everything_within_seconds(house):
    began = time.monotonic()
    assert house.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert not list(house.children("web")) and not list(house.children("worker"))
    assert postgres.Cluster(house.folder).pid() is None
    assert not house.serves()
    house.start()


def test_a_backup_brings_everything_back(house):
    made = house.command("tenant", "create", "kept", "--name", "Kept ISP", "--country", "PK")
    assert made.returncode == 0, made.stderr
    archive = house.folder / "backup.tar"
    written = house.command("backup", str(archive))
    assert written.returncode == 0, written.stderr
    assert archive.stat().st_mode & 0o777 == 0o600
    elsewhere = Path(tempfile.mkdtemp(prefix="fl-restore-", dir="/tmp"))
    try:
        restored = house.command("restore", str(archive), DATA_DIR=str(elsewhere))
        assert restored.returncode == 0, restored.stderr
        listed = house.command("tenant", "list", "--json", DATA_DIR=str(elsewhere))
        assert [row["slug"] for row in json.loads(listed.stdout)] == ["kept"]
        again = house.command("restore", str(archive), DATA_DIR=str(elsewhere))
        assert again.returncode == 3 and "--replace" in again.stderr
        assert house.command("restore", str(archive), "--replace", DATA_DIR=str(elsewhere)).returncode == 0
        for secret in ("field_key", "fl_app"):
            assert (elsewhere / "secrets" / secret).read_text() == (house.folder / "secrets" / secret).read_text()
    finally:
        postgres.Cluster(elsewhere).stop("immediate")
        shutil.rmtree(elsewhere)


SESSIONS = """
    SELECT access_make_partitions(now() + interval '5 months', 4);
    INSERT INTO access_sessionhistory (key, tenant_id, nas_id, username, session_id, mac, started_at, ended_at, seconds,
        in_octets, out_octets)
      SELECT gen_random_uuid(), t.id, 1, 'past' || m, m, '', now(), now() + make_interval(months => m), 60, m, m
        FROM tenancy_tenant t, generate_series(-1, 8) m;
    INSERT INTO access_livesession (key, tenant_id, nas_id, username, session_id, mac, prefix6, called, started_at,
        updated_at, seconds, in_octets, out_octets, terms)
      SELECT gen_random_uuid(), t.id, 1, 'now', '1', '', '', '', now(), now(), 1, 1, 1, '' FROM tenancy_tenant t"""
COUNT = """
    SELECT (SELECT count(*) FROM access_livesession), count(*), count(DISTINCT tableoid), sum(in_octets),
           (SELECT count(DISTINCT pg_get_userbyid(relowner)) FROM pg_class WHERE relname LIKE 'access_sessionhistory%')
      FROM access_sessionhistory"""


@pytest.mark.parametrize("reader", ["superuser", "fl_control"])
def test_a_backup_has_the_sessions_of_every_month(house, reader):
    """Also those whose partition the job made later, and also for whom the database's superuser is gone."""
    if not json.loads(house.command("tenant", "list", "--json").stdout):
        house.command("tenant", "create", "kept", "--name", "Kept ISP", "--country", "PK")
    psql = ("db", "shell", "--role", "superuser", "--", "-At", "-v", "ON_ERROR_STOP=1", "-c")
    filled = house.command(*psql, SESSIONS)
    assert filled.returncode == 0, filled.stderr
    counted = house.command(*psql, COUNT).stdout
    assert int(counted.split("|")[2]) >= 10
    archive, elsewhere = house.folder / f"{reader}.tar", Path(tempfile.mkdtemp(prefix="fl-restore-", dir="/tmp"))
    gone = f"postgresql://nobody@/fiberledger?host={house.folder}/socket&port={environment.SOCKET_PORT}"
    written = house.command("backup", str(archive), DATABASE_URL="" if reader == "superuser" else gone)
    assert written.returncode == 0, written.stderr
    try:
        restored = house.command("restore", str(archive), DATA_DIR=str(elsewhere))
        assert restored.returncode == 0, restored.stderr
        assert house.command("db", "start", DATA_DIR=str(elsewhere)).returncode == 0
        assert house.command(*psql, COUNT, DATA_DIR=str(elsewhere)).stdout == counted
        more = house.command(
            *psql, "SELECT access_make_partitions(now() + interval '1 year', 4)", DATA_DIR=str(elsewhere)
        )
        assert int(more.stdout) > 0, more.stderr
        checked = house.command("radius", "check", DATA_DIR=str(elsewhere))
        assert checked.returncode == 0, checked.stdout + checked.stderr
    finally:
        postgres.Cluster(elsewhere).stop("immediate")
        shutil.rmtree(elsewhere)


def test_the_unit_in_the_documentation_is_one_that_systemd_takes(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "running.md").read_text()
    unit = re.search(r"```ini\n(.*?)```", text, re.DOTALL)[1]
    program = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)[1]
    file = tmp_path / "fiberledger.service"
    file.write_text(unit.replace(program, "/bin/true").replace("User=fiberledger", "User=daemon"))
    said = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
    assert said.returncode == 0 and str(file) not in said.stderr, said.stderr


def test_errors_are_one_line_and_have_a_code(house):
    refused = house.command("tenant", "create", "Bad Slug", "--name", "X", "--country", "PK")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert house.command("tenant", "nonsense").returncode == 2
    away = house.command("tenant", "list", DATABASE_URL="postgresql://nobody@127.0.0.1:1/x")
    assert away.returncode == 3 and away.stderr.count("\n") == 1 and "Traceback" not in away.stderr
