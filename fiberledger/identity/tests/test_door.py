"""Signing in, and whoever should not."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django import forms
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client, override_settings

from fiberledger.audit.models import Entry
from fiberledger.identity import door, services, throttle
from fiberledger.identity.models import Login, LoginAttempt, Membership, User
from fiberledger.tenancy import tenant_scope
from tests.stage import PASSWORD


def browser(isp=None, address="127.0.0.1"):
    host = isp.host if isp is not None else "localhost"
    return Client(headers={"host": host, "user-agent": "Firefox on a phone"}, REMOTE_ADDR=address)


def sign_in(client, email, password=PASSWORD, **more):
    return client.post("/login/", {"email": email, "password": password, **more})


def is_in(client):
    return client.get("/account/").status_code == 200


def test_the_right_password_lets_in_and_is_written_down(isp, asha, address):
    client = browser(isp, address)
    answer = sign_in(client, asha.email.upper() + " ", next="/account/logins/")
    assert (answer.status_code, answer["Location"]) == (302, "/account/logins/")
    page = client.get("/account/logins/")
    assert (
        page.status_code == 200 and "Firefox on a phone" in page.content.decode() and address in page.content.decode()
    )
    with isp.scope():
        assert Entry.objects.filter(action="login.succeeded", actor_id=asha.pk, ip=address).count() == 1
        assert Membership.objects.get(user=asha).last_seen_at is not None


def test_every_wrong_reason_is_refused_with_the_same_words(isp, zed, asha, address):
    stranger = zed.member("owner").user
    gone = isp.member("support")
    with isp.scope():
        services.disable_member(gone, by=isp.system())
    closed = isp.member("support").user
    User.objects.filter(pk=closed.pk).update(is_active=False)
    answers = [
        sign_in(browser(isp, address), email, password)
        for email, password in [
            (asha.email, "wrong"),
            (f"{uuid4().hex}@example.org", PASSWORD),
            (stranger.email, PASSWORD),
            (gone.user.email, PASSWORD),
            (closed.email, PASSWORD),
        ]
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all(str(door.SAME_WORDS) in answer.content.decode() for answer in answers)


def test_a_login_from_elsewhere_is_never_sent_elsewhere(isp, asha, address):
    answer = sign_in(browser(isp, address), asha.email, next="https://evil.example/")
    assert answer["Location"] == "/"


def test_five_wrong_passwords_lock_the_account_for_a_while_even_for_the_right_one(isp, asha, address, clock):
    clock.move_to("2026-03-01")
    for _ in range(5):
        assert sign_in(browser(isp, address), asha.email, "wrong").status_code == 422
    answer = sign_in(browser(isp, address), asha.email)
    assert answer.status_code == 422 and "15 minutes" in answer.content.decode()
    clock.forward(minutes=14)
    assert sign_in(browser(isp, address), asha.email).status_code == 422
    clock.forward(minutes=2)
    assert sign_in(browser(isp, address), asha.email).status_code == 302
    with isp.scope():
        assert Entry.objects.filter(action="login.failed").count() == 5
        assert Entry.objects.filter(action="login.locked").count() == 2


def test_an_unknown_address_locks_just_the_same(isp, address, clock):
    clock.move_to("2026-03-01")
    email = f"{uuid4().hex}@example.org"
    for _ in range(5):
        sign_in(browser(isp, address), email, "wrong")
    assert "15 minutes" in sign_in(browser(isp, address), email).content.decode()


def test_the_right_password_starts_the_count_anew(isp, asha, address):
    for _ in range(3):
        for _ in range(4):
            sign_in(browser(isp, address), asha.email, "wrong")
        assert sign_in(browser(isp, address), asha.email).status_code == 302


def test_an_address_is_locked_whatever_accounts_it_tries_and_others_are_not(isp, asha, address, clock):
    clock.move_to("2026-03-01")
    for _ in range(30):
        sign_in(browser(isp, address), f"{uuid4().hex}@example.org", "wrong")
    assert sign_in(browser(isp, address), asha.email).status_code == 422
    assert sign_in(browser(isp, "192.0.2.1"), asha.email).status_code == 302


def test_thirty_people_behind_one_address_all_get_in(isp, asha, address):
    for _ in range(40):
        assert sign_in(browser(isp, address), asha.email).status_code == 302


def test_a_hundred_guesses_at_once_are_still_five(isp, asha):
    email, let_through = asha.email, []

    def guess():
        try:
            if throttle.take(throttle.LOGIN_ACCOUNT, email) is None:
                let_through.append(1)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(40)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(let_through) == 5


def test_an_administrator_unlocks(isp, asha, address):
    member = isp.member("support")
    for _ in range(6):
        sign_in(browser(isp, address), member.user.email, "wrong")
    with isp.scope():
        services.unlock(member, by=isp.system())
        assert Entry.objects.filter(action="member.unlocked").count() == 1
    assert sign_in(browser(isp, address), member.user.email).status_code == 302


def test_the_key_changes_at_the_door_and_a_planted_one_is_worth_nothing(isp, asha, address):
    client = browser(isp, address)
    client.get("/login/")
    session = client.session
    session["planted"] = 1
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    sign_in(client, asha.email)
    assert client.cookies["sessionid"].value != planted
    thief = browser(isp, address)
    thief.cookies["sessionid"] = planted
    assert not is_in(thief)


def test_the_table_of_logins_opens_no_door(isp, asha, address):
    client = browser(isp, address)
    sign_in(client, asha.email)
    key = client.cookies["sessionid"].value
    login = Login.objects.get(user=asha)
    assert key.encode() != bytes(login.key) and key not in login.data and key not in login.handle


def test_signing_out_ends_it(isp, asha, address):
    client = browser(isp, address)
    sign_in(client, asha.email)
    key = client.cookies["sessionid"].value
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    client.cookies["sessionid"] = key
    assert not is_in(client)
    with isp.scope():
        assert Entry.objects.filter(action="login.ended").count() == 1


def test_signing_out_elsewhere_leaves_this_one(isp, asha, address):
    here, there, third = (browser(isp, address) for _ in range(3))
    for client in (here, there, third):
        sign_in(client, asha.email)
    handle = Login.objects.filter(user=asha).order_by("-created_at")[0].handle
    here.post("/account/logins/end/", {"login": handle})
    assert is_in(here) and is_in(there) and not is_in(third)
    here.post("/account/logins/end/")
    assert is_in(here) and not is_in(there)


def test_nobody_ends_anothers_login(isp, zed, asha, address):
    mine, theirs = browser(isp, address), browser(zed, address)
    sign_in(mine, asha.email)
    stranger = zed.member("owner").user
    sign_in(theirs, stranger.email)
    mine.post("/account/logins/end/", {"login": Login.objects.get(user=stranger).handle})
    assert is_in(theirs)


def test_a_login_that_was_ended_is_not_brought_back_by_a_request_under_way(isp, asha, address):
    client = browser(isp, address)
    sign_in(client, asha.email)
    session = client.session
    session["x"] = 1
    Login.objects.filter(user=asha).delete()
    with pytest.raises(UpdateError):
        session.save()
    assert not Login.objects.filter(user=asha).exists()


def test_changing_the_password_ends_the_others_and_keeps_this_one(isp, asha, address):
    here, there = browser(isp, address), browser(isp, address)
    sign_in(here, asha.email)
    sign_in(there, asha.email)
    form = {"current": PASSWORD, "password": "zebra-quilt-77-umami"}
    assert here.post("/account/password/", {**form, "current": "no"}).status_code == 422
    assert here.post("/account/password/", form).status_code == 302
    assert is_in(here) and not is_in(there)
    assert sign_in(browser(isp, address), asha.email).status_code == 422
    assert sign_in(browser(isp, address), asha.email, "zebra-quilt-77-umami").status_code == 302


@pytest.mark.parametrize("weak", ["short", "password1234", "1234567890123"])
def test_a_weak_password_is_refused_in_words(isp, asha, address, weak):
    client = browser(isp, address)
    sign_in(client, asha.email)
    answer = client.post("/account/password/", {"current": PASSWORD, "password": weak})
    assert answer.status_code == 422
    assert "password" in answer.content.decode()


def test_a_tenants_login_is_not_another_tenants(isp, zed, asha, address):
    """The same cookie at another tenant's host: the person is known, and nobody there."""
    client = browser(isp, address)
    sign_in(client, asha.email)
    key = client.cookies["sessionid"].value
    elsewhere = browser(zed, address)
    elsewhere.cookies["sessionid"] = key
    answer = elsewhere.get("/")
    assert answer.status_code == 302 and answer["Location"].startswith("/login/")


