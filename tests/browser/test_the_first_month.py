"""The first month once more, by hand: a person, a browser, a spreadsheet."""

from __future__ import annotations

import re

from fiberledger.billing.models import Invoice
from fiberledger.ledger.models import LedgerAccount
from fiberledger.payments.models import Payment
from fiberledger.subscribers.models import Subscriber
from tests.browser.chromium import Desk
from tests.stories.test_import_month_begins import DATA, VERDICTS


def bring_in(page, isp, kind, path):
    page.goto("/imports/new/")
    page.locator(f'input[name="kind"][value="{kind}"], select[name="kind"]').first.wait_for(state="attached")
    if page.locator('select[name="kind"]').count():
        page.select_option('select[name="kind"]', kind)
    else:
        page.check(f'input[name="kind"][value="{kind}"]', force=True)
    page.set_input_files('input[type="file"]', str(path))
    page.locator("main form button:not([type=button])").last.click()
    page.wait_for_url(re.compile(r"/imports/\d+/map/"))
    if kind == "subscribers":
        page.check('[name="ask_bill_from"][value="this"]')
        page.check('[name="create_areas"]')
    page.locator("main form button:not([type=button])").last.click()
    page.wait_for_url(re.compile(r"/imports/\d+/$"))
    isp.run()
    page.reload()
    page.locator('form[action$="/take/"] button').first.click()
    confirm = page.locator("dialog[open] form button:not([type=button]), dialog[open] button[value]").last
    if confirm.count():
        confirm.click()
    page.wait_for_load_state("networkidle")
    isp.run()


def test_a_person_lives_the_first_month_in_a_browser(chromium, port, isp):
    desk = Desk(chromium, port, isp)
    with desk.page() as page:
        # The spreadsheet.
        bring_in(page, isp, "plans", DATA / "plans.csv")
        bring_in(page, isp, "subscribers", DATA / "customers.csv")
        page.goto("/subscribers/")
        assert f"{VERDICTS['good']:,}" in page.locator("h1").first.locator("xpath=..").inner_text()

        # Billing: preview, confirm, result.
        page.goto("/billing/run/")
        page.locator("main form button:not([type=button])").last.click()
        page.wait_for_url(re.compile(r"/billing/runs/\d+/"))
        page.locator('form[action$="/start/"] button').first.click()
        page.wait_for_load_state("networkidle")
        isp.run()
        with isp.scope():
            assert Invoice.objects.filter(kind="regular").count() > 800

        # Ten payments, by keyboard alone once the first page is open.
        with isp.scope():
            people = list(Subscriber.objects.filter(status="active", receivable__balance__gt=0).order_by("pk")[:10])
        page.goto("/payments/collect/")
        for person in people:
            page.locator('main [name="q"]').fill(person.phone[-7:])
            page.keyboard.press("Enter")
            page.wait_for_url(re.compile(rf"/payments/collect/{person.pk}/"))
            page.locator('[name="amount"]').press("Enter")
            page.wait_for_url(re.compile(r"/payments/\d+/receipt/"))
            assert person.name in page.locator("main").inner_text()
        with isp.scope():
            last = Payment.objects.latest("pk")
            assert Payment.objects.count() == 10
            assert not LedgerAccount.objects.filter(subscriber__in=people).exclude(balance=0).exists()

        # A receipt for the printer.
        page.goto(f"/payments/{last.pk}/print/?paper=80")
        assert last.number in page.locator("body").inner_text()

        # The palette finds anybody by a part of the phone.
        page.goto("/")
        page.keyboard.press("/")
        page.keyboard.type(people[0].phone[-6:])
        page.locator(f'dialog[open] a[href="/subscribers/{people[0].pk}/"]').first.wait_for()
        page.keyboard.press("Escape")

        # The suspension's consequences are shown before anything is cut.
        page.goto("/dunning/preview/?mode=owing")
        assert "Nothing happens before you confirm" in page.locator("main").inner_text()
    assert desk.complaints == []
