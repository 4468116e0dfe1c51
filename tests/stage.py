"""The stage: an ISP's day for tests to tell. The cast never changes: Asha subscribes to Bright ISP, Zed is elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fiberledger import calendar, jobs
from fiberledger.money import Money
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant
from fiberledger.tenancy.services import create_tenant


class Clock:
    """Time that stands still until it is moved: `clock.move_to("2026-02-06")` is that noon in UTC."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Clock:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def move_to(self, moment: str | datetime) -> None:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
            if moment.tzinfo is None:
                moment = moment.replace(hour=moment.hour or 12, tzinfo=UTC)
        self._stack.close()
        self._stack.enter_context(calendar.clock_at(moment))

    def forward(self, **by: int) -> None:
        self.move_to(calendar.now() + timedelta(**by))


class Isp:
    """One tenant with its people, its clients over HTTP and its queue."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._clients: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def open(cls, name: str, country: str) -> Iterator[Isp]:
        slug = f"{name.split()[0].lower()}-{uuid.uuid4().hex[:10]}"
        isp = cls(create_tenant(slug, name=name, country=country))
        yield isp
        isp.prove_books()

    def scope(self):
        return tenant_scope(self.tenant.pk)

    def run(self) -> int:
        """Run the waiting jobs; returns how many ran."""
        return jobs.run_waiting(self.tenant.pk)

    @property
    def host(self) -> str:
        return f"{self.tenant.slug}.localhost"

    def system(self) -> Any:
        from fiberledger.identity import Actor

        return Actor.system("test")

    def member(self, role: str = "owner", **scope: Any) -> Any:
        """A membership in that role template, made on first use; the password is always `correct horse battery`."""
        from fiberledger.identity import services as identity

        email = f"{role}.{uuid.uuid4().hex[:8]}@example.org"
        with self.scope():
            return identity.add_member(
                email, name=f"{role.title()} of {self.tenant.name}", role=role, password=PASSWORD, **scope
            )

    def client(self, role: str = "owner") -> Any:
        """A signed-in browser without a screen, one per role, that went through the login page."""
        if role not in self._clients:
            from django.test import Client

            client = Client(headers={"host": self.host}, raise_request_exception=True)
            email = self.member(role).user.email
            answer = client.post("/login/", {"email": email, "password": PASSWORD})
            assert answer.status_code == 302, answer.content
            self._clients[role] = client
        return self._clients[role]

    # --- what an ISP does all day, by the services that its pages call ---

    def area(self, name: str = "Main Bazar") -> Any:
        from fiberledger.places.services import area_for

        with self.scope():
            return area_for("Lahore", name, create=True, by=self.system())

    def plan(self, name: str = "Home 20", price: str = "1200", **fields: Any) -> Any:
        from fiberledger.catalog.models import Plan

        with self.scope():
            defaults = {
                "code": name.upper().replace(" ", "-"),
                "price": Decimal(price),
                "currency": self.tenant.currency,
                "download_kbps": 20_000,
                "upload_kbps": 10_000,
                **fields,
            }
            return Plan.objects.get_or_create(name=name, defaults=defaults)[0]

    def subscriber(self, name: str = "Asha", **fields: Any) -> Any:
        """The subscriber of that name, registered on first mention."""
        from fiberledger.subscribers.models import Subscriber
        from fiberledger.subscribers.services import NewSubscriber, register

        with self.scope():
            if known := Subscriber.objects.filter(name=name).first():
                return known
        area = self.area()
        start = {"PK": "+92300", "KE": "+25471"}[self.tenant.country]
        digits = {"PK": 7, "KE": 7}[self.tenant.country]
        with self.scope():
            count = Subscriber.objects.count() + 1
            new = NewSubscriber(
                **{
                    "name": name,
                    "phone": f"{start}{count:0{digits}d}",
                    "area_id": area.pk,
                    "address": f"House {count}",
                    **fields,
                }
            )
            return register(new, by=self.system())

    def sell(self, plan: str = "Home 20", *, to: str = "Asha", on: str, price: str = "1200", **terms: Any) -> Any:
        """Sell a plan; returns the subscription."""
        from fiberledger.subscriptions import services as subscriptions

        sold, who = self.plan(plan, price), self.subscriber(to)
        with self.scope():
            return subscriptions.sell(who, sold, on=date.fromisoformat(on), by=self.system(), **terms)

    def bill(self, on: str) -> list[int]:
        """Issue whatever is due by that day; returns the invoices' ids."""
        from fiberledger.billing import services as billing
        from fiberledger.subscriptions.models import Subscription

        with self.scope():
            lines = list(Subscription.objects.values_list("pk", flat=True))
            return billing.issue_invoices(lines, as_of=date.fromisoformat(on), by=self.system()).invoice_ids

    def pay(self, name: str, amount: str, *, on: str | None = None, method: str = "cash", **more: Any) -> Any:
        from fiberledger.payments import services as payments

        who = self.subscriber(name)
        with self.scope():
            return payments.record_payment(
                who,
                Money(Decimal(amount), self.tenant.currency),
                method=method,
                key=more.pop("key", None) or uuid.uuid4(),
                received_on=date.fromisoformat(on) if on else calendar.today(),
                by=self.system(),
                **more,
            )

    def owes(self, name: str) -> Decimal:
        from fiberledger.ledger.models import LedgerAccount

        with self.scope():
            return LedgerAccount.objects.get(subscriber__name=name).balance

    def prove_books(self) -> None:
        from fiberledger import ledger

        with self.scope():
            faults = ledger.verify()
        assert faults == [], faults


PASSWORD = "correct horse battery"
