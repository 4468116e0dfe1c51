from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from babel.dates import format_date
from django.db import connection
from django.utils.translation import gettext as _

from fiberledger import calendar, jobs
from fiberledger.money import Money, show
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id
from fiberledger.tenancy.models import Profile

from .events import EVENTS
from .models import Notice, NoticePolicy, NoticeTemplate
from .wording import SmsSize, fill, sms_link, sms_size, whatsapp_link

_MONEY = ("amount", "balance")
_DATES = ("due_date",)


@dataclass(frozen=True, slots=True)
class Told:
    """One notice to queue. `cause` is unique per event ("invoice:812"); values are plain: amounts and dates as text.

    Name, number, plan, company and contacts are looked up when the words are made; give only what the event knows:
    `amount`, `currency`, `balance`, `due_date` (ISO), `invoice_no`, `receipt_no`, `package_name`.
    """

    subscriber_id: int
    cause: str
    values: Mapping[str, str] = field(default_factory=dict)


def provision() -> None:
    """Every tenant has message settings; wordings are the product's until changed."""
    NoticePolicy.objects.get_or_create()


def policy() -> NoticePolicy:
    return NoticePolicy.objects.first() or NoticePolicy()


def wants(event: str) -> bool:
    """Does this tenant prepare messages of that event?"""
    return event in policy().events


def queue(event: str, *, subscriber_id: int, cause: str, values: Mapping[str, str] | None = None) -> None:
    """Put one notice into the outbox, if the tenant prepares such; the same cause twice is one notice."""
    queue_many(event, [Told(subscriber_id, cause, values or {})])


def queue_many(event: str, rows: Iterable[Told]) -> int:
    """Put many notices into the outbox in one statement; returns how many were new.

    A cause that was queued before is passed over. Nothing is queued for an event the tenant switched off.
    (COPY is refused on a table with row-level security.)
    """
    if event not in EVENTS:
        raise ValueError(f"no event {event!r}")
    settings = policy()
    if event not in settings.events:
        return 0
    told = list(rows)
    if not told:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO notices_notice
                 (tenant_id, subscriber_id, event, cause, values, state, text, via, sent_to, sent_by, why, created_at)
               SELECT %s, subscriber_id, %s, cause, values::jsonb, 'waiting', '', '', '', '', '', %s
               FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS told (subscriber_id, cause, values)
               ON CONFLICT (tenant_id, cause, event) DO NOTHING""",
            [
                current_tenant_id(),
                event,
                calendar.now(),
                [row.subscriber_id for row in told],
                [row.cause for row in told],
                [json.dumps(dict(row.values), ensure_ascii=False) for row in told],
            ],
        )
        count = cursor.rowcount
    if count and settings.by_mail:
        jobs.enqueue("notices.send_mail", queueing_lock="notices.send_mail")
    return count


def queue_from(event: str, query: str, params: Sequence[Any] = ()) -> int:
    """Put one notice into the outbox for every row of a query, in the database: for what a large run has just made.

    The query yields (subscriber_id, cause, values), the last as jsonb. Otherwise as queue_many.
    """
    if event not in EVENTS:
        raise ValueError(f"no event {event!r}")
    settings = policy()
    if event not in settings.events:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO notices_notice
                 (tenant_id, subscriber_id, event, cause, values, state, text, via, sent_to, sent_by, why, created_at)
               SELECT %s, told.subscriber_id, %s, told.cause, told.values, 'waiting', '', '', '', '', '', %s
               FROM ({query}) AS told (subscriber_id, cause, values)
               ON CONFLICT (tenant_id, cause, event) DO NOTHING""",
            [current_tenant_id(), event, calendar.now(), *params],
        )
        count = cursor.rowcount
    if count and settings.by_mail:
        jobs.enqueue("notices.send_mail", queueing_lock="notices.send_mail")
    return count


def drop(subscriber_ids: Sequence[int], events: Sequence[str], why: str) -> int:
    """Take waiting notices of these events out of the outbox: what they say is no longer so."""
    return (
        Notice.objects.waiting()
        .filter(subscriber_id__in=list(subscriber_ids), event__in=list(events))
        .update(state=Notice.State.SKIPPED, why=why[:200])
    )


