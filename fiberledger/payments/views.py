from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.db.models import Min, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse as url_for
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import audit, calendar, notices, screens
from fiberledger.billing.models import Allocation, Invoice
from fiberledger.identity.guards import staff
from fiberledger.identity.models import Membership
from fiberledger.money import Money
from fiberledger.money.typed import shown
from fiberledger.paper import render as render_pdf
from fiberledger.screens import Button, Column, Fact, Tab, list_actions
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import Refusal, current_tenant_id

from . import rules, services
from . import screens as own
from .forms import ClosingForm, PaymentForm, PaymentPolicyForm, ReversalForm
from .models import CashClosing, Payment
from .receipts import PAPERS, SIZES, language_of, paper_data, settled_by, told

_KEYS = UUID("5a0f3c1e-7d0b-5c0e-9c53-0d3f6c2b8a11")
_TWICE = timedelta(minutes=10)
_SHOWN = 50  # of one payer's invoices: nobody chooses among more


# --- Collect a payment: find, amount, receipt --------------------------------------------------------------------------


@staff("payments.record")
def collect(request: HttpRequest) -> HttpResponse:
    """Find whoever is paying. One hit and Enter goes straight on to the amount."""
    text = request.GET.get("q", "").strip()
    fragment = screens.is_fragment(request, "hits")
    hits = subscribers.find(text, actor=request.actor, limit=12) if text else []
    if len(hits) == 1 and not fragment:
        return redirect("payments:collect_from", pk=hits[0].pk)
    context = {"title": _("Collect a payment"), "q": text, "hits": hits, "searched": bool(text)}
    if not fragment:
        context["recent"] = (
            Payment.objects.filter(collector=request.actor.membership_id, received_on=calendar.today())
            .select_related("subscriber")
            .order_by("-id")[:5]
        )
    return render(request, "payments/_hits.html" if fragment else "payments/collect.html", context)


def _key_for(request: HttpRequest, subscriber: Subscriber) -> UUID:
    """One key until the next payment is recorded: two tabs of this page, opened by one person, are one payment."""
    last = Payment.objects.filter(subscriber=subscriber).order_by("-id").values_list("id", flat=True).first()
    return uuid5(_KEYS, f"{current_tenant_id()}:{subscriber.pk}:{request.actor.user_id}:{last or 0}")


def _payer(request: HttpRequest, pk: int) -> Subscriber:
    rows = Subscriber.objects.visible_to(request.actor).select_related("receivable", "area")
    return get_object_or_404(rows, pk=pk)