def test_on_a_bare_host_who_works_for_one_is_there_and_who_works_for_two_chooses(isp, zed, asha, address):
    client = browser(address=address)
    assert sign_in(client, asha.email, next="/account/")["Location"] == "/account/"
    assert client.session["tenant_id"] == isp.tenant.pk
    with zed.scope():
        services.add_member(asha.email, "Asha", "support")
    client = browser(address=address)
    assert sign_in(client, asha.email)["Location"] == "/choose/"
    page = client.get("/choose/").content.decode()
    assert isp.tenant.name in page and zed.tenant.name in page
    client.post("/choose/", {"tenant": zed.tenant.pk})
    assert client.session["tenant_id"] == zed.tenant.pk
    with zed.scope():
        assert Entry.objects.filter(action="login.succeeded", actor_id=asha.pk).count() == 1
    client.post("/choose/", {"tenant": isp.tenant.pk})
    assert client.session["tenant_id"] == isp.tenant.pk


def test_a_tenant_that_was_not_given_cannot_be_chosen(isp, zed, asha, address):
    client = browser(address=address)
    sign_in(client, asha.email)
    client.post("/choose/", {"tenant": zed.tenant.pk})
    assert client.session["tenant_id"] == isp.tenant.pk
    session = client.session
    session["tenant_id"] = zed.tenant.pk  # a tenant's id in another's session
    session.save()
    answer = client.get("/company/")
    assert answer.status_code == 302 and ("/choose/" in answer["Location"] or "/login/" in answer["Location"])


