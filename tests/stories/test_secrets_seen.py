"""A secret is seen for a reason, by one who says who they are once more, and the owner sees that it was."""

from __future__ import annotations

import re

from django.core import mail
from django.urls import reverse

from fiberledger import audit
from fiberledger.access import services
from fiberledger.identity.models import LoginAttempt
from fiberledger.screens.registry import registry
from fiberledger.vault import services as vault
from fiberledger.vault.models import Kept, Look
from tests.radius import make_line
from tests.stage import PASSWORD


def worklist(isp):
    class Request:
        actor = isp.system()

    work = next(work for work in registry.worklists if work.code == "secrets")
    with isp.scope():
        return [str(item.title) for item in work.items(Request)]


def test_a_password_is_shown_once_for_a_reason_to_who_proves_who_they_are(isp, router):
    account = make_line(isp)
    engineer, url = isp.client("engineer"), reverse("access:reveal-password", args=[account.pk])
    for wrong in (
        {"reason": "", "password": PASSWORD},
        {"reason": "xxxxxxxxxx", "password": PASSWORD},
        {"reason": "the customer forgot it", "password": ""},
        {"reason": "the customer forgot it", "password": "not mine"},
    ):
        answer = engineer.post(url, wrong)
        assert answer.status_code == 422 and "let me in" not in answer.content.decode()
    assert "not mine" not in answer.content.decode()
    assert LoginAttempt.objects.filter(outcome="wrong", at_tenant=isp.tenant).count() == 1  # counted though refused
    with isp.scope():
        assert not Look.objects.exists()
    shown = engineer.post(url, {"reason": "the customer forgot it", "password": PASSWORD})
    assert "let me in" in shown.content.decode() and "no-store" in shown["Cache-Control"]
    assert "let me in" not in engineer.get(url).content.decode()
    with isp.scope():
        look = Look.objects.get()
        assert look.reason == "the customer forgot it" and "Engineer" in look.who
        assert "account.password_revealed" in [e.action for e in audit.timeline("access.accessaccount", account.pk)]
    page = isp.client("owner").get(reverse("team:look-list")).content.decode()
    assert "the customer forgot it" in page and "Network password" in page and "let me in" not in page
    assert isp.client("support").get(url).status_code == 403


def test_five_wrong_passwords_lock_the_way(isp, router):
    account = make_line(isp)
    engineer, url = isp.client("engineer"), reverse("access:reveal-password", args=[account.pk])
    said = [
        engineer.post(url, {"reason": "the customer forgot it", "password": "guess"}).content.decode()
        for _n in range(6)
    ]
    assert "This is not your password" in said[0] and "Too many tries" in said[-1]
    right = engineer.post(url, {"reason": "the customer forgot it", "password": PASSWORD})
    assert right.status_code == 422 and "let me in" not in right.content.decode()


def test_what_is_kept_is_listed_with_its_age_and_who_looked(isp, router, clock):
    owner = isp.client("owner")
    with isp.scope():
        router.nas.api_username = "fiberledger"
        services.save_nas(router.nas, api_password="first p4ssword", by=isp.system())
    page = owner.get(reverse("team:kept-list")).content.decode()
    assert page.count(router.nas.name) >= 2 and "API password" in page and "RADIUS secret" in page
    reveal = reverse("access:reveal-api-password", args=[router.nas.pk])
    assert (
        "first p4ssword" in owner.post(reveal, {"reason": "moving the router", "password": PASSWORD}).content.decode()
    )
    page = owner.get(reverse("team:kept-list")).content.decode()
    assert re.search(r"Owner of", page)
    assert not worklist(isp)
    clock.forward(days=181)
    assert worklist(isp) == ["2 secrets are due to be changed"]
    with isp.scope():
        services.save_nas(router.nas, secret="another-secret", by=isp.system())
    assert worklist(isp) == ["1 secret is due to be changed"]
    due = isp.client("manager").get(reverse("team:kept-list"), {"due": 1}).content.decode()
    assert "API password" in due and "RADIUS secret" not in due


def test_the_owner_says_how_often(isp, router, clock):
    admin, url = isp.client("admin"), reverse("team:secrets-policy")
    assert "180" in admin.get(url).content.decode()
    assert admin.post(url, {"days0": "0", "days1": "30", "days2": "30"}).status_code == 422
    assert admin.post(url, {"days0": "400", "days1": "30", "days2": "30"}).status_code == 302
    clock.forward(days=200)
    assert not worklist(isp)  # the RADIUS secret may stay 400 days
    assert isp.client("manager").get(url).status_code == 403


def test_many_looks_are_told_to_the_owner(isp, router):
    owner_mail = isp.member("owner").user.email
    engineer, url = isp.client("engineer"), reverse("access:reveal-secret", args=[router.nas.pk])
    for n in range(vault.MANY):
        engineer.post(url, {"reason": f"checking all of them {n}", "password": PASSWORD})
    assert [title for title in worklist(isp) if "looked at many secrets" in title]
    isp.run()
    letters = [letter for letter in mail.outbox if letter.to == [owner_mail]]
    assert len(letters) == 1 and "checking all of them 9" in letters[0].body and router.secret not in letters[0].body
    engineer.post(url, {"reason": "and one more of them", "password": PASSWORD})
    isp.run()
    assert len([letter for letter in mail.outbox if letter.to == [owner_mail]]) == 1  # once is enough


def test_the_list_is_put_right_every_night(isp, router):
    with isp.scope():
        Kept.objects.all().delete()
        Kept.objects.create(kind="access.nas.secret", object_id=10**9, label="gone", changed_at=router.nas.created_at)
        router.nas.name = "Tower 7"
        router.nas.save()
        vault.take_stock()
        assert [(kept.label, kept.kind) for kept in Kept.objects.all()] == [("Tower 7", "access.nas.secret")]
