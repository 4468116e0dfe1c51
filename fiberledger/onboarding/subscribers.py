from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext, gettext_lazy

from fiberledger import calendar
from fiberledger.access.services import addresses_taken, usernames_taken
from fiberledger.billing.models import BillingPolicy
from fiberledger.catalog.models import Plan
from fiberledger.identity.models import Membership
from fiberledger.imports.faults import Fault
from fiberledger.imports.importer import Collision, Field, Verdict, importers
from fiberledger.places.models import Area, Branch
from fiberledger.places.services import areas_for, branches_of
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import RegistrationPolicy, Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import Refusal, current_tenant

from . import moving
from .fields import SUBSCRIBER_FIELDS
from .rules import Place, Row, key, read_row
from .words import REMEDIES, WORDS


@dataclass
class Context:
    """What one pass over a file knows: the tenant's terms, and what good rows so far have claimed."""

    place: Place
    plans: dict[int, moving.PlanTerms]
    terms: moving.Terms
    barred_phones: frozenset[str]
    barred_ids: frozenset[str]
    by: Any
    served: dict[int, int | None] | None = None  # area → the branch that serves it; None: `by` reaches everything
    colleagues: frozenset[int] | None = None  # to whom `by` may give subscribers; None: to all
    numbers: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    usernames: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


