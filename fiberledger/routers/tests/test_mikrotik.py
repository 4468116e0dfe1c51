"""Our half of the API against the simulated router, and against answers no router should give."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.routers import Api, Changed, Denied, NoAnswer, Refused
from fiberledger.routers.mikrotik import Words, encode
from fiberledger.routers.simulator import Simulator, own_certificate


@pytest.fixture(params=["6.42", "6.49", "7.10", "7.20"])
def router(request):
    with Simulator(password="s3cret = ü", version=request.param) as simulated:
        yield simulated


def opened(router: Simulator, **more) -> Api:
    settings = {"username": router.username, "password": router.password, "seconds": 2, **more}
    return Api(router.address, router.port, **settings)


def test_every_version_lets_us_in_and_answers(router):
    router.put("/ppp/active", name="asha", address="10.0.0.7", caller_id="AA:BB:CC:00:11:22", uptime="1h")
    with opened(router) as api:
        assert api.rows("/ppp/active", "name", "address") == [{"name": "asha", "address": "10.0.0.7"}]
        assert api.rows("/ppp/active", "name", name="nobody") == []
        assert api.rows("/system/resource", "version")[0]["version"] == router.version


def test_a_wrong_password_is_denied_and_nowhere_in_the_message(router):
    with pytest.raises(Denied) as caught, opened(router, password="hunter2"):
        pass
    assert "hunter2" not in str(caught.value) and caught.value.__cause__ is None


def test_ensuring_twice_does_nothing_the_second_time(router):
    with opened(router) as api:
        wanted = {"rate-limit": "10M/20M", "only-one": True}
        assert api.ensure("/ppp/profile", {"name": "home"}, wanted) == "added"
        router.rows["/ppp/profile"][0] |= {"rate-limit": "10000000/20000000", "only-one": "true"}  # as it prints them
        assert api.ensure("/ppp/profile", {"name": "home"}, wanted) == "kept"
        assert api.ensure("/ppp/profile", {"name": "home"}, {"rate-limit": "10M/30M"}) == "changed"
        assert router.rows["/ppp/profile"][0]["rate-limit"] == "10M/30M"
        assert len(router.rows["/ppp/profile"]) == 1


def test_a_refusal_leaves_the_next_command_its_own_answer(router):
    with opened(router) as api:
        api.add("/ppp/secret", {"name": "asha", "comment": "a=b"})
        with pytest.raises(Refused, match="already exists"):
            api.add("/ppp/secret", {"name": "asha"})
        with pytest.raises(Refused, match="no such command prefix"):
            api.rows("/no/such/thing", "name")
        assert api.rows("/ppp/secret", "name", "comment") == [{"name": "asha", "comment": "a=b"}]


def test_what_is_gone_already_is_removed(router):
    row = router.put("/ppp/active", name="asha")
    with opened(router) as api:
        assert api.remove("/ppp/active", row[".id"]) is True
        assert api.remove("/ppp/active", row[".id"]) is False
        router.traps["/ppp/active"] = "not enough permissions (9)"
        with pytest.raises(Refused, match="permissions"):
            api.remove("/ppp/active", row[".id"])


def test_five_thousand_rows_in_any_script(router):
    for n in range(5_000):
        router.put("/ppp/secret", name=f"user{n}", comment="محمد · Nakuru")
    with opened(router, seconds=10) as api:
        rows = api.rows("/ppp/secret", "name", "comment")
    assert len(rows) == 5_000 and rows[-1] == {"name": "user4999", "comment": "محمد · Nakuru"}


def test_a_router_that_does_not_answer_costs_its_seconds_and_no_more(router):
    with opened(router, seconds=0.3) as api:
        router.silent = True
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"within 0\.3 seconds"):
            api.rows("/ppp/active", "name")
        assert time.monotonic() - began < 2
        router.silent = False
        with pytest.raises(NoAnswer, match="closed"):  # a late answer must not become the next command's
            api.rows("/ppp/active", "name")


def test_an_answer_that_breaks_off_is_no_answer(router):
    router.put("/ppp/active", name="asha")
    with opened(router) as api:
        router.half = True
        with pytest.raises(NoAnswer):
            api.rows("/ppp/active", "name")


def test_a_connection_cut_in_the_middle_is_said(router):
    with opened(router) as api:
        router.drops = 1
        api.rows("/ppp/active", "name")
        with pytest.raises(NoAnswer):
            api.rows("/ppp/active", "name")


def test_nobody_at_the_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswer, match="no connection"), Api("127.0.0.1", port, username="a", password="b"):
        pass


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 50, b"\xf0\xff\xff\xff\xff", b""])
def test_whoever_else_listens_there_is_no_router(said):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            sock, _peer = listener.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        with pytest.raises(NoAnswer), Api("127.0.0.1", port, username="a", password="b", seconds=2):
            pass


@given(st.lists(st.text(min_size=1).filter(lambda text: text < "\ud800" or text > "\udfff"), max_size=6))
def test_what_is_encoded_is_read_back(words):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(encode(words))
        assert Words(theirs).sentence(time.monotonic() + 5) == words


@pytest.mark.parametrize("size", [0x7F, 0x80, 0x3FFF, 0x4000, 0xFFFFF])
def test_words_of_every_length(size):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=ours.sendall, args=(encode(["x" * size]),), daemon=True).start()
        assert Words(theirs).sentence(time.monotonic() + 5) == ["x" * size]


def test_a_router_is_known_again_by_its_certificate():
    with Simulator(password="s3cret", tls=own_certificate()) as router:
        with opened(router, tls=True) as api:
            known = api.certificate
        assert len(known) == 64
        with opened(router, tls=True, pin=known) as api:
            assert api.rows("/system/identity", "name")
        router.tls = own_certificate()
        asked = len(router.asked)
        with pytest.raises(Changed) as caught, opened(router, tls=True, pin=known):
            pass
        assert len(caught.value.offered) == 64 and caught.value.offered != known
        assert len(router.asked) == asked  # the password was not shown to it
