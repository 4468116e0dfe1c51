"""An ISP's first month: bring the spreadsheet in, bill everybody, take cash, hand out receipts, cut who does not pay,
and see a real RADIUS server refuse and accept the line accordingly. All of it over HTTP, as the owner and the cashier do.
"""

from __future__ import annotations

import re

from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount
from fiberledger.billing.models import Invoice
from fiberledger.ledger.models import LedgerAccount
from fiberledger.payments.models import Payment
from fiberledger.places.models import Area
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import Subscription
from tests.radius import Router
from tests.stories.test_import_month_begins import DATA, VERDICTS, import_plans, map_and_check, send


def collect(isp, subscriber, amount):
    """What the cashier does; returns the receipt's page."""
    till = isp.client("cashier")
    url = f"/payments/collect/{subscriber.pk}/"
    page = till.get(url)
    assert page.status_code == 200
    form = dict(re.findall(r'name="(key|received_on)"[^>]*value="([^"]*)"', page.content.decode()))
    form |= {"amount": str(amount), "method": "cash"}
    taken = till.post(url, form, follow=True)
    assert taken.redirect_chain, taken.content.decode()[:3000]
    isp.run()
    return taken


def owed_by(isp, subscriber):
    with isp.scope():
        return LedgerAccount.objects.get(subscriber=subscriber).balance


def test_an_isps_first_month(isp, freeradius):
    owner = isp.client("owner")

    # The spreadsheet comes in.
    import_plans(isp)
    url = map_and_check(isp, send(isp, DATA / "customers.csv", "customers.csv"))
    assert owner.post(f"{url}take/").status_code == 302
    isp.run()
    with isp.scope():
        assert Subscriber.objects.count() == VERDICTS["good"]

    # Everybody is billed.
    from tests.stories.test_billing_day import run_billing

    today = re.search(r'name="as_of"[^>]*value="([0-9-]+)"', owner.get("/billing/run/").content.decode())[1]
    _page, preview = run_billing(isp, owner, today)
    with isp.scope():
        billed = Invoice.objects.filter(kind="regular").count()
        in_service = Subscription.objects.filter(status__in=["active", "overdue", "disputed"]).count()
    assert billed == in_service > 800
    assert f"{billed:,}" in preview or str(billed) in preview

    # Ten pay at the counter; each gets a receipt that can be printed.
    with isp.scope():
        ten = list(
            Subscriber.objects.filter(status__in=["active", "overdue"], receivable__balance__gt=0).order_by("pk")[:10]
        )
    for person in ten:
        receipt = collect(isp, person, owed_by(isp, person))
        assert owed_by(isp, person) == 0
    with isp.scope():
        last = Payment.objects.latest("pk")
        assert Payment.objects.exclude(method="opening").count() == 10
    assert last.number in receipt.content.decode()
    for paper in ("a4", "80", "58"):
        printed = isp.client("cashier").get(f"/payments/{last.pk}/receipt.pdf", {"paper": paper})
        assert printed.content.startswith(b"%PDF")

    # A line of a street that will be cut, and the router that asks for it.
    router = Router.of(freeradius, isp, for_suspended="reject")
    with isp.scope():
        street = Area.objects.get(name="Kot Haleem")
        account = (
            AccessAccount.objects.filter(
                subscription__status__in=["active", "overdue"],
                subscription__subscriber__area=street,
                subscription__subscriber__receivable__balance__gt=0,
                subscription__subscriber__is_vip=False,
            )
            .select_related("subscription__subscriber")
            .order_by("pk")[0]
        )
        password = access.set_password(account, by=isp.system())
        debtor = account.subscription.subscriber
        elsewhere = Subscription.objects.exclude(subscriber__area=street).filter(status="suspended").count()
    isp.run()
    accepted = router.login(account.username, password)
    assert accepted.kind == "accept", accepted.said
    assert "Mikrotik-Rate-Limit" in accepted.attributes

    # The street is suspended: RADIUS refuses, and the page says why.
    seen = owner.get("/dunning/preview/", {"mode": "owing", "area": street.pk})
    assert debtor.name in seen.content.decode() or "more" in seen.content.decode()
    started = owner.post(
        "/dunning/start/",
        {"mode": "owing", "area": street.pk, "branch": "", "note": "Unpaid in spite of two reminders"},
    )
    assert started.status_code == 302
    isp.run()
    with isp.scope():
        line = Subscription.objects.get(pk=account.subscription_id)
    if line.status != "suspended":  # the breaker waits for a person: so many of the street are in debt
        run = re.search(r"/dunning/runs/(\d+)/", started["Location"])[1]
        assert owner.post(f"/dunning/runs/{run}/lift/").status_code == 302
        isp.run()
    with isp.scope():
        line.refresh_from_db()
        assert line.status == "suspended"
        assert Subscription.objects.exclude(subscriber__area=street).filter(status="suspended").count() == elsewhere
    refused = router.login(account.username, password)
    assert refused.kind == "reject", refused.said
    why = owner.get(f"/dunning/why/{line.pk}/")
    assert why.status_code == 200

    # The debt is paid: the line is back, in the books and on the network.
    collect(isp, debtor, owed_by(isp, debtor))
    with isp.scope():
        line.refresh_from_db()
        assert line.status == "active"
    again = router.login(account.username, password)
    assert again.kind == "accept", again.said
    assert again.attributes["Mikrotik-Rate-Limit"] == accepted.attributes["Mikrotik-Rate-Limit"]

    # And the day can be read off the dashboard and the reports.
    assert owner.get("/").status_code == 200
    assert owner.get("/reports/collection/").status_code == 200
    assert "11" in owner.get("/reports/collection/?by=method").content.decode()
