"""The contract of drivers: each of them, and each make and version behind it, does the same."""

from __future__ import annotations

import subprocess
import time
import tracemalloc

import pytest

from fiberledger.routers import Denied, NoAnswer, Refused, Trouble
from fiberledger.routers.drivers import (
    KINDS,
    HotspotProfile,
    HotspotUser,
    Lease,
    ListEntry,
    Profile,
    Queue,
    Secret,
    Step,
    Unsupported,
    Way,
    drivers,
    same,
)
from fiberledger.routers.simulator import RestPort, Simulator
from tests.radius import CommandedRouter

PASSWORD = "s3cret = ü"
# Of each kind that we make: as it is wanted first, and as it is wanted later.
THINGS = [
    (Profile("fl-20", name="fl-20", rate_limit="10M/20M"), Profile("fl-20", name="fl-20", rate_limit="20M/40M")),
    (
        Secret("fl:7", name="asha", password="let me in", profile="fl-20", remote_address="10.9.0.1"),
        Secret("fl:7", name="asha", password="let me in", profile="fl-20", disabled="yes"),
    ),
    (HotspotProfile("fl-h", name="fl-h", rate_limit="1M/2M"), HotspotProfile("fl-h", name="fl-h", rate_limit="2M/2M")),
    (
        HotspotUser("fl:8", name="basit", password="x", profile="fl-h"),
        HotspotUser("fl:8", name="basit", password="محمد", profile="fl-h", mac_address="AA:BB:CC:00:11:22"),
    ),
    (
        Queue("fl:9", name="fl-9", target="10.9.0.9", max_limit="10M/20M"),
        Queue("fl:9", name="fl-9", target="10.9.0.9", max_limit="5M/5M", burst_limit="8M/8M", burst_threshold="4M/4M",
              burst_time="8/8"),
    ),
    (
        Lease("fl:10", mac_address="AA:BB:CC:00:11:33", address="10.9.0.10", rate_limit="1M/1M"),
        Lease("fl:10", mac_address="AA:BB:CC:00:11:33", address="10.9.0.11", block_access="yes"),
    ),
    (ListEntry("fl:9", list="expired", address="10.9.0.9"), ListEntry("fl:9", list="expired", address="10.9.0.12")),
]  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "router.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=router", "-days", "2",
         "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + path.with_suffix(".pem.crt").read_text())
    return str(path)


@pytest.fixture(
    params=["radius", "mikrotik 6.42", "mikrotik 6.49", "mikrotik 7.20", "mikrotik-rest 7.20", "mikrotik-rest tls"]
)
def way(request, certificate):
    """(driver, how to reach it, the simulated router behind it) of everything that drivers speak to."""
    code, _space, version = request.param.partition(" ")
    driver = drivers.get(code)
    tls = version == "tls"
    with Simulator(password=PASSWORD, version="7.20" if tls or not version else version) as router:
        login = {"username": router.username, "password": PASSWORD, "seconds": 2}
        if code == "radius":
            with CommandedRouter(router.address, "sharedsecret") as commanded:
                yield driver, Way(router.address, secret="sharedsecret", coa_port=commanded.port, seconds=1), router
        elif code == "mikrotik":
            yield driver, Way(router.address, router.port, **login), router
        else:
            with RestPort(router, certificate=certificate if tls else "") as rest:
                yield driver, Way(router.address, rest.port, tls=tls, **login), router


def found(connection, thing):
    return [one for one in connection.read([type(thing)]) if one.ours and one.thing.tag == thing.tag]


@pytest.mark.parametrize(("first", "later"), THINGS, ids=[first.kind for first, _later in THINGS])
def test_what_is_supported_is_made_changed_and_removed_and_seen_each_time(way, first, later):
    driver, where, router = way
    foreign = router.put(
        first.path, name="somebody", comment="not yours", list="x", address="10.0.0.1", target="10.0.0.1"
    )
    before = dict(foreign)
    with driver.open(where) as connection:
        if not driver.supports(type(first)):
            assert connection.read([type(first)]) == []
            with pytest.raises(Unsupported):
                connection.apply(Step("add", first))
            return
        assert found(connection, first) == []
        added = connection.apply(Step("add", first))
        (seen,) = found(connection, first)
        assert added == seen and seen.ours and seen.thing.tag == first.tag
        assert all(same(name, seen.thing.values()[name], value) for name, value in first.values().items())
        differs = tuple(n for n, value in later.values().items() if value != first.values()[n])
        connection.apply(Step("change", later, seen.id, differs))
        (seen,) = found(connection, later)
        assert all(same(name, seen.thing.values()[name], value) for name, value in later.values().items())
        assert connection.apply(Step("remove", later, seen.id)) is None
        assert connection.apply(Step("remove", later, seen.id)) is None  # gone already
        assert found(connection, later) == []
        others = [one for one in connection.read([type(first)]) if not one.ours]
        assert len(others) == 1 and others[0].thing.tag == ""
    assert foreign == before