@importers.register
class SubscriberImporter:
    """A provider's customer list: subscriber, place, plan, line, login, opening balance, tags and note, each by its room's
    own verb.

    A row whose number, name and phone are already those of a subscriber is *already here*: the same file may be sent
    again, and only what is new is taken.
    """

    code: ClassVar = "subscribers"
    title: ClassVar = gettext_lazy("Subscribers")
    url: ClassVar = "subscribers:subscriber-list"
    explain: ClassVar = gettext_lazy("A row per customer: name, phone, place, plan, login, what they owe.")
    fields: ClassVar[tuple[Field, ...]] = SUBSCRIBER_FIELDS
    creatable: ClassVar = {
        "areas": gettext_lazy("Create cities and areas that are not there yet"),
        "plans": gettext_lazy("Create plans that are not there yet, with the row's fee as price"),
    }
    tables: ClassVar = (
        "subscribers_subscriber",
        "subscribers_search",
        "subscribers_subscribertag",
        "subscribers_note",
        "subscriptions_subscription",
        "subscriptions_statuschange",
        "access_accessaccount",
        "radius_line",
        "ledger_ledgeraccount",
        "ledger_journalentry",
        "ledger_posting",
        "billing_invoice",
        "billing_invoiceline",
    )
    questions: ClassVar = {
        "bill_from": (
            gettext_lazy("From when shall we bill?"),
            [
                ("this", gettext_lazy("The running period is still to be billed")),
                ("next", gettext_lazy("From the next period on: the running one is in the opening balances")),
            ],
        )
    }
    words: ClassVar = WORDS
    remedies: ClassVar = REMEDIES

    def open(self, options: dict, *, by: Any) -> Context:
        tenant = current_tenant()
        rules = RegistrationPolicy.objects.first() or RegistrationPolicy()
        missing = [] if by.is_limited else options.get("create_missing", [])
        barred = list(
            Subscriber.objects.filter(status=Status.BLACKLISTED).values_list(
                "phone", "phone2", "whatsapp", "national_id"
            )
        )
        place = Place(
            country=tenant.country,
            currency=tenant.currency,
            today=calendar.today(),
            create_areas="areas" in missing,
            create_plans="plans" in missing,
            national_id_required=rules.national_id == RegistrationPolicy.NationalId.REQUIRED,
            address_required=rules.address_required,
        )
        context = Context(
            place=place,
            plans={},
            terms=moving.Terms.of(BillingPolicy.objects.first() or BillingPolicy(), options, place.today),
            barred_phones=frozenset(phone for row in barred for phone in row[:3] if phone),
            barred_ids=frozenset(row[3] for row in barred if row[3]),
            by=by,
            served=branches_of(list(Area.objects.all())) if by.is_limited else None,
            colleagues=frozenset(Membership.objects.active().within(by).values_list("pk", flat=True))
            if by.is_limited
            else None,
        )
        _read_branches(context)
        _read_collectors(context)
        _read_plans(context)
        _read_areas(context)
        return context

    def read(self, context: Context, rows: Sequence[tuple[int, dict]]) -> list[tuple[Row, list[Fault]]]:
        return [read_row(line, raw, context.place) for line, raw in rows]

    def check(self, context: Context, read: Sequence[tuple[Row, list[Fault]]]) -> list[Verdict]:
        mine = [row for row, _faults in read]
        numbers = {row.number for row in mine if row.number}
        phones = {row.phone for row in mine if row.phone}
        usernames = {row.username.lower() for row in mine if row.username}
        known = subscribers.known_as(numbers, phones)
        by_number = {other.number: other for other in known}
        by_phone = {other.phone: other for other in known}
        taken_usernames = usernames_taken(usernames)
        addresses = {row.static_ip for row in mine if row.static_ip}
        taken_addresses = addresses_taken(addresses) if addresses else set()
        verdicts = []
        for row, faults in read:
            verdict = Verdict(row.line, faults, value=row)
            if not faults:
                self._compare(context, verdict, row, by_number, by_phone, taken_usernames, taken_addresses)
            if not verdict.faults:
                self._claim(context, row)
            verdicts.append(verdict)
        return verdicts

    def _compare(
        self,
        context: Context,
        verdict: Verdict,
        row: Row,
        by_number: dict,
        by_phone: dict,
        taken: set[str],
        taken_addresses: set[str],
    ) -> None:
        """The row against the rows before it, and against who is here already."""

        def fault(word: str, code: str, value: str) -> None:
            verdict.faults.append(Fault(word, code, value))

        if context.served is not None:
            self._stay_within_reach(context, row, fault)
            if verdict.faults:
                return
        if row.number and row.number in context.numbers:
            fault("number duplicate in file", "number", row.number)
        if row.phone in context.phones:
            fault("phone duplicate in file", "phone", row.phone)
        if row.username and row.username.lower() in context.usernames:
            fault("username duplicate in file", "username", row.username)
        if row.static_ip and row.static_ip in context.addresses:
            fault("static ip duplicate in file", "static_ip", row.static_ip)
        if verdict.faults:
            return
        same = by_number.get(row.number) if row.number else by_phone.get(row.phone)
        if same and (same.phone, same.name) == (row.phone, row.name):
            verdict.here = True
            return
        if same and row.number:
            fault("number taken", "number", row.number)
        if row.phone in by_phone:
            fault("phone taken", "phone", row.phone)
        if row.username and row.username.lower() in taken:
            fault("username taken", "username", row.username)
        if row.static_ip and row.static_ip in taken_addresses:
            fault("static ip taken", "static_ip", row.static_ip)
        if {row.phone, row.phone2, row.whatsapp} & context.barred_phones or row.national_id in context.barred_ids:
            fault("blacklisted", "phone", row.phone)
        return

    @staticmethod
    def _stay_within_reach(context: Context, row: Row, fault: Callable[[str, str, str], None]) -> None:
        """Whoever reaches a part of the tenant puts nobody outside of it, and gives nobody to somebody outside of it."""
        by, its = context.by, context.served.get(row.area)  # type: ignore[union-attr, arg-type]
        if row.branch and row.branch != its and row.branch not in (by.branch_ids or ()):
            return fault("branch out of reach", "branch", row.branch_name)
        branch = row.branch if its is None else its
        if (by.area_ids is not None and row.area not in by.area_ids) or (
            by.branch_ids is not None and branch not in by.branch_ids
        ):
            return fault("area out of reach", "area", row.area_name)
        if by.reseller_names is not None and row.reseller not in by.reseller_names:
            return fault("reseller out of reach", "reseller", row.reseller)
        if row.collector and row.collector not in context.colleagues:  # type: ignore[operator]
            return fault("collector out of reach", "collector", row.collector_name)
        return None

    @staticmethod
    def _claim(context: Context, row: Row) -> None:
        if row.number:
            context.numbers.add(row.number)
        context.phones.add(row.phone)
        if row.username:
            context.usernames.add(row.username.lower())
        if row.static_ip:
            context.addresses.add(row.static_ip)

    def skip(self, context: Context, read: Sequence[tuple[Row, list[Fault]]]) -> None:
        for row, _faults in read:
            self._claim(context, row)

    def take(self, context: Context, values: Sequence[Row], *, by: Any, run_id: int) -> dict[str, list[int]]:
        created: dict[str, list[int]] = {}
        self._create_plans(context, values, created, by=by, run_id=run_id)
        self._create_areas(context, values, created, by=by)
        tags: dict[str, int] = {}
        if words := [word for row in values for word in row.tags]:
            tags, made = subscribers.tags_named(words, by=by)
            if made:
                created["subscribers.tag"] = made
        try:
            ids = subscribers.register_many(
                [_new_subscriber(row, by.membership_id if by.only_assigned else row.collector, tags) for row in values],
                by=by,
                action="subscriber.imported",
                checked=True,
            )
            created["subscribers.subscriber"] = ids
            pairs = list(zip(ids, values, strict=True))
            created |= moving.sell(context.terms, context.plans, pairs, by=by)
        except Refusal as refusal:  # the rows were good a moment ago
            raise Collision from refusal
        moving.open_balances(pairs, on=context.place.today, by=by)
        if notes := {pk: row.note for pk, row in pairs if row.note}:
            created["subscribers.note"] = subscribers.add_notes(notes, by=by)
        return created

    def _create_plans(self, context: Context, values: Sequence[Row], created: dict, *, by: Any, run_id: int) -> None:
        new: dict[str, Row] = {}
        for row in values:
            if row.plan_name and row.plan is None and key(row.plan_name) not in context.place.plans:
                new.setdefault(key(row.plan_name), row)
        if new:
            from .plans import PlanImporter

            importer = PlanImporter()
            plans = [
                Plan(name=row.plan_name, currency=context.place.currency, price=row.fee or Decimal(0), code="")
                for row in new.values()
            ]
            created["catalog.plan"] = importer.take(importer.open({}, by=by), plans, by=by, run_id=run_id)[
                "catalog.plan"
            ]
            _read_plans(context)
        for row in values:
            if row.plan_name and row.plan is None:
                row.plan = context.place.plans[key(row.plan_name)]

    def _create_areas(self, context: Context, values: Sequence[Row], created: dict, *, by: Any) -> None:
        new: dict[tuple[str, str], tuple[str, str]] = {}
        for row in values:
            at = (key(row.city), key(row.area_name))
            if row.area is None and at not in context.place.areas:
                new.setdefault(at, (row.city, row.area_name))
        if new:
            before = set(Area.objects.values_list("pk", flat=True))
            areas_for(new.values(), create=True, by=by)
            created["places.area"] = sorted(set(Area.objects.values_list("pk", flat=True)) - before)
            _read_areas(context)
        for row in values:
            if row.area is None:
                row.area = context.place.areas[(key(row.city), key(row.area_name))]

    def done(self, context: Context, *, by: Any, run_id: int) -> None:
        pass

    def dependants(self, created: dict[str, list[int]]) -> list[str]:
        return moving.dependants(created)

    def undo(self, created: dict[str, list[int]], *, by: Any, run_id: int) -> None:
        moving.withdraw(created, by=by)

    def show(self, value: Row) -> dict[str, str]:
        shown = {
            "number": value.number, "name": value.name, "guardian": value.guardian, "phone": value.phone,
            "phone2": value.phone2, "whatsapp": value.whatsapp, "email": value.email,
            "national_id": value.national_id, "city": value.city, "area": value.area_name, "address": value.address,
            "street_house": value.street_house, "branch": value.branch_name,
            "plan": value.plan_name, "fee": "" if value.fee is None else f"{value.fee:,.2f}".removesuffix(".00"), "status": str(value.status.label),
            "installed_on": value.installed_on.isoformat() if value.installed_on else "", "username": value.username,
            "static_ip": value.static_ip, "only_mac": value.only_mac, "collector": value.collector_name,
            "tags": ", ".join(value.tags), "note": value.note[:80], "language": value.language,
            "is_vip": gettext("Yes") if value.is_vip else "",
            "reseller": value.reseller, "opening_balance": f"{value.opening:,.2f}".removesuffix(".00") if value.opening else "",
        }  # fmt: skip
        return {code: text for code, text in shown.items() if text}


