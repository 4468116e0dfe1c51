"""The platform's face shows a branch of the tree to whom it belongs, and to nobody else."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client

from fiberledger import jobs
from fiberledger.audit.models import Entry
from fiberledger.control import services
from fiberledger.identity import Actor, permissions
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.tenancy.models import Tenant
from fiberledger.tenancy.services import create_tenant
from tests.stage import Isp

BOSS = Actor.system("test")


def company(kind, parent=None):
    slug = f"{kind.split('_')[0]}-{uuid4().hex[:10]}"
    return create_tenant(slug, name=f"{kind} {slug}", country="PK", parent=parent, kind=kind)


@pytest.fixture
def platform():
    return company("platform")


@pytest.fixture
def reseller(platform):
    return company("platform_reseller", platform)


def test_the_tree_is_seen_from_where_one_stands(platform, reseller):
    mine, other = company("isp", reseller), company("isp", platform)
    ids = {branch.id: branch.depth for branch in services.tree(platform)}
    assert ids[reseller.pk] == 1 and ids[mine.pk] == 2 and ids[other.pk] == 1
    assert [branch.id for branch in services.tree(reseller)] == [mine.pk]
    assert services.tree(mine) == []
    assert [branch.id for branch in services.tree(reseller, mine.slug)] == [mine.pk]
    assert services.tree(reseller, "100%") == []


def test_a_company_is_counted(platform):
    isp = company("isp", platform)
    house = Isp(isp)
    house.member("owner")
    branch = services.below(platform, isp.pk)
    assert branch.members == 1 and branch.subscribers == 0


def test_taking_in_invites_the_owner_who_then_runs_the_company(platform):
    email = f"{uuid4().hex[:10]}@example.org"
    house, slug = Isp(platform), f"new-{uuid4().hex[:8]}"
    client = house.client("owner")
    form = {"name": "New Net", "slug": slug, "country": "KE", "kind": "isp", "owner_name": "N", "owner_email": email}
    assert client.get("/control/new/").status_code == 200
    assert client.post("/control/new/", {**form, "country": "XX"}).status_code == 422
    assert client.post("/control/new/", form).status_code == 302
    tenant = Tenant.objects.get(slug=slug)
    assert (tenant.parent_id, tenant.currency) == (platform.pk, "KES")
    jobs.run_waiting(tenant.pk)
    link = re.search(r"https?://[^/\s]+(/\S+)", next(m for m in mail.outbox if m.to == [email]).body)[1]
    owner = Client(headers={"host": f"{slug}.localhost"})
    assert owner.post(link, {"name": "N", "password": "zebra-quilt-77-umami"}).status_code == 302
    assert owner.get("/").status_code == 200
    with tenant_scope(platform.pk):
        assert Entry.objects.filter(action="tenant.created", target_id=str(tenant.pk)).exists()


def test_a_reseller_takes_in_isps_only_and_an_isp_nobody(reseller):
    for root, kind in ((reseller, "platform_reseller"), (reseller, "platform"), (company("isp"), "isp")):
        with pytest.raises(Refusal):
            services.take_in(
                root, slug=uuid4().hex, name="x", country="PK", kind=kind, owner_email="a@b.co", owner_name="x", by=BOSS
            )


def test_suspending_shuts_out_the_company_and_all_below_it(platform, reseller):
    isp = Isp(company("isp", reseller))
    client = isp.client("owner")
    assert client.get("/").status_code == 200
    services.suspend(platform, reseller.pk, reason="unpaid", by=BOSS)
    assert client.get("/").status_code == 403
    assert client.get("/account/").status_code == 200  # their own account is theirs
    services.resume(platform, reseller.pk, by=BOSS)
    assert client.get("/").status_code == 200
    with tenant_scope(reseller.pk):
        assert Entry.objects.filter(action="tenant.suspended").get().extra == {"reason": "unpaid"}


def test_nobody_suspends_what_is_not_below_them(platform, reseller):
    beside = company("platform_reseller", platform)
    for victim in (beside, platform):
        with pytest.raises(Refusal):
            services.suspend(reseller, victim.pk, reason="x", by=BOSS)


def test_pages_of_the_platform_are_for_the_platform(platform, reseller):
    isp, beside = company("isp", reseller), company("isp", platform)
    house = Isp(reseller)
    owner, support = house.client("owner"), house.client("platform_support")
    assert isp.name in owner.get("/control/").content.decode()
    assert owner.get(f"/control/{isp.pk}/").status_code == 200
    assert owner.get(f"/control/{beside.pk}/").status_code == 404
    assert owner.post(f"/control/{beside.pk}/suspend/", {"reason": "x"}).status_code == 404
    assert support.get("/control/").status_code == 200
    assert support.get("/control/new/").status_code == 403
    assert owner.post(f"/control/{isp.pk}/suspend/", {"reason": "x"}).status_code == 302
    isps_owner = Isp(beside).client("owner")
    for path in ("/control/", "/control/new/", f"/control/{isp.pk}/", f"/control/{isp.pk}/suspend/"):
        assert isps_owner.get(path).status_code == 403


def test_what_an_isp_may_a_platform_may_not_and_the_other_way_round():
    assert not any(code.startswith("control.") for code in permissions.for_kind("isp"))
    assert not any(code.startswith(("payments.", "subscribers.")) for code in permissions.for_kind("platform"))
