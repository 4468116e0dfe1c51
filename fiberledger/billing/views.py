from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from fiberledger import audit, calendar, notices, screens
from fiberledger.identity.guards import staff
from fiberledger.jobs.models import Run
from fiberledger.money import Money
from fiberledger.paper import Size
from fiberledger.screens import Button, Card, Column, Fact, Tab, scope
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal

from . import paper, reading, runs, services, wording
from .forms import Charges, ManualForm, PolicyForm, RunForm, VoidForm
from .models import BillingRun, Invoice, Skipped

_TWICE = timedelta(minutes=10)

# --- An invoice --------------------------------------------------------------------------------------------------------


def _find(request: HttpRequest, pk: int) -> Invoice:
    found = Invoice.objects.visible_to(request.actor).select_related(
        "subscriber__receivable", "subscription__plan", "issuer", "entry", "run"
    )
    return get_object_or_404(found, pk=pk)


_SHOWN = 50


@staff("billing.view")
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """The invoice as it was issued, what paid it, and the entry it made in the books."""
    found = _find(request, pk)
    outstanding = found.outstanding_amount
    facts = [
        Fact(_("Total"), found.money),
        Fact(
            _("Open"), Money(outstanding, found.currency), f"{request.path}?tab=payments",
            tone="good" if not outstanding else "bad" if found.is_overdue else "warn",
        ),
        Fact(_("Due"), found.due_on, tone="bad" if found.is_overdue else ""),
    ]  # fmt: skip
    return screens.record_page(
        request, found,
        title=found.number, kind=str(found.get_kind_display()), facts=facts,
        tabs=[
            Tab("lines", _("Lines"), "billing/_lines.html", _lines),
            Tab("payments", _("Payments"), "billing/_payments.html", _payments),
            Tab("journal", _("Journal"), "billing/_journal.html", _journal),
        ],
        buttons=[
            Button(_("PDF"), "billing:invoice-pdf", "file-text", order=20, primary=True, keys="p"),
            Button(_("Send"), "billing:invoice-send", "send", order=30, when=lambda i: i.status != "void"),
            Button(_("Cancel invoice"), "billing:invoice-void", "ban", "billing.void", order=90, tone="bad",
                   when=lambda i: i.status != "void"),
        ],
        cards=[Card("billing/_parties.html", lambda request, obj: {"buyer": obj.snapshot.get("buyer", {})},
                    title=_("Issued to"))],
    )  # fmt: skip


def _lines(request: HttpRequest, obj: Invoice) -> dict[str, Any]:
    language = request.LANGUAGE_CODE
    may_run = obj.run_id and request.actor.may("billing.run")
    return {
        "invoice": obj,
        "run_url": reverse("billing:run", args=[obj.run_id]) if may_run else "",
        "payable": max(obj.payable, Decimal(0)),
        "lines": [(line, wording.sentences(line.why, obj.currency, language)) for line in obj.lines.all()],
    }


def _payments(request: HttpRequest, obj: Invoice) -> dict[str, Any]:
    parts = list(obj.allocations.select_related("entry").order_by("-pk")[:_SHOWN])[::-1]
    names = reading.names_of([part.entry.cause for part in parts])
    return {
        "invoice": obj,
        "table": screens.table(
            [
                Column("what", _("Paid by"), value=lambda part: names[part.entry.cause][0]),
                Column("on", _("On"), kind="date", value=lambda part: part.on),
                Column("amount", _("Amount"), kind="money", value=lambda part: Money(part.amount, obj.currency)),
            ],
            parts, model=None, url=lambda part: names[part.entry.cause][1], caption=_("What paid this invoice"),
            empty=_("Nothing was paid on it yet"),
        ),
    }  # fmt: skip


def _journal(request: HttpRequest, obj: Invoice) -> dict[str, Any]:
    entries = reading.journal_of(obj)
    for entry in entries:
        for posting in entry.postings.all():
            posting.credit = -posting.amount  # type: ignore[attr-defined]
    return {"entries": entries}


