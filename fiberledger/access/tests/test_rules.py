"""The grant as a pure function, and the two boxes for secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger.access import secrets
from fiberledger.access.rules import Facts, as_value, desired_access, normal_mac, rate_limit
from fiberledger.operate import environment
from fiberledger.routers import coa

LINE = Facts(tenant_id=1, account_id=7, kind="pppoe", username="Asha", download_kbps=20000, upload_kbps=10000)


def test_upload_comes_first_in_the_routers_view():
    assert rate_limit(LINE) == "10M/20M"
    assert rate_limit(replace(LINE, upload_kbps=None)) == "20M/20M"
    assert rate_limit(replace(LINE, download_kbps=1536, upload_kbps=512)) == "512k/1536k"
    assert rate_limit(replace(LINE, download_kbps=None, upload_kbps=None)) == ""


def test_a_burst_is_given_whole_or_not_at_all():
    burst = replace(LINE, burst_download_kbps=40000, burst_upload_kbps=20000)
    assert rate_limit(burst) == "10M/20M 20M/40M 7500k/15M 8/8"
    exact = replace(burst, threshold_upload_kbps=8000, threshold_download_kbps=16000, burst_seconds=12)
    assert rate_limit(exact) == "10M/20M 20M/40M 8M/16M 12/12"
    assert rate_limit(replace(LINE, burst_download_kbps=40000)) == "10M/20M 10M/40M 7500k/15M 8/8"


def test_a_line_ends_at_the_morning_after_in_its_own_zone():
    line = replace(LINE, ended_on=date(2026, 2, 6), zone="Asia/Karachi")
    assert desired_access(line).ends_at == datetime(2026, 2, 6, 19, tzinfo=UTC)
    owing = replace(line, cut_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert desired_access(owing).cut_at == owing.cut_at
    assert desired_access(owing).ends_at == desired_access(line).ends_at
    assert desired_access(LINE).ends_at is None


def test_a_fixed_address_beats_a_pool_and_the_accounts_pool_the_plans():
    items = lambda facts: dict(desired_access(facts).items)
    assert items(replace(LINE, plan_pool="home"))["Framed-Pool"] == "home"
    assert items(replace(LINE, plan_pool="home", account_pool="vip"))["Framed-Pool"] == "vip"
    fixed = items(replace(LINE, plan_pool="home", static_ip="10.0.0.9"))
    assert fixed["Framed-IP-Address"] == "10.0.0.9" and "Framed-Pool" not in fixed


def test_terms_tell_a_new_speed_from_everything_else():
    before = desired_access(LINE).terms
    speed = desired_access(replace(LINE, download_kbps=50000)).terms
    address = desired_access(replace(LINE, static_ip="10.0.0.9")).terms
    assert len(before) == 12
    assert speed != before and speed[:6] == before[:6]
    assert address[:6] != before[:6] and address[6:] == before[6:]


@pytest.mark.parametrize(("network", "verdict"), [("accept", "accept"), ("walled", "walled"), ("reject", "refuse")])
def test_the_status_decides(network, verdict):
    access = desired_access(replace(LINE, network=network, status="suspended"))
    assert access.verdict == verdict and access.username == "asha"
    assert bool(access.message) == (verdict != "accept")


def test_a_line_without_a_login_has_no_grant():
    assert desired_access(replace(LINE, kind="static", static_ip="10.0.0.9")) is None


# The machine may be busy with FreeRADIUS beside us.
calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

facts = st.builds(
    Facts,
    tenant_id=st.integers(1, 9), account_id=st.integers(1, 9), kind=st.sampled_from(["pppoe", "hotspot", "mac"]),
    username=st.from_regex(r"[A-Za-z0-9@._:/-]{1,20}", fullmatch=True), network=st.sampled_from(["accept", "walled", "reject"]),
    download_kbps=st.none() | st.integers(1, 10**7), upload_kbps=st.none() | st.integers(1, 10**7),
    burst_download_kbps=st.none() | st.integers(1, 10**7), burst_upload_kbps=st.none() | st.integers(1, 10**7),
    static_ip=st.none() | st.ip_addresses(v=4).map(str), plan_pool=st.sampled_from(["", "home"]),
)  # fmt: skip


@calm
@given(facts)
def test_every_grant_is_one_that_freeradius_can_read(line):
    access = desired_access(line)
    names = [name for name, _value in access.items]
    assert len(names) == len(set(names)) and "" not in dict(access.items).values()
    assert not any(c in value for _name, value in access.items for c in "`'\"\\%\x1f")
    assert desired_access(line) == access  # the same facts, the same grant


@calm
@given(st.text(min_size=1, max_size=60).filter(lambda t: "\0" not in t and len(t.encode()) <= 200))
def test_a_box_opens_to_what_was_put_in_and_to_nothing_else(text):
    boxed = secrets.box(text, "1:7")
    assert secrets.open_box(boxed) == text
    assert secrets.box(text, "1:7") == boxed != secrets.box(text, "1:8")
    assert text.encode() not in boxed or len(text) < 3


def test_postgresql_opens_the_same_boxes():
    words = ["a", "let me in", "x" * 30, "x" * 31, "x" * 62, "x" * 94, "پاس ورڈ", "y" * 200, "`%{sql:1}`"]
    with psycopg.connect(**environment.connection("fl_control"), autocommit=True) as control:
        control.execute("SELECT set_config('app.radius_key', %s, false)", [secrets.radius_key()])
        for word in words:
            [opened] = control.execute("SELECT radius_open(%s)", [secrets.box(word, "t")]).fetchone()
            assert opened == word
        control.execute("SELECT set_config('app.radius_key', %s, false)", ["ab" * 32])
        with pytest.raises(psycopg.Error):
            control.execute("SELECT radius_open(%s)", [secrets.box("let me in", "t")])


@calm
@given(st.text(max_size=30))
def test_postgresql_reads_names_back_as_they_were(text):
    # FreeRADIUS writes what is outside its safe characters as =XX, byte by byte; letters of UTF-8 pass.
    safe = set("@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_: /")
    if "\0" in text:
        return
    escaped = "".join(c if c in safe or ord(c) > 127 else f"={ord(c):02X}" for c in text)
    with psycopg.connect(**environment.connection("fl_control"), autocommit=True) as control:
        assert control.execute("SELECT radius_plain(%s)", [escaped]).fetchone()[0] == text


def test_values_are_written_so_that_they_are_never_expanded():
    assert as_value("plain") == "plain"
    assert as_value("`id`") == "'`id`'"
    assert as_value("'both\"'") is None
    assert as_value("a\\b") == "a\\\\b"


def test_macs_in_every_spelling_are_one():
    spellings = ["aa:bb:cc:00:11:22", "AA-BB-CC-00-11-22", "aabb.cc00.1122", "AABBCC001122"]
    assert {normal_mac(text) for text in spellings} == {"AA:BB:CC:00:11:22"}
    assert normal_mac("no mac") == ""


def test_an_answer_with_another_secret_is_no_answer():
    sent = coa.packet(coa.DISCONNECT, "secret-one", coa.which("s", "u", None), 7)
    forged = bytes([41, 7, 0, 20]) + bytes(16)
    assert coa._read(forged, sent, "secret-one") is None