def test_only_what_is_compared_is_asked_for(way):
    driver, where, router = way
    if driver.code == "radius":
        return
    with driver.open(where) as connection:
        connection.read(KINDS)
    asked = [sentence for sentence in router.asked if sentence[0].endswith("/print")]
    assert len(asked) == len(KINDS)
    assert all(any(word.startswith("=.proplist=") for word in sentence) for sentence in asked)


def test_a_session_is_dropped_by_its_login(way):
    driver, where, router = way
    router.put("/ppp/active", name="asha", session_id="0x81")
    router.put("/ppp/active", name="basit", session_id="0x82")
    with driver.open(where) as connection:
        assert connection.disconnect("asha", session_id="81") == 1
    if driver.code != "radius":
        assert [row["name"] for row in router.rows["/ppp/active"]] == ["basit"]


def test_a_name_that_is_taken_is_refused_and_the_connection_goes_on(way):
    driver, where, router = way
    if not driver.supports(Secret):
        return
    router.put("/ppp/secret", name="asha")
    with driver.open(where) as connection:
        with pytest.raises(Refused, match="already"):
            connection.apply(Step("add", Secret("fl:1", name="asha", password="x")))
        assert len(connection.read([Secret])) == 1


def test_a_wrong_password_is_denied_and_said_nowhere(way):
    driver, where, _router = way
    if driver.code == "radius":
        return
    wrong = Way(where.address, where.port, where.username, "hunter2", where.tls, 2)
    with pytest.raises(Denied) as caught, driver.open(wrong) as connection:
        connection.read([Secret])
    assert "hunter2" not in str(caught.value) and "hunter2" not in repr(wrong)


MISCHIEF = {
    "floods 20 MB": {"floods": 20 << 20},
    "closes in the middle": {"half": True},
    "says nothing": {"silent": True},
}


@pytest.mark.parametrize("mischief", MISCHIEF.values(), ids=MISCHIEF)
def test_a_hostile_router_costs_bounded_time_and_memory(way, mischief):
    driver, where, router = way
    if driver.code == "radius":
        return
    router.put("/ppp/secret", name="asha", comment="x" * 900)
    vars(router).update(mischief)
    slow = Way(where.address, where.port, where.username, where.password, where.tls, 5 if router.floods else 0.5)
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(Trouble), driver.open(slow) as connection:
            connection.read([Secret])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 8 and peak < 120 << 20


def test_another_code_page_is_read_as_far_as_it_goes(way):
    driver, where, router = way
    if driver.code != "mikrotik":
        return
    router.put("/ppp/secret", name="müller", comment="fl:5")
    router.code_page = "latin-1"
    with driver.open(where) as connection:
        (seen,) = connection.read([Secret])
    assert seen.ours and seen.thing.name == "m\\xfcller"


def test_who_lies_is_seen_through(way):
    driver, where, router = way
    if not driver.supports(Secret):
        return
    with driver.open(where) as connection:
        router.lies = True
        assert connection.apply(Step("add", Secret("fl:1", name="asha", password="x"))) is None
        router.lies, router.half_applies = False, True
        seen = connection.apply(Step("add", Secret("fl:2", name="basit", password="x", profile="p")))
        assert seen is None or seen.thing.values() != Secret("fl:2", name="basit", password="x", profile="p").values()


def test_the_configuration_is_read_without_its_secrets(way):
    driver, where, router = way
    router.put("/ppp/secret", name="asha", password="let me in")
    with driver.open(where) as connection:
        if driver.code == "radius" or router.version < "7":
            with pytest.raises(Unsupported):
                connection.export()
        else:
            text = connection.export()
            assert "name=asha" in text and "let me in" not in text


def test_nobody_at_the_port():
    for code in ("mikrotik", "mikrotik-rest"):
        with pytest.raises(NoAnswer), drivers.get(code).open(Way("127.0.0.1", 1, "a", "b", seconds=1)) as connection:
            connection.read([Secret])


@pytest.mark.parametrize(
    ("name", "has", "wants", "is_it"),
    [
        ("max-limit", "10000000/20000000", "10M/20M", True), ("burst-time", "8s/8s", "8/8", True), ("target", "10.0.0.7/32", "10.0.0.7", True),
        ("burst-limit", "0/0", "", True), ("disabled", "true", "yes", True), ("disabled", "", "no", True), ("name", "10M", "10000000", False),
        ("max-limit", "10M/20M", "10M/21M", False), ("mac-address", "aa:bb:cc:00:11:22", "AA:BB:CC:00:11:22", True),
    ],
)  # fmt: skip
def test_what_a_router_says_in_its_own_way(name, has, wants, is_it):
    assert same(name, has, wants) is is_it
