"""What should be on a router, and the steps from what is there: pure, and so tried with everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.access.rules import Facts
from fiberledger.provisioning.rules import (
    Line,
    Wall,
    differs,
    ends_sessions,
    line_of,
    plan_of,
    wanted_things,
)
from fiberledger.routers.drivers import Found, Lease, ListEntry, Profile, Queue, Secret, Step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATE = "10M/20M 20M/40M 7500k/15M 16/16"
WALL = Wall(list="expired", pool="walled", rate="256k/256k")
ASHA = Line(1, "pppoe", "asha", "let me in", "accept", RATE, pool="home")

lines = st.builds(
    Line,
    st.integers(1, 8),
    st.sampled_from(["pppoe", "hotspot", "mac", "static"]),
    st.sampled_from("abcdefgh"),
    st.just("secret"),
    st.sampled_from(["accept", "walled", "refuse"]),
    st.sampled_from(["", "10M/20M", RATE]),
    st.sampled_from(["", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    st.sampled_from(["", "home"]),
    st.sampled_from(["AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02", "AA:BB:CC:00:00:03"]),
)
networks = st.lists(lines, max_size=8, unique_by=(attrgetter("account_id"), attrgetter("username"), attrgetter("mac")))
walls = st.builds(
    Wall, st.booleans(), st.sampled_from(["", "expired"]), st.sampled_from(["", "walled"]), st.just("1M/1M")
)
FOREIGN = [
    Found(Secret("", name="zed", password="x"), "*F1", False, frozenset({"name"}), "his own"),
    Found(Queue("", name="office", target="10.1.1.1"), "*F2", False, frozenset(), ""),
    Found(ListEntry("", list="expired", address="10.0.0.1"), "*F3", False, frozenset(), ""),
    Found(Profile("", name="default"), "*F4", False, frozenset(), ""),
]


def on_router(things):
    return [Found(thing, f"*{n}", True, frozenset(thing.values()), thing.tag) for n, thing in enumerate(things)]


def play(found, steps):
    """What a router has after the steps; one that refuses what no router takes."""
    have = {one.id: one for one in found}
    for step in steps:
        thing = step.thing
        if step.verb == "remove":
            assert have.pop(step.id).ours
            continue
        name = thing.values().get(thing.unique, "") if thing.unique else ""
        assert not name or all(
            (one.thing.kind, one.name) != (thing.kind, name) for id, one in have.items() if id != step.id
        ), "the name is taken"
        id = step.id if step.verb == "change" else f"+{len(have)}{thing.key}"
        have[id] = Found(thing, id, True, frozenset(thing.values()), thing.tag)
    return list(have.values())


@given(networks, networks, walls, walls)
def test_the_steps_make_what_is_there_what_is_wanted_and_touch_nothing_else(before, after, first, later):
    found = on_router(wanted_things(before, first).things.values()) + FOREIGN
    want = wanted_things(after, later)
    plan = plan_of(want.things, found)
    assert plan.taken == {}
    then = play(found, plan.steps)
    assert {one.thing.key: one.thing for one in then if one.ours} == want.things
    assert [one for one in then if not one.ours] == FOREIGN
    assert plan_of(want.things, then).steps == []  # twice does nothing


@given(networks, walls)
def test_who_is_let_in_again_finds_nothing_that_held_them_back(network, wall):
    held = [replace(line, verdict="walled") for line in network]
    free = [replace(line, verdict="accept") for line in network]
    then = play(
        on_router(wanted_things(held, wall).things.values()),
        plan_of(wanted_things(free, wall).things, on_router(wanted_things(held, wall).things.values())).steps,
    )
    assert not [one for one in then if isinstance(one.thing, ListEntry)]
    assert all(
        getattr(one.thing, "disabled", "no") == "no" and getattr(one.thing, "block_access", "no") == "no"
        for one in then
    )
    assert not [one for one in then if getattr(one.thing, "address_list", "")]


def test_a_copy_with_our_mark_goes_and_a_password_that_is_not_shown_is_right():
    want = wanted_things([ASHA], WALL)
    found = on_router(want.things.values())
    secret = next(one for one in found if isinstance(one.thing, Secret))
    copied = replace(secret, id="*99", thing=replace(secret.thing, name="asha2"))
    assert [(s.verb, s.id) for s in plan_of(want.things, [*found, copied]).steps] == [("remove", "*99")]
    hidden = replace(secret, thing=replace(secret.thing, password=""), known=secret.known - {"password"})
    assert differs(want.things[secret.thing.key], hidden) == ()
    assert differs(want.things[secret.thing.key], replace(hidden, known=secret.known)) == ("password",)


def test_a_name_that_somebody_else_has_waits_to_be_taken_over():
    want = wanted_things([ASHA], WALL)
    his = Found(Secret("", name="asha", password="old"), "*7", False, frozenset({"name", "password"}), "by hand")
    plan = plan_of(want.things, [his])
    assert list(plan.taken) == [("secret", "fl:1")] and [s.thing.kind for s in plan.steps] == ["profile"]
    steps = plan_of(want.things, [his], [("secret", "fl:1")]).steps
    assert [(s.verb, s.id) for s in steps] == [("add", ""), ("change", "*7")] and "comment" in steps[1].differs


@pytest.mark.parametrize("kind", ["pppoe", "hotspot", "mac", "static"])
@pytest.mark.parametrize("verdict", ["accept", "walled", "refuse"])
def test_every_kind_of_line_in_every_state(kind, verdict):
    line = Line(7, kind, "asha", "pw", verdict, "10M/20M", "10.0.0.9", "home", "AA:BB:CC:00:11:22")
    things = {kind: thing for (kind, _tag), thing in wanted_things([line], WALL).things.items()}
    listed = things.get("list")
    if kind == "static":
        assert things["queue"].max_limit == ("10M/20M" if verdict == "accept" else "256k/256k")
        assert (listed is None) is (verdict == "accept")
    elif kind == "mac":
        assert things["lease"].block_access == ("yes" if verdict == "refuse" else "no")
        assert (listed is not None) is (verdict == "walled")
    else:
        login = things["secret" if kind == "pppoe" else "hotspot-user"]
        terms = things["profile" if kind == "pppoe" else "hotspot-profile"]
        assert login.disabled == ("yes" if verdict == "refuse" else "no")
        assert login.profile == terms.name and (terms.address_list == "expired") is (verdict == "walled")
    assert wanted_things([replace(line, address="", pool="")], WALL).impossible == (
        {7: "address"} if kind in ("mac", "static") else {}
    )


def test_burst_goes_into_a_queue_in_its_four_parts():
    (queue,) = wanted_things([Line(1, "static", "shop", "", "accept", RATE, "10.0.0.9")], WALL).things.values()
    assert (queue.max_limit, queue.burst_limit, queue.burst_threshold, queue.burst_time) == tuple(RATE.split())


def test_the_clock_cuts_a_line_whatever_job_has_run():
    facts = Facts(1, 7, "static", "shop", static_ip="10.0.0.9", upload_kbps=10_000, download_kbps=20_000)
    assert line_of(facts, NOW) == Line(7, "static", "shop", "", "accept", "10M/20M", "10.0.0.9")
    assert line_of(replace(facts, cut_at=NOW), NOW).verdict == "walled"
    assert line_of(replace(facts, cut_at=NOW + timedelta(seconds=1)), NOW).verdict == "accept"
    assert line_of(replace(facts, ended_on=date(2026, 2, 28)), NOW).verdict == "walled"
    assert line_of(replace(facts, network="reject"), NOW).verdict == "refuse"


@pytest.mark.parametrize(
    ("step", "whose"),
    [
        (Step("change", Secret("fl:1", name="asha"), "*1", ("profile",)), "asha"),
        (Step("change", Secret("fl:1", name="asha"), "*1", ("password",)), ""),
        (Step("remove", Secret("fl:1", name="asha"), "*1"), "asha"),
        (Step("add", Secret("fl:1", name="asha")), ""),
        (Step("remove", Queue("fl:1", name="asha"), "*1"), ""),
    ],
)
def test_whose_sessions_must_come_back(step, whose):
    assert ends_sessions(step) == whose


@pytest.mark.parametrize(
    ("note", "person", "phone"),
    [
        ("Ali Raza 0300-1234567", "Ali Raza", "0300-1234567"), ("Ali Raza, 0300 1234567, H#12", "Ali Raza", "0300 1234567"),
        ("+92 300 1234567", "", "+92 300 1234567"), ("office", "office", ""), ("", "", ""), ("H 12 St 4", "H 12 St 4", ""),
        ("محمد 03001234567", "محمد", "03001234567"),
    ],
)  # fmt: skip
def test_names_and_telephones_in_comments(note, person, phone):
    from fiberledger.provisioning.bringing import rows_of

    secret = Found(Secret("", name="user1", password="x", profile="p"), "*1", False, frozenset(), note)
    (row,) = rows_of([secret], {}, "Area", set()).rows
    assert row[:2] == (person or "user1", phone) and row[4] == "p"


def test_a_router_s_entries_as_rows_of_a_list():
    from fiberledger.provisioning.bringing import rows_of

    found = [
        Found(Profile("", name="gold", rate_limit="10M/20M 20M/40M"), "*1"),
        Found(Secret("", name="ali", password="p", profile="gold", remote_address="pool1", disabled="yes"), "*2"),
        Found(Secret("fl:1", name="ours", password="p"), "*3", True),
        Found(Secret("", name="Taken", password="p"), "*4"),
        Found(Lease("", mac_address="AA:BB:CC:00:11:22", address="10.0.0.9"), "*5", note="shop"),
        Found(Queue("", name="q", target="10.0.0.9/32", max_limit="1000000/2000000"), "*6"),
    ]
    brought = rows_of(found, {(10_000, 20_000): "Gold plan", (1_000, 2_000): "Slow"}, "Main", {"taken"})
    assert brought.here == 2
    assert brought.rows == [
        ("ali", "", "Main", "Main", "Gold plan", "suspended", "ali", "p", "", "", ""),
        ("shop", "", "Main", "Main", "Slow", "active", "", "", "", "", "AA:BB:CC:00:11:22 10.0.0.9"),
    ]
