"""Whoever reaches a part of the ISP puts nobody outside of it."""

from __future__ import annotations

from fiberledger.places.services import area_for
from fiberledger.subscribers.models import Subscriber


def two_branches(isp):
    from fiberledger.places.models import Branch

    with isp.scope():
        north, south = (Branch.objects.create(name=name, code=name[0]) for name in ("North", "South"))
        areas = []
        for name, branch in (("Model Town", north), ("Defence", south)):
            area = area_for("Lahore", name, create=True, by=isp.system())
            type(area).objects.filter(pk=area.pk).update(branch=branch)
            areas.append(area)
        return north, south, *areas


def limited(isp, role, **scope):
    from django.test import Client

    from tests.stage import PASSWORD

    client = Client(headers={"host": isp.host})
    email = isp.member(role, **scope).user.email
    assert client.post("/login/", {"email": email, "password": PASSWORD}).status_code == 302
    return client


def lead(area, phone="0300 1112223", **more):
    return {
        "name": "Asha", "phone": phone, "area": area.pk, "take": "lead", "billing": "prepaid", "cycle": "anniversary",
        "first_period": "prorate", "address": "House 1", "on": "2026-11-25", **more,
    }  # fmt: skip


def test_a_branch_manager_registers_and_moves_people_within_the_branch_only(isp):
    north, south, model_town, defence = two_branches(isp)
    client = limited(isp, "branch_manager", scope="branches", branch_ids=(north.pk,))
    assert client.post("/subscriptions/register/", lead(defence)).status_code == 422
    assert client.post("/subscriptions/register/", lead(model_town, branch=south.pk)).status_code == 422
    assert client.post("/subscriptions/register/", lead(model_town)).status_code == 302
    with isp.scope():
        asha = Subscriber.objects.get()
        assert asha.branch_id == north.pk
    form = lead(defence) | {"number": asha.number}
    answer = client.post(f"/subscribers/{asha.pk}/edit/", form)
    assert answer.status_code == 422, "their street would be another branch's"
    with isp.scope():
        asha.refresh_from_db()
        assert asha.area_id == model_town.pk


def test_a_branch_manager_gives_people_to_collectors_within_the_branch_only(isp):
    north, south, model_town, _defence = two_branches(isp)
    client = limited(isp, "branch_manager", scope="branches", branch_ids=(north.pk,))
    near = isp.member("collector", scope="branches", branch_ids=(north.pk,))
    far = isp.member("collector", scope="branches", branch_ids=(south.pk,))
    assert client.post("/subscriptions/register/", lead(model_town, collector=far.pk)).status_code == 422
    assert client.post("/subscriptions/register/", lead(model_town, collector=near.pk)).status_code == 302
    with isp.scope():
        asha = Subscriber.objects.get()
        assert asha.collector == near
        Subscriber.objects.update(collector=far)  # the owner's choice stands when the branch edits something else
    form = lead(model_town, collector=far.pk) | {"number": asha.number, "name": "Asha Bibi"}
    assert client.post(f"/subscribers/{asha.pk}/edit/", form).status_code == 302


def test_a_reseller_registers_for_themselves_only(isp):
    _north, _south, model_town, _defence = two_branches(isp)
    client = limited(isp, "reseller", scope="resellers", reseller_names=("Ravi",))
    assert client.post("/subscriptions/register/", lead(model_town, reseller_name="Other")).status_code == 422
    assert client.post("/subscriptions/register/", lead(model_town)).status_code == 422
    assert client.post("/subscriptions/register/", lead(model_town, reseller_name="Ravi")).status_code == 302
    with isp.scope():
        asha = Subscriber.objects.get()
    form = lead(model_town) | {"number": asha.number, "reseller_name": "Other"}
    assert client.post(f"/subscribers/{asha.pk}/edit/", form).status_code == 422