def _read_plans(context: Context) -> None:
    plans: dict[str, int] = {}
    for pk, name, code, *terms in (
        Plan.objects.exclude(status__in=["draft", "archived"])
        .order_by("-id")
        .values_list("pk", "name", "code", "price", "validity_days", "connection_type", "cycle")
    ):
        plans.setdefault(key(code), pk)
        plans[key(name)] = pk  # of two plans of one name the older is meant; a name goes before a code
        context.plans[pk] = moving.PlanTerms(*terms)
    context.place.plans = plans


def _read_areas(context: Context) -> None:
    """Each area under its own name and under every place it lies in, nearest to the top first."""
    found: dict[tuple[str, str], int | None] = {}
    for pk, path_names in Area.objects.order_by("path", "id").values_list("pk", "path_names"):
        *above, name = (key(part) for part in path_names.split(" › "))
        at = ("", name)
        found[at] = None if at in found else pk
        for city in above:
            found.setdefault((city, name), pk)
    for (city, name), pk in list(found.items()):
        if not city and pk is not None:
            found.setdefault((name, name), pk)  # «Raiwind, Raiwind»
    context.place.areas = found


def _read_branches(context: Context) -> None:
    branches: dict[str, int] = {}
    for pk, name, code in Branch.objects.filter(is_active=True).order_by("-id").values_list("pk", "name", "code"):
        branches.setdefault(key(code), pk)
        branches[key(name)] = pk  # a name goes before a code
    context.place.branches = branches


def _read_collectors(context: Context) -> None:
    collectors: dict[str, int | None] = {}
    team = Membership.objects.active()
    if not team.exclude(role_links__role__template="owner").exists():
        return  # nobody collects yet
    for pk, name, email in team.values_list("pk", "user__name", "user__email"):
        collectors[key(email)] = pk
        collectors[key(name)] = None if key(name) in collectors else pk
    context.place.collectors = collectors


def _new_subscriber(row: Row, collector_id: int | None, tags: Mapping[str, int]) -> subscribers.NewSubscriber:
    return subscribers.NewSubscriber(
        number=row.number, name=row.name, guardian=row.guardian, phone=row.phone, phone2=row.phone2, whatsapp=row.whatsapp,
        email=row.email, national_id=row.national_id, area_id=row.area, address=row.address, latitude=row.latitude,
        longitude=row.longitude, installed_on=row.installed_on, status=row.status, reseller_name=row.reseller,
        extra_search=f"{row.username} {row.only_mac}".strip(), collector_id=collector_id, branch_id=row.branch,
        street_house=row.street_house, language=row.language, is_vip=row.is_vip,
        tag_ids=tuple(tags[word.casefold()] for word in row.tags),
    )  # fmt: skip
