from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import audit
from fiberledger.catalog.models import Plan
from fiberledger.imports import cells
from fiberledger.imports.cells import NOTHING, Unfit, text
from fiberledger.imports.faults import Fault
from fiberledger.imports.importer import Field, Verdict, importers
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant

from .rules import key
from .words import REMEDIES, WORDS

CONNECTIONS = {
    "pppoe": "pppoe", "ppp": "pppoe", "hotspot": "hotspot", "wifi": "hotspot", "static": "static", "static ip": "static", "ip": "static",
    "dhcp": "dhcp", "ipoe": "dhcp", "cable": "cable", "cable tv": "cable", "catv": "cable", "tv": "cable",
}  # fmt: skip
CYCLES = {
    "fixed": "fixed", "fixed date": "fixed", "fixed day": "fixed", "calendar": "fixed",
    "anniversary": "anniversary", "rolling": "anniversary", "activation date": "anniversary",
}  # fmt: skip


@dataclass
class Context:
    known: dict[str, tuple[Decimal, int | None]]  # key(name) → (price, download)
    codes: set[str]
    seen: set[str] = field(default_factory=set)


def kbps(cell: Any) -> int | None:
    """«20», «20 Mbps», «512k», «1 Gbit» as kbit/s; a bare number is Mbit/s."""
    value = text(cell).lower().replace(",", ".")
    if not value or value in NOTHING:
        return None
    match = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)\s*([kmg])?(?:b|bps|bit|bits|bit/s|b/s)?", value)
    if not match:
        raise Unfit
    result = int(Decimal(match[1]) * {"k": 1, "m": 1000, "g": 1_000_000, None: 1000}[match[2]])
    if not 0 < result <= 1_000_000_000:
        raise Unfit
    return result


def megabytes(cell: Any) -> int | None:
    """«100», «100 GB», «500 MB», «unlimited» as MB; a bare number is GB."""
    value = text(cell).lower().replace(",", "")
    if not value or value in NOTHING or value in ("unlimited", "no limit", "0"):
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*(mb|gb|tb|g|m|t)?", value)
    if not match:
        raise Unfit
    return int(Decimal(match[1]) * {"m": 1, "g": 1000, "t": 1_000_000}[(match[2] or "g")[0]]) or None


