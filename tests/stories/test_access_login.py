"""What FreeRADIUS answers at the door: real FreeRADIUS, real packets."""

from __future__ import annotations

from datetime import date

import pytest
from tests.radius import Router

from fiberledger.access import services
from fiberledger.catalog.models import Plan
from fiberledger.places.models import Area
from fiberledger.subscribers.services import NewSubscriber, register
from fiberledger.subscriptions import services as subscriptions


def make_line(isp, name="Asha", username="asha", password="let me in", phone="03001234567", plan=None, **terms):
    """A subscriber on a plan, active, with a login."""
    by = isp.system()
    with isp.scope():
        area = Area.objects.first() or Area.objects.create(name="Model Town")
        currency = isp.tenant.currency
        plan = plan or Plan.objects.filter(code="H20").first() or Plan.objects.create(
            name="Home 20", code="H20", price=1200, currency=currency, download_kbps=20000, upload_kbps=10000,
            burst_download_kbps=40000, burst_upload_kbps=20000, burst_seconds=16, address_pool="home",
        )  # fmt: skip
        subscriber = register(NewSubscriber(name=name, phone=phone, area_id=area.pk, address="House 1"), by=by)
        line = subscriptions.sell(subscriber, plan, on=date.today(), by=by)
        if line.status != "active":
            subscriptions.activate([line], reason="installed", by=by)
            line.refresh_from_db()
        return services.open_account(line, username=username, password=password, by=by, **terms)


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MSCHAP"])
def test_an_active_line_is_accepted_with_its_speed(isp, router, how):
    account = make_line(isp)
    answer = router.login("asha", "let me in", how=how)
    assert answer.kind == "accept", answer.said
    granted = answer.attributes
    assert granted["Mikrotik-Rate-Limit"] == "10M/20M 20M/40M 7500k/15M 16/16"
    assert granted["WISPr-Bandwidth-Max-Up"] == "10000000"
    assert granted["WISPr-Bandwidth-Max-Down"] == "20000000"
    assert granted["Framed-Pool"] == "home"
    assert granted["Acct-Interim-Interval"] == "300"
    assert bytes.fromhex(granted["Class"][2:]).decode().startswith(f"a{account.pk}.")
    assert "Message-Authenticator" in granted


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MSCHAP"])
def test_a_wrong_password_is_refused(isp, router, how):
    make_line(isp)
    assert router.login("asha", "let me out", how=how).kind == "reject"
