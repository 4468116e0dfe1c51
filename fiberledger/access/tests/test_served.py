"""How a router serves its sessions, held against what they were granted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.access import served
from fiberledger.access.reading import OnRouter
from fiberledger.access.rules import Facts, rate_limit

ROW = OnRouter("*1", "/ppp/active", "asha", "AA:BB:CC:00:11:22", "10.9.0.1", "81100001", "1h", "pppoe")
SESSION = SimpleNamespace(username="asha", terms="0123456789ab")
WALLED = SimpleNamespace(username="asha", terms="walled")
TERMS = {"asha": {"Mikrotik-Rate-Limit": "10M/20M 20M/40M 7500k/15M 16/16"}}
RIGHT = served.Served({"<pppoe-asha>": "10000000/20000000"})


@given(st.integers(1, 10_000_000), st.integers(1, 10_000_000))
def test_both_ways_to_write_a_speed_are_the_same(up, down):
    ours = rate_limit(Facts(1, 1, "pppoe", "a", upload_kbps=up, download_kbps=down))
    assert served.speeds(ours) == served.speeds(f"{up * 1000}/{down * 1000}") == (up * 1000, down * 1000)
    assert served.speeds(served.in_words(ours)) == served.speeds(ours)


@given(st.text(max_size=20))
def test_whatever_a_router_says_is_read(text):
    assert isinstance(served.in_words(text), str)


@pytest.mark.parametrize(
    ("session", "row", "seen", "kind"),
    [
        (SESSION, ROW, RIGHT, None),
        (SESSION, ROW, served.Served({"<pppoe-asha>": "1000000/20000000"}), "rate"),
        (SESSION, ROW, served.Served(), "rate"),  # nobody holds it back
        (SESSION, ROW, served.Served({"<pppoe-asha>": "0/0"}), "rate"),
        (
            SESSION,
            ROW,
            served.Served(RIGHT.rates, {"10.9.0.1": {"max-limit": "50M/50M"}}),
            "rate",
        ),  # it goes before the router's
        (SESSION, ROW, served.Served({}, {"<pppoe-asha>": {"max-limit": "10M/20M"}}), None),
        (SESSION, replace(ROW, service=""), served.Served(), None),  # a hotspot's queues have other names
        (SESSION, ROW, served.Served(RIGHT.rates, {}, {"10.9.0.1": ["*5"]}), "listed"),
        (SESSION, ROW, served.Served(RIGHT.rates, {}, {"10.9.0.2": ["*5"]}), None),
        (WALLED, ROW, served.Served({}, {}, {"10.9.0.1": ["*5"]}), None),
        (WALLED, ROW, served.Served(), "unlisted"),
        (WALLED, replace(ROW, ip=""), served.Served(), None),
    ],
)
def test_what_differs(session, row, seen, kind):
    found = served.judge([(session, row)], seen, TERMS, "expired")
    assert [one.kind for one in found] == ([kind] if kind else [])


def test_who_is_on_twice_is_not_judged_by_speed():
    pairs = [(SESSION, ROW), (SESSION, replace(ROW, id="*2"))]
    assert served.judge(pairs, served.Served(), TERMS, "expired") == []


def test_a_line_without_a_rate_and_a_router_without_a_list():
    assert served.judge([(SESSION, ROW), (WALLED, replace(ROW, name="b"))], served.Served(), {"asha": {}}, "") == []