@importers.register
class PlanImporter:
    """Plans from a price list. A plan of the same name, price and speed is already here; of the same name only, a fault."""

    code: ClassVar = "plans"
    title: ClassVar = gettext_lazy("Plans")
    url: ClassVar = "catalog:plan-list"
    explain: ClassVar = gettext_lazy("A row per plan: name, speeds, price, validity.")
    tables: ClassVar = ("catalog_plan",)
    creatable: ClassVar[dict[str, Any]] = {}
    questions: ClassVar[dict[str, Any]] = {}
    words: ClassVar = {**WORDS, "name taken": gettext_lazy("Name taken"), "name missing": gettext_lazy("Name missing")}
    remedies: ClassVar = {
        **REMEDIES,
        "name missing": gettext_lazy("Write the plan's name."),
        "name taken": gettext_lazy(
            "A plan of this name with another price or speed is there already. Change that plan, or write another name."
        ),
    }
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "name",
            gettext_lazy("Name"),
            ("plan", "plan name", "package", "package name", "نام", "پیکج", "title", "tariff", "profile"),
            required=True,
        ),
        Field("code", gettext_lazy("Code"), ("plan code", "package code", "short name", "sku")),
        Field(
            "download",
            gettext_lazy("Download"),
            (
                "download mbps",
                "download speed",
                "down",
                "speed",
                "speed mbps",
                "mbps",
                "rx",
                "download kbps",
                "bandwidth",
                "رفتار",
            ),
        ),
        Field("upload", gettext_lazy("Upload"), ("upload mbps", "upload speed", "up", "tx", "upload kbps")),
        Field(
            "price",
            gettext_lazy("Price"),
            (
                "monthly price",
                "monthly fee",
                "fee",
                "rate",
                "amount",
                "charges",
                "mrc",
                "cost",
                "قیمت",
                "ماہانہ قیمت",
                "ماہانہ فیس",
            ),
            required=True,
        ),
        Field(
            "validity_days",
            gettext_lazy("Validity (days)"),
            ("validity days", "validity", "days", "duration", "period", "مدت"),
        ),
        Field(
            "quota", gettext_lazy("Data limit"), ("data limit", "quota gb", "data gb", "limit", "fup", "volume", "data")
        ),
        Field("cycle", gettext_lazy("Billing cycle"), ("billing cycle", "cycle", "bill cycle")),
        Field("connection", gettext_lazy("Connection type"), ("connection type", "type", "service type")),
        Field(
            "installation_fee",
            gettext_lazy("Installation charge"),
            ("installation charges", "installation", "setup fee", "install fee"),
        ),
        Field("deposit", gettext_lazy("Security deposit"), ("security deposit", "security")),
    )

    def open(self, options: dict, *, by: Any) -> Context:
        known: dict[str, tuple[Decimal, int | None]] = {}
        codes: set[str] = set()
        for name, code, price, download in Plan.objects.values_list("name", "code", "price", "download_kbps"):
            known[key(name)] = (price, download)
            codes.add(code.casefold())
        return Context(known, codes)

    def read(self, context: Context, rows: Sequence[tuple[int, dict]]) -> list[tuple[int, dict]]:
        return list(rows)

    def check(self, context: Context, read: Sequence[tuple[int, dict]]) -> list[Verdict]:
        currency = current_tenant().currency
        return [self._check_one(context, line, raw, currency) for line, raw in read]

    def _check_one(self, context: Context, line: int, raw: dict, currency: str) -> Verdict:
        verdict = Verdict(line)

        def read(code: str, rule: Any, word: str) -> Any:
            cell = raw.get(code, "")
            try:
                return rule(cell)
            except Unfit:
                verdict.faults.append(Fault(word, code, cell if type(cell) is str else cell.isoformat()))
                return None

        name = text(raw.get("name", ""))
        if not name:
            verdict.faults.append(Fault("name missing", "name"))
        elif len(name) > 80:
            verdict.faults.append(Fault("name too long", "name", name))
        price = read("price", lambda cell: cells.amount(cell, currency), "price invalid")
        if price is None and not verdict.faults:
            verdict.faults.append(Fault("price missing", "price"))
        plan = Plan(
            name=name, currency=currency, price=price or Decimal(0),
            download_kbps=read("download", kbps, "speed invalid"), upload_kbps=read("upload", kbps, "speed invalid"),
            validity_days=read("validity_days", _days, "validity invalid") or 30,
            quota_mb=read("quota", megabytes, "quota invalid"),
            connection_type=read("connection", _one_of(CONNECTIONS), "connection unknown") or "pppoe",
            cycle=read("cycle", _one_of(CYCLES), "cycle unknown") or "",
            installation_fee=read("installation_fee", lambda cell: cells.amount(cell, currency), "price invalid") or Decimal(0),
            deposit=read("deposit", lambda cell: cells.amount(cell, currency), "price invalid") or Decimal(0),
            code=text(raw.get("code", ""))[:40],
        )  # fmt: skip
        if plan.upload_kbps is None:
            plan.upload_kbps = plan.download_kbps
        verdict.value = plan
        if verdict.faults:
            return verdict
        at = key(name)
        if at in context.seen:
            verdict.faults.append(Fault("name duplicate in file", "name", name))
        elif at in context.known:
            if context.known[at] == (plan.price, plan.download_kbps):
                verdict.here = True
            else:
                verdict.faults.append(Fault("name taken", "name", name))
        if not verdict.faults:
            context.seen.add(at)
        return verdict

    def skip(self, context: Context, read: Sequence[tuple[int, dict]]) -> None:
        context.seen.update(key(text(raw.get("name", ""))) for _line, raw in read)

    def take(self, context: Context, values: Sequence[Plan], *, by: Any, run_id: int) -> dict[str, list[int]]:
        for plan in values:
            base = plan.code or slugify(plan.name)[:34] or "plan"
            code, times = base, 2
            while code.casefold() in context.codes:
                code, times = f"{base}-{times}", times + 1
            context.codes.add(code.casefold())
            plan.code = code
        made = Plan.objects.bulk_create(values)
        audit.note_many(
            by,
            "plan.imported",
            [("catalog.plan", plan.pk, str(plan), None, audit.snapshot(plan)) for plan in made],
            run=run_id,
        )
        return {"catalog.plan": [plan.pk for plan in made]}

    def done(self, context: Context, *, by: Any, run_id: int) -> None:
        pass

    def dependants(self, created: dict[str, list[int]]) -> list[str]:
        used = (
            Subscription.objects.filter(plan__in=created.get("catalog.plan", []))
            .values_list("plan__name", flat=True)
            .distinct()
        )
        names = sorted(used)
        return [_("subscribers have the plan %s") % ", ".join(names[:5])] if names else []

    def undo(self, created: dict[str, list[int]], *, by: Any, run_id: int) -> None:
        plans = list(Plan.objects.filter(pk__in=created.get("catalog.plan", [])))
        audit.note_many(
            by,
            "plan.import_undone",
            [("catalog.plan", p.pk, str(p), audit.snapshot(p), None) for p in plans],
            run=run_id,
        )
        Plan.objects.filter(pk__in=[plan.pk for plan in plans]).delete()

    def show(self, value: Plan) -> dict[str, str]:
        return {
            "name": value.name,
            "price": f"{value.price:f}",
            "download": value.speed,
            "validity_days": str(value.validity_days),
        }


def _days(cell: Any) -> int | None:
    value = re.sub(r"\s*(days?|d)$", "", text(cell).lower())
    number = cells.decimal(value)
    if number is None:
        return None
    if number != int(number) or not 1 <= number <= 3660:
        raise Unfit
    return int(number)


def _one_of(words: dict[str, str]) -> Callable[[Any], str | None]:
    """The reading of a cell that says one of these words, or nothing."""

    def rule(cell: Any) -> str | None:
        value = text(cell).lower()
        if not value or value in NOTHING:
            return None
        if value not in words:
            raise Unfit
        return words[value]

    return rule
