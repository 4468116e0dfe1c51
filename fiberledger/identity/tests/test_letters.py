"""Letters with a link: a way back in, and a way in."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.core import mail

from fiberledger.audit.models import Entry
from fiberledger.identity import services
from fiberledger.identity.models import Invitation, Login, Membership, PasswordReset, Role, User
from fiberledger.jobs import run_waiting
from fiberledger.tenancy import Refusal
from tests.stage import PASSWORD

from .test_door import browser, is_in, sign_in

NEW = "zebra-quilt-77-umami"


def letter_to(email):
    return next((letter for letter in reversed(mail.outbox) if letter.to == [email]), None)


def link_in(letter):
    return re.search(r"https?://[^/\s]+(/\S+)", letter.body)[1]


def bare(answer, email):
    """The page without what differs between any two: the address that was typed, and the tokens against forgery."""
    text = answer.content.decode().replace(email, "")
    return re.sub(r'(content|value)="[A-Za-z0-9]{64}"', "", text)


def ask(isp, email, address="127.0.0.1"):
    answer = browser(isp, address).post("/forgot/", {"email": email})
    isp.run()
    run_waiting(services.INSTALLATION)
    return answer


def test_a_forgotten_password_is_replaced_once_and_every_login_ends(isp, asha, address):
    client = browser(isp, address)
    sign_in(client, asha.email)
    assert ask(isp, asha.email, address).status_code == 200
    link = link_in(letter_to(asha.email))
    assert browser(isp, address).get(link).status_code == 200
    assert browser(isp, address).post(link, {"password": "short"}).status_code == 422
    assert browser(isp, address).post(link, {"password": NEW}).status_code == 200
    assert not is_in(client) and not Login.objects.filter(user=asha).exists()
    assert browser(isp, address).get(link).status_code == 404
    assert browser(isp, address).post(link, {"password": "another-zebra-78-quilt"}).status_code == 404
    assert sign_in(browser(isp, address), asha.email, NEW).status_code == 302
    with isp.scope():
        assert Entry.objects.filter(action="password.reset").count() == 1


def test_a_reset_unlocks_the_account(isp, asha, address):
    for _ in range(6):
        sign_in(browser(isp, address), asha.email, "wrong")
    ask(isp, asha.email, address)
    browser(isp, address).post(link_in(letter_to(asha.email)), {"password": NEW})
    assert sign_in(browser(isp, address), asha.email, NEW).status_code == 302


def test_an_unknown_address_gets_the_same_answer_and_no_letter(isp, asha, address):
    unknown = f"{uuid4().hex}@example.org"
    known, strange = ask(isp, asha.email, address), ask(isp, unknown, address)
    assert bare(known, asha.email) == bare(strange, unknown)
    assert letter_to(unknown) is None


def test_a_link_grows_old(isp, asha, address, clock):
    clock.move_to("2026-03-01")
    ask(isp, asha.email, address)
    clock.forward(minutes=61)
    assert browser(isp, address).get(link_in(letter_to(asha.email))).status_code == 404


def test_the_newest_password_kills_the_links_on_the_way(isp, asha, address):
    ask(isp, asha.email, address)
    services.change_password(asha, NEW)
    assert browser(isp, address).get(link_in(letter_to(asha.email))).status_code == 404


def test_the_fourth_letter_in_an_hour_is_not_sent(isp, asha, address):
    for _ in range(5):
        ask(isp, asha.email, address)
    assert PasswordReset.objects.filter(user=asha).count() == 3


def test_the_link_never_follows_the_host_header(isp, asha):
    client = browser(isp)
    client.post("/forgot/", {"email": asha.email}, headers={"host": "evil.example"})
    run_waiting(services.INSTALLATION)
    assert "evil.example" not in letter_to(asha.email).body


def test_only_the_digest_of_a_link_is_kept(isp, asha, address):
    ask(isp, asha.email, address)
    secret = link_in(letter_to(asha.email)).strip("/").rpartition("/")[2]
    reset = PasswordReset.objects.get(user=asha)
    assert secret.encode() not in bytes(reset.digest) and bytes(reset.digest) == services.digest_of(secret)


@pytest.fixture
def invited(isp):
    email = f"ravi.{uuid4().hex[:8]}@example.org"
    with isp.scope():
        role = Role.objects.get(template="support")
        services.invite(email, "Ravi", services.Grant((role.pk,)), by=isp.system())
    isp.run()
    return email


def test_an_invitation_makes_a_person_and_a_member(isp, invited, address):
    client = browser(isp, address)
    link = link_in(letter_to(invited))
    assert client.get(link).status_code == 200
    assert client.post(link, {"name": "Ravi Kumar", "password": "x"}).status_code == 422
    assert client.post(link, {"name": "Ravi Kumar", "password": NEW})["Location"] == "/"
    assert is_in(client)
    with isp.scope():
        membership = Membership.objects.with_roles().get(user__email=invited)
        assert [role.template for role in membership.roles] == ["support"]
        assert Entry.objects.filter(action="member.joined").count() == 1
    assert browser(isp, address).get(link).status_code == 404


def test_whoever_has_a_login_joins_with_it(isp, zed, address):
    user = zed.member("owner").user
    with isp.scope():
        services.invite(user.email, "Z", services.Grant((Role.objects.get(template="noc").pk,)), by=isp.system())
    isp.run()
    client, link = browser(isp, address), link_in(letter_to(user.email))
    assert b'name="name"' not in client.get(link).content
    assert client.post(link, {"password": "wrong"}).status_code == 422
    assert client.post(link, {"password": PASSWORD}).status_code == 302
    assert is_in(client)
    assert User.objects.filter(email=user.email).count() == 1


def test_an_invitation_is_for_its_own_tenant(isp, zed, invited):
    link = link_in(letter_to(invited))
    assert browser(zed).get(link).status_code == 404
    assert browser(zed).get(link.replace(isp.tenant.slug, zed.tenant.slug)).status_code == 404


def test_a_withdrawn_an_old_and_a_resent_invitation_are_dead(isp, invited, clock):
    with isp.scope():
        invitation = Invitation.objects.get(email=invited)
        first = link_in(letter_to(invited))
        services.send_invitation_again(invitation, by=isp.system())
    isp.run()
    second = link_in(letter_to(invited))
    assert first != second and browser(isp).get(first).status_code == 404
    assert browser(isp).get(second).status_code == 200
    clock.move_to("2030-01-01")
    assert browser(isp).get(second).status_code == 404
    clock.move_to("2026-11-20")
    with isp.scope():
        services.withdraw_invitation(invitation, by=isp.system())
    assert browser(isp).get(second).status_code == 404


def test_one_open_invitation_an_address_and_none_for_a_member(isp, asha, invited):
    with isp.scope():
        grant = services.Grant((Role.objects.get(template="noc").pk,))
        for email in (invited, asha.email.upper()):
            with pytest.raises(Refusal):
                services.invite(email, "x", grant, by=isp.system())