@staff("payments.record")
def collect_from(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a payment: the amount owed is filled in, Enter records it."""
    subscriber = _payer(request, pk)
    currency, balance = subscriber.receivable.currency, subscriber.receivable.balance
    open_invoices = services.open_invoices(subscriber.pk)
    form = PaymentForm(
        request.POST or None,
        currency=currency,
        owed=balance,
        key=_key_for(request, subscriber),
        open_invoices=open_invoices,
    )
    if form.is_valid() and _not_twice(form, subscriber):
        try:
            payment = services.record_payment(subscriber, form.money, **form.particulars(), by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("payments:receipt", pk=payment.pk)
    typed = form.cleaned_data.get("amount") if form.is_bound and form.is_valid() else None
    amount = typed if typed else max(balance, Decimal(0))
    return screens.form_page(
        request,
        form,
        template="payments/collect_from.html",
        title=_("Take a payment"),
        submit=_("Record payment"),
        back=(_("Find someone else"), url_for("payments:collect")),
        subscriber=subscriber,
        owed=Money(balance, currency),
        open_invoices=open_invoices[:_SHOWN],
        settlement=rules.settle(amount, open_invoices) if amount > 0 else None,
        currency=currency,
        warning=_warning(subscriber),
    )


def _warning(subscriber: Subscriber) -> str:
    if subscriber.is_archived:
        return _("%s has left. The payment is recorded all the same.") % subscriber.name
    return ""


def _not_twice(form: PaymentForm, subscriber: Subscriber) -> bool:
    """A payment just like one a few minutes old wants a second look; the same key is no second payment at all."""
    cleaned = form.cleaned_data
    earlier = (
        Payment.objects.standing()
        .filter(
            subscriber=subscriber,
            amount=cleaned["amount"],
            method=cleaned["method"],
            received_at__gte=calendar.now() - _TWICE,
        )
        .exclude(key=cleaned["key"])
        .order_by("-id")
        .first()
    )
    if earlier is None or cleaned["again"]:
        return True
    form.earlier = earlier
    form.add_error(
        None,
        _(
            "%(number)s, for the same amount, was recorded by %(who)s a moment ago. Tick below if this is a second payment."
        )
        % {"number": earlier.number, "who": earlier.collector_name},
    )
    return False


@staff("payments.record")
def settles(request: HttpRequest, pk: int) -> HttpResponse:
    """What the amount being typed would settle."""
    subscriber = _payer(request, pk)
    open_invoices = services.open_invoices(subscriber.pk)
    only = [int(text) for text in request.GET.getlist("invoices") if text.isdecimal() and len(text) < 19]
    try:
        amount = PaymentForm.base_fields["amount"].clean(request.GET.get("amount", "") or "0")
    except ValidationError:  # half-typed
        amount = Decimal(0)
    settlement = rules.settle(amount, open_invoices, only or None) if amount > 0 else None
    return render(
        request,
        "payments/_settles.html",
        {"settlement": settlement, "currency": subscriber.receivable.currency, "subscriber": subscriber},
    )


# --- Receipts -----------------------------------------------------------------------------------------------------------


def _payment(request: HttpRequest, pk: int) -> Payment:
    rows = Payment.objects.visible_to(request.actor).select_related("subscriber__receivable", "subscriber__area")
    return get_object_or_404(rows, pk=pk)


@staff("payments.view")
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """The payment is in the book: hand over the receipt, and the next one may step up."""
    payment = _payment(request, pk)
    return render(
        request,
        "payments/receipt.html",
        {
            "title": payment.number,
            "payment": payment,
            "subscriber": payment.subscriber,
            "parts": settled_by(payment)[:_SHOWN],
            "owed": Money(payment.subscriber.receivable.balance, payment.currency),
            "message": notices.words_for("payment.received", payment.subscriber, told(payment)),
            "papers": PAPERS,
            "may_collect": request.actor.may("payments.record"),
        },
    )


@staff("payments.view")
def print_receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt as a page for the printer: a roll of 80 or 58 mm, or a sheet."""
    payment = _payment(request, pk)
    paper = request.GET.get("paper", "80")
    if paper not in PAPERS:
        raise Http404
    with translation.override(language_of(payment)):
        return render(request, "payments/print.html", {"paper": paper_data(payment), "payment": payment, "size": paper})


@staff("payments.view")
def receipt_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt as PDF, set for the paper it is printed on."""
    payment = _payment(request, pk)
    size = SIZES.get(request.GET.get("paper", "80"))
    if size is None:
        raise Http404
    body = render_pdf(paper_data(payment), language=language_of(payment), size=size)
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{payment.number}.pdf"'
    return response


@staff("payments.view")
def show_payment(request: HttpRequest, pk: int) -> HttpResponse:
    payment = _payment(request, pk)
    subscriber = payment.subscriber
    facts = [
        Fact(_("Amount"), payment.money, tone="bad" if payment.is_reversed else "good"),
        Fact(_("From"), subscriber.name, url_for("subscribers:subscriber", args=[subscriber.pk])),
        Fact(_("Received on"), payment.received_on),
        Fact(_("Method"), payment.get_method_display()),
        Fact(_("Collected by"), payment.collector_name),
    ]
    return screens.record_page(
        request,
        payment,
        title=payment.number,
        kind=_("Receipt"),
        status="state",
        facts=facts,
        buttons=[
            Button(_("Receipt"), "payments:receipt", "receipt", "payments.view", primary=True),
            Button(_("Print 80 mm"), lambda p: url_for("payments:print", args=[p.pk]) + "?paper=80", "printer", order=60),
            Button(_("Print 58 mm"), lambda p: url_for("payments:print", args=[p.pk]) + "?paper=58", "printer", order=61),
            Button(_("Print A4"), lambda p: url_for("payments:print", args=[p.pk]) + "?paper=a4", "printer", order=62),
            Button(
                _("Reverse"), "payments:reverse", "undo-2", "payments.reverse", tone="bad", order=90,
                when=lambda p: not p.is_reversed,
            ),
        ],
        tabs=[Tab("overview", _("Overview"), "payments/_overview.html", _overview)],
    )  # fmt: skip


def _overview(request: HttpRequest, payment: Payment) -> dict:
    entry_ids = [pk for pk in (payment.entry_id, payment.reversal_entry_id) if pk]
    from fiberledger.ledger.models import Posting

    return {
        "payment": payment,
        "parts": Allocation.objects.filter(entry_id=payment.entry_id).select_related("invoice").order_by("id")[:_SHOWN],
        "postings": Posting.objects.filter(entry_id__in=entry_ids).select_related("account", "entry").order_by("id"),
    }


@staff("payments.reverse")
def reverse(request: HttpRequest, pk: int) -> HttpResponse:
    """Reverse a payment, seeing first what opens again."""
    payment = _payment(request, pk)
    form = ReversalForm(request.POST or None)
    if form.is_valid():
        try:
            services.reverse_payment(payment, reason=form.cleaned_data["reason"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s was reversed.") % payment.number)
            return redirect("payments:payment", pk=payment.pk)
    return screens.form_page(
        request,
        form,
        template="payments/reverse.html",
        title=_("Reverse %s") % payment.number,
        submit=_("Reverse the payment"),
        back=(payment.number, url_for("payments:payment", args=[payment.pk])),
        payment=payment,
        subscriber=payment.subscriber,
        parts=settled_by(payment),
        owed_after=Money(payment.subscriber.receivable.balance + payment.amount, payment.currency),
    )


# --- Whom to collect from ------------------------------------------------------------------------------------------------


def _owing(request: HttpRequest):
    oldest = (
        Invoice.objects.open()
        .filter(subscriber=OuterRef("pk"))
        .order_by()
        .values("subscriber")
        .annotate(first=Min("due_on"))
        .values("first")
    )
    return (
        Subscriber.objects.visible_to(request.actor)
        .filter(receivable__is_party=True, receivable__balance__gt=0)
        .annotate(oldest_due=Subquery(oldest))
    )


@staff("payments.record")
def due_list(request: HttpRequest) -> HttpResponse:
    return screens.list_page(
        request,
        own.due,
        _owing(request),
        list_buttons=[Button(_("Only mine"), "payments:due-mine", "user-round")],
        row_action=(_("Collect"), "payments:collect_from"),
    )


@staff("payments.record")
def due_mine(request: HttpRequest) -> HttpResponse:
    """Those whose collector I am."""
    return screens.list_page(
        request,
        own.due,
        _owing(request).filter(collector_id=request.actor.membership_id),
        title=_("To collect by me"),
        list_buttons=[Button(_("Everyone who owes"), "payments:due-list", "users")],
        row_action=(_("Collect"), "payments:collect_from"),
    )


@staff("payments.record")
def due_menu(request: HttpRequest, pk: int) -> HttpResponse:
    return list_actions.row_menu(request, own.due, pk)


@staff("payments.record")
def due_choices(request: HttpRequest, name: str) -> HttpResponse:
    return list_actions.filter_choices(request, own.due, name)


@staff("payments.record")
def due_columns(request: HttpRequest) -> HttpResponse:
    return list_actions.choose_columns(request, own.due)


@staff("payments.record")
def due_views(request: HttpRequest) -> HttpResponse:
    return list_actions.save_view(request, own.due)


@staff("payments.record")
def due_forget(request: HttpRequest, pk: int) -> HttpResponse:
    return list_actions.forget_view(request, own.due, pk)


# --- Cash in the evening --------------------------------------------------------------------------------------------------


@staff("payments.close_cash")
def cash(request: HttpRequest) -> HttpResponse:
    """My cash, and for those who may, everybody's."""
    actor = request.actor
    mine = Membership.objects.filter(pk=actor.membership_id).first() if actor.membership_id else None
    everyone = services.cash_of_everyone() if actor.may("payments.any_cash") else []
    closings = CashClosing.objects.order_by("-on", "-id")
    if not actor.may("payments.any_cash") and not actor.may("payments.approve_closing"):
        closings = closings.filter(collector_id=actor.membership_id)
    return render(
        request,
        "payments/cash.html",
        {
            "title": _("Cash"),
            "mine": mine,
            "in_hand": services.cash_in_hand(mine) if mine else None,
            "everyone": [row for row in everyone if not mine or row.collector_id != mine.pk],
            "closings": screens.table(
                (
                    Column("on", _("Day")),
                    Column("collector_name", _("Collector")),
                    "expected",
                    "counted",
                    Column("difference", _("Difference"), kind="money"),
                    "status",
                ),
                closings[:15],
                model=CashClosing,
                url=lambda closing: url_for("payments:closing", args=[closing.pk]),
                caption=_("Last closings"),
            ),
        },
    )


@staff("payments.close_cash")
def close_cash(request: HttpRequest, pk: int) -> HttpResponse:
    """Count the cash of one collector and close it."""
    if pk != request.actor.membership_id and not request.actor.may("payments.any_cash"):
        raise Http404
    collector = get_object_or_404(Membership.objects.select_related("user"), pk=pk)
    in_hand = services.cash_in_hand(collector)
    currency = in_hand.amount.currency
    form = ClosingForm(request.POST or None, initial={"seen": in_hand.amount.amount})
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            closing = services.close_cash(
                collector,
                counted=Money(cleaned["counted"], currency),
                note=cleaned["note"],
                seen=Money(cleaned["seen"], currency) if cleaned["seen"] is not None else None,
                by=request.actor,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            form.data = {**form.data.dict(), "seen": str(in_hand.amount.amount)}  # type: ignore[attr-defined]
        else:
            screens.toast(request, _("The cash of %s was closed.") % collector.name)
            return redirect("payments:closing", pk=closing.pk)
    return screens.form_page(
        request,
        form,
        template="payments/close.html",
        title=_("Close the cash of %s") % collector.name,
        submit=_("Close"),
        back=(_("Cash"), url_for("payments:cash")),
        collector=collector,
        in_hand=in_hand,
    )


def _closing(request: HttpRequest, pk: int) -> CashClosing:
    rows, actor = CashClosing.objects.all(), request.actor
    if not actor.may("payments.any_cash") and not actor.may("payments.approve_closing"):
        rows = rows.filter(collector_id=actor.membership_id)
    return get_object_or_404(rows, pk=pk)


@staff("payments.view")
def show_closing(request: HttpRequest, pk: int) -> HttpResponse:
    closing = _closing(request, pk)
    difference = Money(closing.difference, closing.currency)
    return screens.record_page(
        request,
        closing,
        title=_("Cash of %(who)s") % {"who": closing.collector_name},
        kind=_("Cash closing"),
        facts=[
            Fact(_("Day"), closing.on),
            Fact(_("Expected"), Money(closing.expected, closing.currency)),
            Fact(_("Counted"), Money(closing.counted, closing.currency)),
            Fact(_("Difference"), difference, tone="bad" if difference.amount < 0 else "warn" if difference else "good"),
        ],
        buttons=[
            Button(
                _("Approve"), "payments:approve", "check", "payments.approve_closing", primary=True, post=True,
                confirm=_("The closing becomes final, and a difference is posted to the books."),
                when=lambda c: c.status == CashClosing.Status.WAITING,
            ),
            Button(
                _("Count again"), "payments:recount", "calculator", "payments.close_cash",
                when=lambda c: c.status == CashClosing.Status.WAITING,
            ),
        ],
        tabs=[Tab("overview", _("Payments"), "payments/_closing.html", _closed)],
    )  # fmt: skip


def _closed(request: HttpRequest, closing: CashClosing) -> dict:
    columns = (Column("number", _("Receipt")), Column("subscriber__name", _("Subscriber")), "amount", "received_on")

    def table(rows, caption):
        return screens.table(
            columns,
            rows.select_related("subscriber").order_by("id")[:500],
            model=Payment,
            url=lambda payment: url_for("payments:payment", args=[payment.pk]),
            caption=caption,
        )

    return {
        "closing": closing,
        "payments": table(closing.payments, _("Received")),
        "reversals": table(closing.reversals, _("Given back")),
    }


@require_POST
@staff("payments.approve_closing")
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    closing = get_object_or_404(CashClosing, pk=pk)
    try:
        services.approve_closing(closing, by=request.actor)
        screens.toast(request, _("The closing was approved."))
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    return redirect("payments:closing", pk=pk)


@staff("payments.close_cash")
def recount(request: HttpRequest, pk: int) -> HttpResponse:
    closing = _closing(request, pk)
    form = ClosingForm(
        request.POST or None, initial={"counted": shown(closing.counted, closing.currency), "note": closing.note}
    )
    if form.is_valid():
        try:
            services.recount(
                closing,
                counted=Money(form.cleaned_data["counted"], closing.currency),
                note=form.cleaned_data["note"],
                by=request.actor,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("payments:closing", pk=pk)
    return screens.form_page(
        request,
        form,
        title=_("Count again"),
        submit=_("Save the count"),
        back=(str(closing), url_for("payments:closing", args=[pk])),
    )


# --- Settings -------------------------------------------------------------------------------------------------------------


@staff("payments.settings")
def settings(request: HttpRequest) -> HttpResponse:
    policy = services.policy()
    before = audit.snapshot(policy)
    form = PaymentPolicyForm(request.POST or None, instance=policy)
    if form.is_valid():
        changed = form.save()
        audit.note(request.actor, "payments.rules_changed", changed, before, audit.snapshot(changed))
        screens.toast(request, _("The payment rules were saved."))
        return redirect("payments:settings")
    return screens.form_page(
        request,
        form,
        template="screens/settings.html",
        title=_("Payment rules"),
        help=_("They hold for everyone who takes money, from the next payment on."),
    )
