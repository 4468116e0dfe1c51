"""A till to test at: subscribers with a line, bills and payments, in a tenant of the test's own."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connection

from fiberledger import calendar
from fiberledger.billing import services as billing
from fiberledger.billing.models import Allocation, Invoice
from fiberledger.catalog.models import Plan
from fiberledger.identity import Actor
from fiberledger.money import Money
from fiberledger.payments import services as payments
from fiberledger.payments.models import Payment
from fiberledger.places.models import Area
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import Subscription

_phones = itertools.count(1)


class Shop:
    def __init__(self, isp: Any) -> None:
        self.isp = isp
        self.boss = Actor.system("the boss")
        with isp.scope():
            self.city = Area.objects.create(level="city", name="Lahore")
            self.street = Area.objects.create(level="street", name="Mall Road", parent=self.city)
            self.other_street = Area.objects.create(level="street", name="Canal Road", parent=self.city)
            self.plan = Plan.objects.create(
                name="Home 20", code="H20", price=Decimal(1200), currency=isp.tenant.currency,
                download_kbps=20_000, upload_kbps=10_000, status="active",
            )  # fmt: skip

    @property
    def scope(self):
        return self.isp.scope

    @property
    def today(self) -> date:
        with self.scope():
            return calendar.today()

    def subscriber(self, name: str, *, area: Any = None, line: bool = True, **more: Any) -> Subscriber:
        with self.scope():
            phone = f"+92300{next(_phones):07d}" if self.isp.tenant.country == "PK" else f"+25471{next(_phones):07d}"
            new = subscribers.NewSubscriber(
                name=name, phone=phone, area_id=(area or self.street).pk, address="House 1", **more
            )
            subscriber = subscribers.register(new, by=self.boss)
            if line:
                subscriptions.sell(subscriber, self.plan, on=calendar.today(), by=self.boss)
                subscriber.refresh_from_db()
            return subscriber

    def line_of(self, subscriber: Subscriber) -> Subscription:
        with self.scope():
            return Subscription.objects.get(subscriber=subscriber)

    def bill(self, subscriber: Subscriber, amount: str, *, due: date | None = None, on: date | None = None) -> Invoice:
        with self.scope():
            on = on or calendar.today()
            return billing.issue_manual(
                subscriber, [billing.Charge("Internet", Decimal(amount))], by=self.boss, issued_on=on, due_on=due or on
            )

    def pay(self, subscriber: Subscriber, amount: str, *, by: Any = None, **more: Any) -> Payment:
        with self.scope():
            more.setdefault("method", "cash")
            more.setdefault("key", uuid4())
            more.setdefault("received_on", calendar.today())
            return payments.record_payment(
                subscriber, Money.of(amount, self.isp.tenant.currency), by=by or self.boss, **more
            )

    def owes(self, subscriber: Subscriber) -> Decimal:
        with self.scope():
            return Subscriber.objects.select_related("receivable").get(pk=subscriber.pk).receivable.balance

    def open_of(self, invoice: Invoice) -> Decimal:
        with self.scope():
            return Invoice.objects.with_settled().get(pk=invoice.pk).outstanding

    def parts_of(self, payment: Payment) -> dict[int, Decimal]:
        with self.scope():
            parts: dict[int, Decimal] = {}
            for part in Allocation.objects.filter(entry_id=payment.entry_id):
                parts[part.invoice_id] = parts.get(part.invoice_id, Decimal(0)) + part.amount
            return {pk: amount for pk, amount in parts.items() if amount}

    def clerk(self, *permissions: str, name: str = "Clerk", membership: Any = None) -> Actor:
        return Actor(
            "staff", name, user_id=membership.user_id if membership else None,
            membership_id=membership.pk if membership else None, permissions=frozenset(permissions),
        )  # fmt: skip


def at_once(*calls: Any) -> list[Any]:
    """Run the calls side by side, each on a connection of its own; returns results and exceptions in order."""

    def run(call: Any) -> Any:
        try:
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(copy_context().run, run, call) for call in calls]]
