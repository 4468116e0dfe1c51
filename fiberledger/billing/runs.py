"""A billing run: preview, start, go on from where it was, result. It can be killed and repeated at any point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.identity.actor import Actor
from fiberledger.jobs.models import Run
from fiberledger.places.models import Area
from fiberledger.subscribers import states
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal, current_tenant_id

from . import deciding, services, wording, writing
from .deciding import Candidate, Decider, Outcome
from .models import BillingRun, Invoice

CHUNK = 5_000
AT_ONCE = 50_000
_PREVIEW_PAGE = 20_000
_SHOWN = 50

Scope = Mapping[str, Any]


def in_scope(scope: Scope) -> Any:
    """The subscriptions that a scope names: {branch, area, plan, subscribers, subscriptions, limits}; empty is all."""
    found = Subscription.objects.all()
    if limits := scope.get("limits"):
        found = found.visible_to(_reach(limits))
    if scope.get("branch"):
        found = found.filter(subscriber__branch_id=scope["branch"])
    if scope.get("area"):
        areas = Area.objects.inside(*Area.objects.filter(pk=scope["area"])).values_list("pk", flat=True)
        found = found.filter(subscriber__area_id__in=list(areas))
    if scope.get("plan"):
        found = found.filter(plan_id=scope["plan"])
    if scope.get("subscribers"):
        found = found.filter(subscriber_id__in=scope["subscribers"])
    if scope.get("subscriptions"):
        found = found.filter(pk__in=scope["subscriptions"])
    return found


def _reach(limits: Mapping[str, Any]) -> Actor:
    def ids(name: str) -> frozenset | None:
        return None if limits.get(name) is None else frozenset(limits[name])

    return Actor(
        "staff",
        "",
        membership_id=limits.get("membership_id"),
        branch_ids=ids("branch_ids"),
        area_ids=ids("area_ids"),
        reseller_names=ids("reseller_names"),
        only_assigned=bool(limits.get("only_assigned")),
    )


def limits_of(actor: Any) -> dict[str, Any] | None:
    """What the actor may reach, kept with the run so that its job reaches no further."""
    if actor.kind != "staff" or not actor.is_limited:
        return None
    return {
        "branch_ids": None if actor.branch_ids is None else sorted(actor.branch_ids),
        "area_ids": None if actor.area_ids is None else sorted(actor.area_ids),
        "reseller_names": None if actor.reseller_names is None else sorted(actor.reseller_names),
        "only_assigned": actor.only_assigned,
        "membership_id": actor.membership_id,
    }


def _pages(scope: Scope, as_of: date, after: int, size: int) -> Iterator[list[int]]:
    """Ids of subscriptions that may be due, in order, page by page."""
    due = deciding.candidates(in_scope(scope), as_of).order_by("pk").values_list("pk", flat=True)
    while page := list(due.filter(pk__gt=after)[:size]):
        yield page
        after = page[-1]


# --- Preview -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Preview:
    """What a run would do, as plain JSON: counts, sums, what is odd about it, and how it differs from a month ago."""

    invoices: int = 0
    subscriptions: int = 0
    seen: int = 0
    sums: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    plans: dict[int, list[Any]] = field(default_factory=dict)
    skipped: Counter = field(default_factory=Counter)
    odd: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def strange(self, what: str, subscription_id: int) -> None:
        self.odd[what] = self.odd.get(what, 0) + 1
        shown = self.examples.setdefault(what, [])
        if len(shown) < _SHOWN:
            shown.append(subscription_id)

    def add(self, candidate: Candidate, outcome: Outcome, plan: Any) -> None:
        self.seen += 1
        for skip in outcome.skips:
            self.skipped[str(skip.reason)] += 1
            if skip.reason in ("zero_price", "currency", "no_account"):
                self.strange(str(skip.reason), candidate.id)
        if not outcome.decisions:
            return
        self.subscriptions += 1
        if candidate.price is not None and candidate.price != plan.price:
            self.strange("own_price", candidate.id)
        if plan.status in ("draft", "archived"):
            self.strange("plan_not_sold", candidate.id)
        if len(outcome.decisions) > 1:
            self.strange("several_periods", candidate.id)
        monthly = plan.price if candidate.price is None else candidate.price
        for decision in outcome.decisions:
            self.invoices += 1
            for_days = sum((line.total for line in decision.lines if line.kind == "plan"), Decimal(0))
            if len([line for line in decision.lines if line.kind == "plan"]) > 1:
                self.strange("joined_period", candidate.id)
            elif for_days and for_days * 4 < monthly:
                self.strange("small_part", candidate.id)
            row = self.sums.get(decision.currency)
            if row is None:
                row = self.sums[decision.currency] = {"net": Decimal(0), "tax": Decimal(0), "total": Decimal(0)}
            row["net"] += decision.net
            row["tax"] += decision.tax
            row["total"] += decision.total
            by_plan = self.plans.setdefault(candidate.plan_id, [plan.name, decision.currency, 0, Decimal(0)])
            by_plan[2] += 1
            by_plan[3] += decision.total

    def as_json(self) -> dict[str, Any]:
        return {
            "invoices": self.invoices, "subscriptions": self.subscriptions, "seen": self.seen,
            "sums": _plain(self.sums), "skipped": dict(self.skipped), "odd": self.odd, "examples": self.examples,
            "plans": [[pk, name, currency, count, format(total, "f")]
                      for pk, (name, currency, count, total) in sorted(self.plans.items(), key=lambda p: -p[1][3])],
        }  # fmt: skip


def _plain(sums: Mapping[str, Mapping[str, Decimal]]) -> dict[str, dict[str, str]]:
    return {c: {name: format(value, "f") for name, value in row.items()} for c, row in sums.items()}


def preview_run(as_of: date, scope: Scope, *, back_bill: str | None = None) -> dict[str, Any]:
    """What a run of this date and scope would issue, by the very rules the run uses; nothing is written."""
    services.check_as_of(as_of)
    decider = Decider(as_of, min(as_of, calendar.today()), services.policy(), back_bill)
    preview = Preview()
    for ids in _pages(scope, as_of, 0, _PREVIEW_PAGE):
        found = deciding.read(ids)
        for candidate, outcome in deciding.decide_all(decider, found, deciding.read_add_ons(found)):
            preview.add(candidate, outcome, decider.plans[candidate.plan_id])
    result = preview.as_json()
    result["before"] = _a_month_ago(scope, as_of)
    result["not_billed"] = _not_billed(scope)
    return result


def _a_month_ago(scope: Scope, as_of: date) -> dict[str, Any]:
    """The regular invoices issued within a month before this day, for comparison."""
    low = calendar.add_months(as_of, -1)
    found = (
        Invoice.objects.filter(
            kind="regular", issued_on__gte=low, issued_on__lt=as_of, subscription__in=in_scope(scope)
        )
        if scope
        else Invoice.objects.filter(kind="regular", issued_on__gte=low, issued_on__lt=as_of)
    )
    rows = found.not_void().values("currency").annotate(n=Count("pk"), s=Sum("total"))
    return {
        "from": low.isoformat(),
        "invoices": sum(row["n"] for row in rows),
        "sums": {row["currency"]: format(row["s"], "f") for row in rows},
    }


def _not_billed(scope: Scope) -> dict[str, int]:
    """Subscriptions that a run passes over because of where they stand, by status."""
    left_out = [str(s) for s in states.LIVE if s not in states.BILLED]
    rows = in_scope(scope).filter(status__in=left_out).order_by().values("status").annotate(n=Count("pk"))
    return {row["status"]: row["n"] for row in rows}


# --- Run ---------------------------------------------------------------------------------------------------------------


def is_anybody_due(as_of: date, scope: Scope | None = None) -> bool:
    """Is there a line worth asking the rules about?"""
    return deciding.candidates(in_scope(scope or {}), as_of).exists()


def draft_run(
    as_of: date, scope: Scope, *, by: Any, label: str = "", back_bill: str | None = None, now: bool = False
) -> BillingRun:
    """Preview a run and keep the answer, so that it can be looked at, shared and confirmed.

    Above AT_ONCE lines the answer is worked out by a job, unless `now`: `preview` then holds that job's Run as "run".
    """
    services.check_as_of(as_of)
    back_bill = back_bill or services.policy().back_bill
    limits = limits_of(by)
    full = {**scope, **({"limits": limits} if limits else {})}
    draft = BillingRun.objects.create(
        as_of=as_of, scope=full, scope_label=label[:200], back_bill=back_bill, created_by_name=by.name[:160]
    )
    if now or deciding.candidates(in_scope(full), as_of)[: AT_ONCE + 1].count() <= AT_ONCE:
        return fill_preview(draft.pk)
    run = jobs.start_run(
        "billing-preview", _("What billing up to %s would do") % as_of.isoformat(), "billing.preview", by=by,
        url=reverse("billing:run", args=[draft.pk]), billing_run=draft.pk,
    )  # fmt: skip
    draft.preview = {"run": run.pk}
    draft.save(update_fields=["preview"])
    return draft


def fill_preview(billing_run_id: int) -> BillingRun:
    draft = BillingRun.objects.get(pk=billing_run_id)
    draft.preview = preview_run(draft.as_of, draft.scope, back_bill=draft.back_bill)
    draft.save(update_fields=["preview"])
    return draft


@transaction.atomic
def start_run(draft: BillingRun | int, *, by: Any) -> Run:
    """Confirm a draft: its job starts. Confirmed twice, it is the same run."""
    if not by.may("billing.run"):
        raise Refusal(_("Running billing needs someone with that permission."))
    billing = BillingRun.objects.select_for_update(of=("self",)).get(pk=draft if isinstance(draft, int) else draft.pk)
    if billing.run_id:
        return Run.objects.get(pk=billing.run_id)
    services.check_as_of(billing.as_of)
    if "seen" not in billing.preview:
        raise Refusal(_("The preview is not ready yet."))
    run = jobs.start_run(
        "billing", _("Billing up to %s") % wording.show_day(billing.as_of, get_language() or "en"), "billing.run", by=by,
        total=billing.preview.get("seen", 0), url=reverse("billing:run", args=[billing.pk]),
    )  # fmt: skip
    BillingRun.objects.filter(pk=billing.pk).update(run=run)
    audit.note(
        by, "billing.run_started", billing,
        after={"as_of": billing.as_of, "scope": billing.scope_label, "expected": billing.preview.get("invoices")},
    )  # fmt: skip
    return run


def next_chunk(billing_run_id: int, decider: Decider | None = None, *, size: int | None = None) -> tuple[int, Decider]:
    """Bill the next chunk of a run in this transaction; returns how many subscriptions it dealt with (0: finished).

    Two workers on one run, or two runs at once, take turns: the lock below is held for one chunk.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('billing.run', %s))", [current_tenant_id()])
    billing = BillingRun.objects.select_for_update(of=("self",)).get(pk=billing_run_id)
    if decider is None:
        policy = services.policy()
        decider = Decider(billing.as_of, min(billing.as_of, calendar.today()), policy, billing.back_bill)
    decider.forget()
    ids = next(_pages(billing.scope, billing.as_of, billing.reached, size or CHUNK), [])
    if not ids:
        return 0, decider
    by = _actor(billing)
    issued = services.issue_invoices(ids, as_of=billing.as_of, by=by, run_id=billing.pk, decider=decider)
    writing.write_skips(billing.pk, issued.skips)
    for currency, row in issued.totals.items():
        kept = billing.totals.setdefault(currency, {})
        for name, value in row.items():
            kept[name] = format(Decimal(kept.get(name, "0")) + value, "f")
    billing.reached = ids[-1]
    billing.seen += len(ids)
    billing.issued += issued.count
    billing.skipped += len(issued.skips)
    billing.save(update_fields=["reached", "seen", "issued", "skipped", "totals"])
    return len(ids), decider


def _actor(billing: BillingRun) -> Actor:
    if billing.run_id and billing.run and billing.run.started_by_id:
        return Actor("staff", billing.run.started_by_name, user_id=billing.run.started_by_id)
    return Actor.system(billing.created_by_name or "billing run")


@transaction.atomic
def resume_run(billing: BillingRun, *, by: Any) -> Run:
    """Let a run that stopped go on where it was. One that is finished or going on is refused."""
    run = Run.objects.select_for_update().get(pk=billing.run_id)
    if run.state not in (Run.State.FAILED, Run.State.CANCELLED):
        raise Refusal(_("This run did not stop."))
    Run.objects.filter(pk=run.pk).update(state=Run.State.WAITING, message="", ended_at=None)
    jobs.enqueue("billing.run", run_id=run.pk, lock=f"billing.run:{run.pk}")
    audit.note(by, "billing.run_resumed", billing)
    return run
