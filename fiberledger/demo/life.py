"""Half a year of a provider, day by day: sold, billed, paid, late, cut, back, gone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile

from fiberledger import calendar, jobs, paper
from fiberledger.access import services as access
from fiberledger.access.models import Nas, Pop, RadiusAttribute
from fiberledger.billing.models import BillingPolicy, Invoice
from fiberledger.catalog.models import AddOn, Plan, PlanHours, TaxRate
from fiberledger.dunning.models import SuspensionPolicy
from fiberledger.identity import Actor
from fiberledger.identity import services as identity
from fiberledger.identity.models import Membership
from fiberledger.ledger.models import LedgerAccount
from fiberledger.money import Money
from fiberledger.payments import services as payments
from fiberledger.places import services as places
from fiberledger.places.models import Area, Branch
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.services import NewSubscriber
from fiberledger.subscriptions import add_ons, planned
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import SoldAddOn, Subscription
from fiberledger.subscriptions.services import Sale
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.tenancy.models import Profile, Tenant

from . import PASSWORD, addresses
from .cast import Company, Extra, Offer

MONTHS = 6
_Persona = tuple[int, int, float]  # days after the invoice: earliest, latest; share that pays at all
_PERSONAS: tuple[tuple[_Persona, int], ...] = (
    ((0, 4, 1.0), 45),
    ((3, 11, 0.99), 32),
    ((11, 19, 0.96), 15),
    ((16, 27, 0.80), 6),
    ((25, 40, 0.45), 2),
)


class Life:
    """One company, from its first day to `until`, lived with a seeded chance: the same every time it is loaded."""

    def __init__(self, company: Company, tenant: Tenant, until: date, tell: Callable[[str], None]) -> None:
        self.company, self.tenant, self.until, self.tell = company, tenant, until, tell
        self.chance = random.Random(company.slug)
        self.wish = random.Random(f"{company.slug} add-ons")
        self.began = calendar.add_months(until.replace(day=1), -MONTHS)
        self.by = Actor.system("demo")
        self.persona: dict[int, _Persona] = {}
        self.to_pay: dict[date, list[tuple[int, int]]] = defaultdict(list)  # day → (subscriber, invoice)
        self.seen_invoice = 0
        self.phones: set[str] = set()

    # --- the stage ---------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Live it all. Each day is a transaction of its own, as days are."""
        with self._at(self.began, 8):
            self._furnish()
            self._sell(self.company.begins_with, self.began)
        day, months = self.began, 0
        while day <= self.until:
            if day.day == 1:
                self.tell(f"{self.company.name}: {day:%B %Y}")
                months += 1
            self._day(day)
            day += timedelta(days=1)
        with self._at(self.until, 9):
            self._tell_stories()

    def _at(self, day: date, hour: int, minute: int = 0) -> Any:
        return _Moment(self.tenant, datetime.combine(day, time(hour, minute)))

    def _pick(self, weighted: Iterable[tuple[Any, int]]) -> Any:
        values, weights = zip(*weighted, strict=True)
        return self.chance.choices(values, weights)[0]

    # --- first day ---------------------------------------------------------------------------------------------

    def _furnish(self) -> None:
        company, by = self.company, self.by
        Profile.objects.update(
            legal_name=company.name,
            phone=company.phone,
            email=f"accounts@{company.slug}.example",
            address=company.address,
            brand_color=company.color,
            tax_number="1234567-8" if company.country == "PK" else "P051234567X",
            invoice_footer="Thank you for being with us.",
            receipt_footer="Keep this receipt.",
            terms="Please pay by the due date; lines with overdue invoices are suspended.",
        )
        BillingPolicy.objects.update(
            cycle=company.cycle, billing="prepaid", anchor_day=1, due_days=7, is_automatic=True
        )
        SuspensionPolicy.objects.update(enabled=True, grace_days=5, hour=2)
        branches = {}
        for number, name in enumerate(company.branches, 1):
            branches[name] = Branch.objects.create(name=name, code=f"B{number}", phone=company.phone, address=name)
        self.streets: list[Area] = []
        for (city, areas), branch in zip(company.places.items(), branches.values(), strict=False):
            top = places.add_area(city, level="city", branch=branch, by=by)
            for name, streets in areas.items():
                area = places.add_area(name, level="area", parent=top, branch=branch, by=by)
                self.streets += [
                    places.add_area(street, level="street", parent=area, branch=branch, by=by) for street in streets
                ]
        self._team(branches)
        tax_name, percent, included = company.tax
        tax = TaxRate.objects.create(name=tax_name, percent=Decimal(percent))
        self.plans = {offer: self._plan(offer, tax, included) for offer in company.offers}
        self.extras = {extra: self._extra(extra, tax, included) for extra in company.extras}
        first = branches[company.branches[0]]
        pop = access.save_pop(
            Pop(name=f"{first.name} rooftop", branch=first, area=self.streets[0].parent, address=first.address), by=by
        )
        nas = access.save_nas(
            Nas(
                name=f"{company.branches[0]} BRAS",
                src_ip="127.0.0.1" if company.slug == "bright" else "127.0.0.2",
                pop=pop,
                capacity=500,
            ),
            secret="demo-secret-for-loopback",
            by=by,
        )
        rules = access.policy()
        rules.rebind_days = 7
        access.save_policy(rules, by=by)
        access.save_attribute(
            RadiusAttribute(name="Framed-MTU", value="1492", kind="mikrotik", note="PPPoE over fibre"), by=by
        )
        addresses.plan(company.slug, nas, by=by)
        if company.slug == "bright":  # a tower whose lines live on its router, without RADIUS
            tower = Nas(name="Canal Tower", src_ip="127.0.0.3", walled_rate="256k/256k", walled_pool="walled", pop=pop)
            access.save_nas(tower, by=by)

    def _team(self, branches: dict[str, Branch]) -> None:
        slug, names = self.company.slug, {"owner": "Asad Mahmood", "manager": "Sadia Noor", "cashier": "Huma Iqbal"}
        if slug == "savanna":
            names = {"owner": "Daniel Kiptoo", "manager": "Beatrice Njeri", "cashier": "Ann Chepkoech"}
        for role in ("owner", "manager", "cashier", "engineer", "support"):
            name = names.get(role, f"{role.title()} of {self.company.name}")
            member = identity.add_member(f"{role}@{slug}.example", name, role, password=PASSWORD)
            if role == "cashier":
                self.cashier = member
        self.collectors: list[Membership] = []
        for number, name in enumerate(self.company.collectors):
            email = f"collector{number or ''}@{slug}.example"
            self.collectors.append(identity.add_member(email, name, "collector", password=PASSWORD))

    def _plan(self, offer: Offer, tax: TaxRate, included: bool) -> Plan:
        burst = (
            {
                "burst_download_kbps": offer.down * 1500,
                "burst_upload_kbps": offer.up * 1500,
                "burst_threshold_download_kbps": offer.down * 800,
                "burst_threshold_upload_kbps": offer.up * 800,
                "burst_seconds": 12,
            }
            if offer.burst
            else {}
        )
        plan = Plan.objects.create(
            name=offer.name,
            code=offer.name.upper().replace(" ", "-"),
            category=offer.category,
            download_kbps=offer.down * 1000,
            upload_kbps=offer.up * 1000,
            quota_mb=offer.quota_gb * 1000 or None,
            at_limit=("slow" if offer.slow else "stop") if offer.quota_gb else "nothing",
            slow_download_kbps=offer.slow * 1000 or None,
            price=Decimal(offer.price),
            currency=self.tenant.currency,
            tax=tax,
            tax_inclusive=included,
            address_pool="pool-home",
            static_ip_allowed=offer.category == "business",
            **burst,
        )
        if offer.night:
            speed = offer.night * 1000
            PlanHours.objects.create(
                plan=plan, from_hour=22, to_hour=6, download_kbps=speed, upload_kbps=speed, free=True
            )
        return plan

    def _extra(self, extra: Extra, tax: TaxRate, included: bool) -> AddOn:
        return AddOn.objects.create(
            name=extra.name,
            code=extra.name.upper().replace(" ", "-"),
            kind=extra.kind,
            price=Decimal(extra.price),
            currency=self.tenant.currency,
            tax=tax,
            tax_inclusive=included,
            every_period=extra.every_period,
            is_public=extra.kind == "address",
            mb=extra.mb,
            hours=extra.hours,
            download_kbps=extra.mbit * 1000 or None,
            upload_kbps=extra.mbit * 1000 or None,
        )

    # --- selling -----------------------------------------------------------------------------------------------

    def _phone(self) -> str:
        while True:
            phone = f"{self.chance.choice(self.company.prefixes)}{self.chance.randrange(10**6, 10**7)}"
            if phone not in self.phones:
                self.phones.add(phone)
                return phone[: 11 if self.company.country == "PK" else 10]

    def _sell(self, count: int, on: date) -> None:
        company, people = self.company, []
        for _n in range(count):
            street = self.chance.choice(self.streets)
            reseller = self.chance.choice(company.resellers) if self.chance.random() < 0.25 else ""
            people.append(
                NewSubscriber(
                    name=f"{self.chance.choice(company.first_names)} {self.chance.choice(company.last_names)}",
                    phone=self._phone(),
                    area_id=street.pk,
                    national_id=f"35202{self.chance.randrange(10**7, 10**8)}" if company.country == "PK" else "",
                    address=f"House {self.chance.randrange(1, 400)}, {street.name}",
                    installed_on=on,
                    status="lead",
                    is_vip=self.chance.random() < 0.02,
                    reseller_name=reseller,
                    collector_id=self.chance.choice(self.collectors).pk if not reseller else None,
                    latitude=Decimal(str(round(31.45 + self.chance.random() / 5, 6))),
                    longitude=Decimal(str(round(74.2 + self.chance.random() / 5, 6))),
                )
            )
        ids = subscribers.register_many(people, by=self.by)
        sales = []
        for pk in ids:
            self.persona[pk] = self._pick(_PERSONAS)
            plan = self.plans[self._pick((offer, offer.weight) for offer in company.offers)]
            sales.append(Sale(pk, plan.pk, on, status="active"))
        lines = subscriptions.sell_many(sales, by=self.by)
        numbers = dict(Subscriber.objects.filter(pk__in=ids).values_list("pk", "number"))
        access.open_accounts(
            [
                {
                    "subscription_id": line,
                    "username": f"{company.slug}-{numbers[pk].lower()}",
                    "password": f"pw{line:06d}x",
                }
                for pk, line in zip(ids, lines, strict=True)
            ],
            by=self.by,
        )

        for line in Subscription.objects.filter(pk__in=lines).select_related("plan").order_by("pk"):
            for extra in self.extras:
                if extra.every_period and self.wish.random() * 100 < extra.of_hundred:
                    self._take(line, extra)

    def _take(self, line: Subscription, extra: Extra) -> None:
        """Sell it, where the shop would: a boost to whoever is slower than it."""
        with suppress(Refusal):
            key = UUID(int=self.wish.getrandbits(128), version=4)
            add_ons.sell_add_on(line, self.extras[extra], key=key, by=self.by)

    def _wishes(self) -> None:
        """A day's share of what is used up, and now and then a device that is given back, or another plan from the renewal on."""
        lines = Subscription.objects.filter(status="active").select_related("plan").order_by("pk")
        count = lines.count()
        for extra in self.extras:
            if not extra.every_period and self.wish.random() < count * extra.of_hundred / 3000:
                self._take(lines[self.wish.randrange(count)], extra)
        if count and self.wish.random() < 0.15:
            line, plan = lines[self.wish.randrange(count)], self.wish.choice(list(self.plans.values()))
            with suppress(Refusal):
                planned.plan_change(line, plan, by=self.by, note="From the next month on")
        rents = SoldAddOn.objects.filter(kind="service", ends_at__isnull=True).order_by("pk")
        if self.wish.random() < 0.1 and (rent := rents[self.wish.randrange(5) :].first()):
            add_ons.end_add_on(rent, by=self.by, reason="Device given back")

    # --- a day -------------------------------------------------------------------------------------------------

    def _day(self, day: date) -> None:
        with self._at(day, 1):
            jobs.enqueue("billing.automatic")
        self._work(day, 1)
        with self._at(day, 1, 30):
            self._plan_to_pay(day)
        with self._at(day, 2):
            jobs.enqueue("dunning.night")
        self._work(day, 2)
        with self._at(day, 11):
            self._new_customers(day)
            self._comings_and_goings(day)
            self._wishes()
        for pk, invoice in self.to_pay.pop(day, ()):
            with self._at(day, self.chance.randrange(9, 20), self.chance.randrange(60)):
                self._pay(pk, invoice, day)
        self._work(day, 20)
        if day.weekday() == 5:
            with self._at(day, 21):
                self._close_cash()

    def _work(self, day: date, hour: int) -> None:
        with calendar.clock_at(_local(self.tenant, datetime.combine(day, time(hour, 59)))):
            jobs.run_waiting(self.tenant.pk)

    def _new_customers(self, day: date) -> None:
        days = (self.until - self.began).days
        wanted = (
            self.company.begins_with
            + (self.company.grows_to - self.company.begins_with) * (day - self.began).days / days
        )
        missing = int(wanted - len(self.persona) + self.chance.random())
        if missing > 0 and day.weekday() != 6:
            self._sell(missing, day)

    def _comings_and_goings(self, day: date) -> None:
        if self.chance.random() < 0.35:
            line = self._any_line(day)
            if line and self.chance.random() < 0.7:
                subscriptions.end([line], by=self.by, on=day, note="Moved to another city")
            elif line:
                subscriptions.hold([line], by=self.by, on=day, until=day + timedelta(days=30), note="Away for a month")
        if self.chance.random() < 0.2 and (line := self._any_line(day)):
            plan = self.chance.choice([plan for plan in self.plans.values() if plan.pk != line.plan_id])
            subscriptions.change_plan(line, plan, by=self.by, on=day)

    def _any_line(self, day: date) -> Subscription | None:
        old_enough = Subscription.objects.filter(status="active", started_on__lt=day - timedelta(days=20))
        return (
            old_enough.order_by("id")[self.chance.randrange(count) :].first() if (count := old_enough.count()) else None
        )

    # --- money -------------------------------------------------------------------------------------------------

    def _plan_to_pay(self, day: date) -> None:
        fresh = Invoice.objects.filter(pk__gt=self.seen_invoice).order_by("pk").values_list("pk", "subscriber_id")
        for invoice, pk in fresh:
            self.seen_invoice = invoice
            earliest, latest, share = self.persona[pk]
            if self.chance.random() < share:
                pay_on = day + timedelta(days=self.chance.randint(earliest, latest))
                self.to_pay[pay_on].append((pk, invoice))

    def _pay(self, pk: int, invoice_id: int, day: date) -> None:
        balance = LedgerAccount.objects.values_list("balance", flat=True).get(subscriber=pk)
        if balance <= 0:
            return
        if self.chance.random() < 0.04:  # part of it now, the rest a week later
            self.to_pay[day + timedelta(days=7)].append((pk, invoice_id))
            balance = (balance / 2).quantize(Decimal(100)) or balance
        method = self._pick(self.company.methods)
        payment = payments.record_payment(
            pk,
            Money(balance, self.tenant.currency),
            method=method,
            key=UUID(int=self.chance.getrandbits(128), version=4),
            received_on=day,
            by=self.by,
            collector=self.chance.choice(self.collectors) if method == "cash" else self.cashier,
            reference="" if method == "cash" else f"TX{self.chance.randrange(10**8, 10**9)}",
        )
        if self.chance.random() < 0.003:
            payments.reverse_payment(payment, reason="Typed for the wrong subscriber", by=self.by, on=day)

    def _close_cash(self) -> None:
        for collector in self.collectors:
            in_hand = payments.cash_in_hand(collector)
            if in_hand.amount.amount > 0:
                closing = payments.close_cash(collector, counted=in_hand.amount, by=self.by)
                if self.until - calendar.today() > timedelta(days=8):
                    payments.approve_closing(closing, by=self.by)

    # --- last touches ------------------------------------------------------------------------------------------

    def _tell_stories(self) -> None:
        addresses.hand_out(self.company.slug, by=self.by)
        people = list(Subscriber.objects.filter(status="active").order_by("pk")[:6])
        texts = (
            "Dog at the gate, ring first.",
            "Pays at the shop on Fridays.",
            "Router moved upstairs, signal fine now.",
        )
        for person, text in zip(people, texts, strict=False):
            subscribers.add_note(person, text, by=self.by)
        subscribers.tag(people[:3], "Early customer", by=self.by)
        agreement = paper.render(
            paper.Document(
                "Service agreement",
                people[0].number,
                paper.Party(self.company.name, (self.company.address,)),
                paper.Party(people[0].name),
                (("Since", f"{people[0].installed_on:%d %b %Y}"),),
            )
        )
        upload = SimpleUploadedFile("agreement.pdf", agreement, "application/pdf")
        subscribers.add_document(people[0], upload, kind="agreement", by=self.by)


def _local(tenant: Tenant, moment: datetime) -> datetime:
    from zoneinfo import ZoneInfo

    return moment.replace(tzinfo=ZoneInfo(tenant.timezone))


class _Moment:
    """A moment of a day inside the tenant's scope."""

    def __init__(self, tenant: Tenant, moment: datetime) -> None:
        self.clock, self.scope = calendar.clock_at(_local(tenant, moment)), tenant_scope(tenant.pk)

    def __enter__(self) -> None:
        self.clock.__enter__()
        self.scope.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.scope.__exit__(*error)
        self.clock.__exit__(*error)
