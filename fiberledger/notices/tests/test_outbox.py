from __future__ import annotations

import pytest
from django.core import mail

from fiberledger import notices
from fiberledger.notices import services, tasks
from fiberledger.notices.models import Notice, NoticePolicy, NoticeTemplate
from fiberledger.payments.tests.shop import Shop, at_once


@pytest.fixture
def shop(isp):
    return Shop(isp)


def _queue(shop, subscriber, n=1, event="invoice.issued"):
    with shop.scope():
        return notices.queue_many(
            event,
            [
                notices.Told(
                    subscriber.pk,
                    f"invoice:{number}",
                    {"invoice_no": f"INV-{number}", "amount": "1500", "currency": "PKR", "due_date": "2026-02-10"},
                )
                for number in range(1, n + 1)
            ],
        )


def test_a_cause_is_told_once(shop):
    asha = shop.subscriber("Asha", line=False)
    assert _queue(shop, asha, 3) == 3
    assert _queue(shop, asha, 4) == 1
    with shop.scope():
        assert Notice.objects.count() == 4


def test_two_threads_queue_once(shop):
    asha = shop.subscriber("Asha", line=False)
    assert sorted(at_once(*[lambda: _queue(shop, asha)] * 3)) == [0, 0, 1]


def test_what_is_switched_off_is_not_queued(shop):
    asha = shop.subscriber("Asha", line=False)
    with shop.scope():
        NoticePolicy.objects.update(events=["payment.received"])
    assert _queue(shop, asha) == 0


def test_words_follow_the_subscribers_language_and_the_tenants_wording(shop):
    asha = shop.subscriber("Asha", line=False, language="ur")
    _queue(shop, asha)
    with shop.scope():
        notice = Notice.objects.shown().get()
        message = services.Composer().message(notice)
        assert "محترم Asha" in message.text and "INV-1" in message.text and message.size.unicode
        NoticeTemplate.objects.create(event="invoice.issued", language="ur", text="{{customer_name}}: {{amount}}")
        text = services.Composer().message(notice).text
        assert text.startswith("Asha: ") and "1,500" in text


def test_one_click_marks_sent_and_freezes_the_words(shop):
    asha = shop.subscriber("Asha", line=False)
    _queue(shop, asha)
    clerk = shop.clerk("notices.send", name="Nadia")
    with shop.scope():
        pk = Notice.objects.get().pk
        sent = notices.mark_sent(pk, via="whatsapp", by=clerk)
        assert (sent.state, sent.via, sent.sent_by, sent.sent_to) == ("sent", "whatsapp", "Nadia", asha.phone)
        NoticeTemplate.objects.create(event="invoice.issued", language="en", text="other words")
        again = notices.mark_sent(pk, via="sms", by=shop.boss)
        assert again.via == "whatsapp" and "INV-1" in again.text


def test_mail_goes_to_who_has_an_address_and_once(shop):
    asha = shop.subscriber("Asha", line=False, email="asha@example.org")
    ravi = shop.subscriber("Ravi", line=False)
    with shop.scope():
        NoticePolicy.objects.update(by_mail=True)
    mail.outbox = []
    _queue(shop, asha)
    with shop.scope():
        notices.queue("payment.received", subscriber_id=ravi.pk, cause="payment:1", values={"amount": "5"})
    shop.isp.run()
    tasks.send_mail(shop.isp.tenant.pk)
    assert [message.to for message in mail.outbox] == [["asha@example.org"]]
    assert "INV-1" in mail.outbox[0].body and mail.outbox[0].subject == "Invoice INV-1"
    with shop.scope():
        assert Notice.objects.get(subscriber=asha).state == "sent"
        assert Notice.objects.get(subscriber=ravi).state == "waiting"


def test_a_mail_server_that_refuses_leaves_a_reason(shop, settings_of_mail):
    asha = shop.subscriber("Asha", line=False, email="asha@example.org")
    with shop.scope():
        NoticePolicy.objects.update(by_mail=True)
    _queue(shop, asha)
    shop.isp.run()
    with shop.scope():
        notice = Notice.objects.get()
        assert notice.state == "failed" and notice.why
        assert services.put_back([notice.pk]) == 1


@pytest.fixture
def settings_of_mail():
    from django.test import override_settings

    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1
    ):
        yield


def test_stale_notices_are_skipped(shop, clock):
    clock.move_to("2026-02-01")
    asha = shop.subscriber("Asha", line=False)
    _queue(shop, asha)
    clock.forward(days=13)
    tasks.forget_stale(shop.isp.tenant.pk)
    with shop.scope():
        assert Notice.objects.waiting().count() == 1
    clock.forward(days=2)
    tasks.forget_stale(shop.isp.tenant.pk)
    with shop.scope():
        assert Notice.objects.get().state == "skipped"


def test_ten_thousand_at_once(shop):
    asha = shop.subscriber("Asha", line=False)
    assert _queue(shop, asha, 10_000) == 10_000


def test_another_tenants_notices_are_not_seen(shop, zed):
    _queue(shop, shop.subscriber("Asha", line=False))
    with zed.scope():
        assert not Notice.objects.exists()


def test_unknown_variables_are_named(shop):
    from django.core.exceptions import ValidationError

    with shop.scope(), pytest.raises(ValidationError, match="nickname"):
        NoticeTemplate(event="invoice.issued", language="en", text="Hi {{nickname}}").full_clean()
