"""Figures are shared by all who see the same, and worked out again as soon as anybody has done anything."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

from django.utils import translation

from fiberledger.billing import figures
from fiberledger.identity import Actor
from fiberledger.screens import kept

anybody = Actor(kind="staff", name="Owner")


def request(isp, actor=anybody):
    return SimpleNamespace(tenant=isp.tenant, actor=actor, GET={}, session={})


def test_what_is_owed_is_told_at_once_after_every_payment(isp, clock):
    clock.move_to("2026-02-05")
    isp.sell(to="Asha", on="2026-02-05", price="1200")
    isp.bill("2026-02-05")

    def owed():
        with isp.scope():
            return figures._pending(request(isp)).value.amount

    assert owed() == 1200
    isp.pay("Asha", "450")
    assert owed() == 750


def test_a_figure_is_worked_out_once_for_all_who_see_the_same_and_shown_to_nobody_else(isp, zed):
    worked_out = []

    @kept
    def figure(asking):
        worked_out.append(asking.tenant.pk)
        return Decimal(len(worked_out))

    def read(company, **limits):
        with company.scope():
            return figure(request(company, replace(anybody, **limits)))

    assert read(isp) == read(isp, name="Manager", user_id=7) == 1
    others = [read(isp, area_ids=frozenset([1])), read(isp, branch_ids=frozenset([1])), read(isp, reseller_names=frozenset(["R"])),
              read(isp, only_assigned=True, membership_id=3), read(isp, only_assigned=True, membership_id=4), read(zed)]  # fmt: skip
    with translation.override("ur"):
        others.append(read(isp))
    assert others == [2, 3, 4, 5, 6, 7, 8]
    assert read(isp) == 1 and worked_out.count(zed.tenant.pk) == 1
    isp.subscriber("Somebody new")
    assert read(isp) == 9