def test_a_host_that_names_nobody_is_not_found(isp):
    assert Client(headers={"host": "no-such-isp.localhost"}).get("/login/").status_code == 404


def test_who_is_disabled_is_out_with_the_next_click(isp, address):
    member = isp.member("manager")
    client = browser(isp, address)
    sign_in(client, member.user.email)
    assert client.get("/").status_code == 200
    with isp.scope():
        services.disable_member(member, by=isp.system())
    assert client.get("/").status_code == 302


def test_a_member_bound_to_an_office_gets_in_from_there_only(isp, address):
    member = isp.member("manager")
    with isp.scope():
        Membership.objects.filter(pk=member.pk).update(allowed_networks=["192.0.2.0/24"])
    assert sign_in(browser(isp, address), member.user.email).status_code == 422
    office = browser(isp, "192.0.2.9")
    assert sign_in(office, member.user.email).status_code == 302
    assert office.get("/").status_code == 200
    assert office.get("/", REMOTE_ADDR=address).status_code == 302


@override_settings(BEHIND_PROXY=True)
def test_behind_a_proxy_only_the_proxys_own_word_counts(isp, asha):
    client = browser(isp, "127.0.0.1")
    client.post(
        "/login/",
        {"email": asha.email, "password": "wrong"},
        headers={"x-forwarded-for": "1.1.1.1, 198.51.100.4"},
    )
    assert LoginAttempt.objects.filter(user=asha).latest("id").ip == "198.51.100.4"


class CodeForm(forms.Form):
    code = forms.CharField()

    def __init__(self, user, data=None):
        super().__init__(data)


class CodeStep:
    """A second factor as one will be."""

    code, title = "code", "Your code"

    def form(self, user, data):
        return CodeForm(user, data)

    def __init__(self, user):
        self.user = user

    def is_needed(self, user):
        return user.pk == self.user.pk

    def check(self, user, form):
        if form.cleaned_data["code"] == "42":
            return True
        form.add_error("code", "no")
        return False


def test_a_further_step_stands_between_the_password_and_the_house(isp, asha, address):
    step = CodeStep(asha)
    door.STEPS.append(step)
    try:
        client = browser(isp, address)
        assert sign_in(client, asha.email, next="/account/")["Location"] == "/login/code/"
        assert not is_in(client)
        assert client.post("/login/code/", {"code": "41"}).status_code == 422
        assert not is_in(client)
        assert client.post("/login/code/", {"code": "42"})["Location"] == "/account/"
        assert is_in(client)
        assert browser(isp, address).get("/login/code/")["Location"] == "/login/"
    finally:
        door.STEPS.remove(step)


def test_a_fragment_is_told_to_fetch_the_login_as_a_page(isp):
    answer = browser(isp).get("/", headers={"hx-request": "true", "hx-current-url": f"http://{isp.host}/jobs/?q=1"})
    assert answer.status_code == 401 and answer["HX-Redirect"] == "/login/?next=%2Fjobs%2F%3Fq%3D1"


def test_what_answered_no_has_changed_nothing(isp):
    """An answer of 400 or more rolls the request back."""
    with isp.scope():
        before = Entry.objects.count()
    client = isp.client("owner")
    with isp.scope():
        assert Entry.objects.count() > before  # the login itself
        before = Entry.objects.count()
    assert client.post("/account/password/", {"current": "x", "password": "y"}).status_code == 422
    with tenant_scope(isp.tenant.pk):
        assert Entry.objects.count() == before


def test_who_was_told_to_chooses_a_new_password_on_the_way_in(isp, address):
    member = isp.member("support")
    old = browser(isp, address)
    sign_in(old, member.user.email)
    with isp.scope():
        services.require_new_password(member, by=isp.system())
    assert not is_in(old)
    client = browser(isp, address)
    assert sign_in(client, member.user.email)["Location"] == "/login/new-password/"
    assert not is_in(client)
    assert client.post("/login/new-password/", {"password": "short"}).status_code == 422
    assert client.post("/login/new-password/", {"password": "zebra-quilt-77-umami"})["Location"] == "/"
    assert is_in(client)
    assert sign_in(browser(isp, address), member.user.email, "zebra-quilt-77-umami")["Location"] == "/"