@staff("billing.view")
def invoice_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    size = {"80": Size.ROLL_80, "58": Size.ROLL_58}.get(request.GET.get("size", ""), Size.A4)
    response = HttpResponse(paper.invoice_pdf(found, size=size), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{found.number.replace("/", "-")}.pdf"'
    return response


@staff("billing.view")
def invoice_send(request: HttpRequest, pk: int) -> HttpResponse:
    """The words of the message, and the links that open it in WhatsApp or SMS."""
    found = _find(request, pk)
    message = notices.words_for("invoice.issued", found.subscriber, told(found))
    return screens.form_page(
        request, None, template="billing/send.html", title=_("Send %s") % found.number,
        back=(found.number, reverse("billing:invoice", args=[pk])), invoice=found, message=message,
    )  # fmt: skip


def told(found: Invoice) -> dict[str, str]:
    return {
        "invoice_no": found.number, "amount": f"{found.outstanding_amount or found.total:f}", "currency": found.currency,
        "due_date": found.due_on.isoformat(), "package_name": found.snapshot.get("plan", {}).get("name", ""),
    }  # fmt: skip


@staff("billing.void")
def invoice_void(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    form = VoidForm(request.POST or None, invoice=found)
    if form.is_valid():
        try:
            services.void_invoice(found, by=request.actor, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s is void.") % found.number)
            return redirect("billing:invoice", pk=pk)
    return screens.form_page(
        request, form, template="billing/void.html", title=_("Cancel %s") % found.number,
        submit=_("Cancel invoice"), back=(found.number, reverse("billing:invoice", args=[pk])), invoice=found,
        help=_("Its journal entry is reversed. The number stays in the sequence and the invoice can still be read."),
    )  # fmt: skip


@staff("billing.issue")
def invoice_new(request: HttpRequest) -> HttpResponse:
    """An invoice by hand for one subscriber (?subscriber=)."""
    pk = request.GET.get("subscriber", "")
    if not pk.isdecimal():
        raise Http404
    subscriber = get_object_or_404(
        Subscriber.objects.visible_to(request.actor).select_related("receivable"), pk=int(pk[:18])
    )
    due_on = calendar.today() + timedelta(days=services.policy().due_days)
    form = ManualForm(request.POST or None, initial={"due_on": due_on})
    charges = Charges(request.POST or None, prefix="line")
    if form.is_valid() and charges.is_valid():
        given = [line.charge for line in charges if line.has_changed() and line.cleaned_data.get("text")]
        again = form.cleaned_data.pop("again")
        try:
            made = services.issue_manual(
                subscriber, given, by=request.actor, unlike_since=None if again else calendar.now() - _TWICE,
                **form.cleaned_data,
            )  # fmt: skip
        except services.JustIssued as refusal:
            form.warn(str(refusal))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(number)s was issued.") % {"number": made.number})
            return redirect("billing:invoice", pk=made.pk)
    back = (str(subscriber), screens.url_of(subscriber) or reverse("billing:invoice-list"))
    response = screens.form_page(
        request, form, template="billing/new.html", title=_("Invoice by hand for %s") % subscriber.name,
        submit=_("Issue invoice"), back=back, subscriber=subscriber, charges=charges,
        help=_("It does not move the date of the next regular invoice."),
    )  # fmt: skip
    if charges.is_bound and not charges.is_valid():
        response.status_code = 422
    return response


@staff("billing.view")
def statement_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """A subscriber's page on paper: the last year, or from ?since= on."""
    subscriber = get_object_or_404(
        Subscriber.objects.visible_to(request.actor).select_related("receivable", "area"), pk=pk
    )
    since = parse_date(request.GET.get("since", "")) or calendar.add_months(calendar.today(), -12)
    response = HttpResponse(paper.statement_pdf(reading.statement(subscriber, since)), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{subscriber.number.replace("/", "-")}.pdf"'
    return response


# --- A run -------------------------------------------------------------------------------------------------------------


@staff("billing.run")
def run_new(request: HttpRequest) -> HttpResponse:
    """Which day and who; the answer is a preview."""
    chosen = scope.current(request)
    initial = {
        "as_of": calendar.today(), "branch": chosen.branch_id, "area": chosen.area_id,
        "back_bill": services.policy().back_bill,
    }  # fmt: skip
    form = RunForm(request.POST or None, actor=request.actor, initial=initial)
    if form.is_valid():
        try:
            draft = runs.draft_run(
                form.cleaned_data["as_of"], form.scope, by=request.actor, label=form.label,
                back_bill=form.cleaned_data["back_bill"],
            )  # fmt: skip
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("billing:run", pk=draft.pk)
    return screens.form_page(
        request, form, template="screens/task.html", title=_("Run billing"), submit=_("Show what it would bill"),
        back=(_("Invoices"), reverse("billing:invoice-list")),
        help=_("Nothing is billed yet: first you see how much, for whom, and what looks odd."),
    )  # fmt: skip


def _find_run(request: HttpRequest, pk: int) -> BillingRun:
    """A run of somebody limited shows only to those who reach as far as it did."""
    found = get_object_or_404(BillingRun.objects.select_related("run"), pk=pk)
    limits = runs.limits_of(request.actor)
    if limits and found.scope.get("limits") != limits:
        raise Http404
    return found


@staff("billing.run")
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """One address for the whole life of a run: the preview, then the progress, then the result."""
    found = _find_run(request, pk)
    if found.run is None and "seen" not in found.preview:
        waiting = get_object_or_404(Run, pk=found.preview.get("run", 0))
        return redirect(screens.run_url(waiting))
    if found.run is None:
        return _preview(request, found)
    if found.run.is_going_on:
        return redirect(screens.run_url(found.run))
    return _result(request, found)


ODD: dict[str, Any] = {
    "zero_price": (gettext_lazy("Price is zero"), gettext_lazy("Not billed; the period is passed over.")),
    "currency": (gettext_lazy("Currency differs from the subscriber's account"), gettext_lazy("Not billed.")),
    "no_account": (gettext_lazy("No ledger accounts in this currency"), gettext_lazy("Not billed.")),
    "own_price": (gettext_lazy("Price differs from the plan's"), gettext_lazy("Billed at the price agreed with them.")),
    "plan_not_sold": (gettext_lazy("Plan is a draft or archived"), gettext_lazy("Billed all the same.")),
    "several_periods": (gettext_lazy("Several periods at once"), gettext_lazy("Older periods were not billed in their time.")),
    "joined_period": (gettext_lazy("First days together with the first period"), gettext_lazy("More than one period's price.")),
    "small_part": (gettext_lazy("Less than a quarter of a period"), gettext_lazy("Charged by the day.")),
}  # fmt: skip


def _examples(ids: list[int]) -> list[tuple[Any, str]]:
    found = Subscription.objects.filter(pk__in=ids[:8]).select_related("subscriber", "plan")
    return [(line, screens.url_of(line.subscriber)) for line in found]


def _preview(request: HttpRequest, found: BillingRun) -> HttpResponse:
    preview = found.preview
    before = preview["before"]
    sums = []
    for currency, row in preview["sums"].items():
        was = before["sums"].get(currency)
        total = Money.of(row["total"], currency)
        sums.append({"total": total, "net": Money.of(row["net"], currency), "tax": Money.of(row["tax"], currency),
                     "before": Money.of(was, currency) if was else None})  # fmt: skip
    odd = [
        {"label": ODD[what][0], "text": ODD[what][1], "count": count, "examples": _examples(preview["examples"][what])}
        for what, count in sorted(preview["odd"].items(), key=lambda item: -item[1])
        if what in ODD
    ]
    plans = screens.table(
        [
            Column("plan", _("Plan"), value=lambda row: row[1]),
            Column("count", _("Invoices"), kind="number", value=lambda row: row[3]),
            Column("total", _("Total"), kind="money", value=lambda row: Money.of(row[4], row[2])),
        ],
        preview["plans"][:20], url=None, caption=_("By plan"),
    )  # fmt: skip
    return screens.form_page(
        request, None, template="billing/preview.html", title=_("Billing up to %s") % wording.show_day(
            found.as_of, request.LANGUAGE_CODE),
        back=(_("Run billing"), reverse("billing:run-new")), billing=found, preview=preview, sums=sums, odd=odd,
        plans=plans, change=preview["invoices"] - before["invoices"], before=before,
        skipped=_reasons(preview["skipped"]), not_billed=[
            (states.of(status).label, count) for status, count in sorted(preview["not_billed"].items())],
    )  # fmt: skip


def _reasons(counts: dict[str, int]) -> list[tuple[str, int]]:
    return [(str(Skipped.Reason(reason).label), count) for reason, count in counts.items()]


@staff("billing.run")
@require_POST
def run_start(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find_run(request, pk)
    try:
        started = runs.start_run(found, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect("billing:run", pk=pk)
    return redirect(screens.run_url(started))


@staff("billing.run")
@require_POST
def run_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with a run that stopped: it continues where it was."""
    found = _find_run(request, pk)
    try:
        started = runs.resume_run(found, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect("billing:run", pk=pk)
    return redirect(screens.run_url(started))


def _result(request: HttpRequest, found: BillingRun) -> HttpResponse:
    skips = found.skips.select_related("subscription__subscriber", "subscription__plan").order_by("pk")
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        skips = skips.filter(pk__gt=int(after))
    rows = list(skips[:51])
    table = screens.table(
        [
            Column("subscription", _("Subscription"), value=lambda row: str(row.subscription)),
            Column("reason", _("Why"), value=lambda row: row.get_reason_display()),
            Column("period_start", _("From"), kind="date", value=lambda row: row.period_start),
            Column("period_end", _("Until"), kind="date", value=lambda row: row.period_end and row.period_end - timedelta(days=1)),
        ],
        rows[:50], model=None, url=lambda row: screens.url_of(row.subscription.subscriber),
        caption=_("Passed over, and why"), empty=_("Nobody was passed over"),
    )  # fmt: skip
    counted = found.skips.order_by().values_list("reason").annotate(n=Count("pk"))
    expected = found.preview.get("invoices", 0)
    return screens.form_page(
        request, None, template="billing/result.html", title=_("Billed up to %s") % wording.show_day(
            found.as_of, request.LANGUAGE_CODE),
        back=(_("Billing runs"), reverse("billing:run-list")), billing=found, table=table,
        sums=[Money.of(row["total"], currency) for currency, row in found.totals.items()],
        reasons=_reasons(dict(counted)), differs=expected != found.issued and found.run and found.run.state == Run.State.DONE,
        expected=expected, more=f"?after={rows[49].pk}" if len(rows) > 50 else "",
        list_url=f"{reverse('billing:invoice-list')}?run={found.pk}",
        words=ngettext("%(n)s invoice was issued", "%(n)s invoices were issued", found.issued) % {"n": f"{found.issued:,}"},
    )  # fmt: skip


@staff("billing.run")
def run_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The invoices of a run for the printer, five hundred at a time (?after=)."""
    found = _find_run(request, pk)
    after = request.GET.get("after", "0")
    rows = list(
        Invoice.objects.visible_to(request.actor).filter(run=found, pk__gt=int(after) if after.isdecimal() else 0)
        .prefetch_related("lines").order_by("pk")[:500]
    )  # fmt: skip
    if not rows:
        raise Http404
    response = HttpResponse(paper.invoices_pdf(rows), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{rows[0].number}-{rows[-1].number}.pdf"'
    return response


# --- Rules -------------------------------------------------------------------------------------------------------------


@staff("billing.settings")
def policy(request: HttpRequest) -> HttpResponse:
    agreed = services.policy()
    before = audit.snapshot(agreed)
    form = PolicyForm(request.POST or None, instance=agreed)
    if form.is_valid():
        saved = form.save()
        audit.note(request.actor, "billing.rules_changed", saved, before, audit.snapshot(saved))
        screens.toast(request, _("The billing rules were saved."))
        return redirect("billing:policy")
    return screens.form_page(request, form, template="screens/settings.html", title=_("Billing rules"))