class Composer:
    """Makes the words of many notices with three queries in all."""

    @cached_property
    def _policy(self) -> NoticePolicy:
        return policy()

    @cached_property
    def _profile(self) -> Profile | None:
        return Profile.objects.first()

    @cached_property
    def _own(self) -> dict[tuple[str, str], NoticeTemplate]:
        return {(row.event, row.language): row for row in NoticeTemplate.objects.all()}

    def language_of(self, subscriber: Any) -> str:
        return (subscriber.language or current_tenant().language or "en")[:2]

    def values(self, subscriber: Any, values: Mapping[str, str], language: str) -> dict[str, str]:
        currency = values.get("currency") or subscriber.receivable.currency
        filled = {
            "customer_name": subscriber.name,
            "customer_id": subscriber.number,
            "company_name": self._profile.legal_name if self._profile else current_tenant().name,
            "support_phone": self._profile.phone if self._profile else "",
            "payment_link": self._policy.payment_link,
            "reseller_name": subscriber.reseller_name,
            "balance": str(subscriber.receivable.balance),
            **values,
        }
        for name in _MONEY:
            if filled.get(name):
                filled[name] = show(Money(Decimal(filled[name]), currency))
        for name in _DATES:
            if filled.get(name):
                filled[name] = format_date(
                    date.fromisoformat(filled[name]), "d MMM y", locale="ur_PK" if language == "ur" else "en"
                )
        return filled

    def words(self, event: str, subscriber: Any, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject and text, in the subscriber's language, falling back to English."""
        language = self.language_of(subscriber)
        own = self._own.get((event, language))
        known = EVENTS[event]
        if own is None and language not in known.texts:
            language = "en"
            own = self._own.get((event, language))
        filled = self.values(subscriber, values, language)
        subject = (own.subject if own else "") or known.subject.get(language) or known.subject["en"]
        text = own.text if own else known.texts[language]
        return fill(subject, filled).replace("\n", " "), fill(text, filled)

    def message(self, notice: Notice) -> Message:
        subscriber = notice.subscriber
        subject, text = self.words(notice.event, subscriber, notice.values)
        return Message(subscriber, subject, notice.text or text)


@dataclass(frozen=True, slots=True)
class Message:
    """The words for one subscriber, and the ways they can go by hand."""

    subscriber: Any
    subject: str
    text: str

    @property
    def whatsapp(self) -> str:
        return whatsapp_link(self.subscriber.whatsapp or self.subscriber.phone, self.text)

    @property
    def sms(self) -> str:
        return sms_link(self.subscriber.phone, self.text)

    @property
    def size(self) -> SmsSize:
        return sms_size(self.text)


def words_for(event: str, subscriber: Any, values: Mapping[str, str]) -> Message:
    """What would be told now, without queueing anything: the links under a receipt."""
    subject, text = Composer().words(event, subscriber, values)
    return Message(subscriber, subject, text)


def mark_sent(notice_id: int, *, via: str, by: Any) -> Notice:
    """The staff member pressed the link: freeze the words and take the notice out of the outbox.

    Whoever pressed second gets the first one's answer; words that went out are never rewritten.
    """
    notice = Notice.objects.select_for_update(of=("self",)).shown().get(pk=notice_id)
    if notice.state == Notice.State.SENT:
        return notice
    message = Composer().message(notice)
    to = message.subscriber.phone
    if via == Notice.Via.WHATSAPP:
        to = message.subscriber.whatsapp or to
    elif via == Notice.Via.EMAIL:
        to = message.subscriber.email
    elif via == Notice.Via.SAID:
        to = ""
    elif via != Notice.Via.SMS:
        raise Refusal(_("There is no way called “%s” to send a message.") % via)
    notice.state, notice.via, notice.text, notice.sent_to = Notice.State.SENT, via, message.text, to
    notice.sent_at, notice.sent_by = calendar.now(), by.name
    notice.save(update_fields=["state", "via", "text", "sent_to", "sent_at", "sent_by"])
    return notice


def skip(notice_ids: Sequence[int], *, by: Any, why: str = "") -> int:
    """Take notices out of the outbox unsent."""
    return (
        Notice.objects.waiting()
        .filter(pk__in=list(notice_ids))
        .update(state=Notice.State.SKIPPED, why=(why or _("Skipped by %s") % by.name)[:200])
    )


def put_back(notice_ids: Sequence[int]) -> int:
    """Undo a skip, or try a failed one again."""
    return Notice.objects.filter(pk__in=list(notice_ids), state__in=[Notice.State.SKIPPED, Notice.State.FAILED]).update(
        state=Notice.State.WAITING, why=""
    )
