from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse as url_for
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import audit, calendar, screens
from fiberledger.identity.guards import staff
from fiberledger.money import Money
from fiberledger.places.models import Area, Branch
from fiberledger.screens import Button, Column, Fact, Tab, cells, choosing
from fiberledger.screens import scope as picker
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import StatusChange, Subscription
from fiberledger.tenancy import Refusal

from . import by_the_clock, explaining, policy, previews, runs, scopes, sparing, words
from .forms import ExemptForm, ForgiveForm, ScopeForm, SuspensionPolicyForm
from .models import AreaGrace, Exemption, SuspensionRun

SHOWN = 100  # rows of a preview that are drawn; the sums count all
GRACES_SHOWN = 20  # beside the rules; the others are in their list


def _table(rows: list, *, why: bool) -> Any:
    def reason(row: tuple) -> str:
        return words.say(row[1].chain[-1]).text

    columns = [
        Column("name", _("Subscriber"), value=lambda row: row[0].name),
        Column("area", _("Area"), value=lambda row: row[0].area),
        Column("lines", _("Lines"), kind="number", value=lambda row: len(row[0].lines)),
        Column("owed", _("Owed"), kind="money", value=lambda row: Money(row[0].facts.balance, row[0].facts.currency)),
        Column("since", _("Due since"), kind="date", value=lambda row: row[0].facts.oldest_due_on),
    ]
    if why:
        columns.append(Column("why", _("Why spared"), value=reason))
    return screens.table(
        columns,
        rows[:SHOWN],
        url=lambda row: url_for("subscribers:subscriber", args=[row[0].subscriber_id]),
        caption=_("Spared") if why else _("To be cut"),
    )


@staff("dunning.view")
def preview(request: HttpRequest) -> HttpResponse:
    """Who would be cut now, who is spared and why. Changes nothing."""
    form = ScopeForm(request.GET or None, actor=request.actor)
    if choosing.is_asked(request):
        return choosing.answer(request, form)
    picked = _picked(request)
    valid = form.is_bound and form.is_valid()
    scope = scopes.scope_for(
        request.actor,
        area=form.cleaned_data["area"] if valid else picked[0],
        branch=form.cleaned_data["branch"] if valid else picked[1],
    )
    mode = form.cleaned_data["mode"] if valid else "policy"
    seen = previews.preview(scope=scope, mode=mode)
    seen.cut.sort(key=lambda row: -row[0].facts.balance)
    return render(
        request,
        "dunning/preview.html",
        {
            "form": form,
            "seen": seen,
            "title": _("Who would be cut?"),
            "owed": [Money(amount, currency) for currency, amount in seen.owed().items()],
            "cut": _table(seen.cut, why=False),
            "spared": _table(seen.spared, why=True),
            "spared_by": [(words.RULES.get(rule, rule), count) for rule, count in sorted(seen.spared_by.items())],
            "more_cut": max(len(seen.cut) - SHOWN, 0),
            "more_spared": max(len(seen.spared) - SHOWN, 0),
            "policy": policy.in_force(),
            "may_run": request.actor.may("dunning.run"),
            "going_on": SuspensionRun.objects.filter(state__in=["waiting", "running"]).first(),
            "stopped": SuspensionRun.objects.filter(state="stopped").order_by("-pk").first(),
        },
    )


def _picked(request: HttpRequest) -> tuple[Any, Any]:
    """What the scope picker above says, as (area, branch)."""
    current = picker.current(request)
    area = Area.objects.filter(pk=current.area_id).first() if current.area_id is not None else None
    branch = Branch.objects.filter(pk=current.branch_id).first() if current.branch_id is not None else None
    return area, branch


@require_POST
@staff("dunning.run")
def start(request: HttpRequest) -> HttpResponse:
    """Confirmed: begin."""
    form = ScopeForm(request.POST, actor=request.actor)
    if not form.is_valid():
        screens.toast(request, _("Choose again whom to cut."), "bad")
        return redirect("dunning:preview")
    cleaned = form.cleaned_data
    try:
        suspension = runs.start_run(
            scope=scopes.scope_for(request.actor, area=cleaned["area"], branch=cleaned["branch"]),
            mode=cleaned["mode"],
            note=cleaned["note"],
            by=request.actor,
        )
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect(f"{url_for('dunning:preview')}?{request.POST.urlencode()}")
    return redirect(screens.run_url(suspension.run))


@staff("dunning.view")
def show_run(request: HttpRequest, pk: int) -> HttpResponse:
    """A run: its progress while it goes on, then what it did and whom it spared."""
    suspension = get_object_or_404(SuspensionRun.objects.select_related("run"), pk=pk)
    facts = [
        Fact(_("Cut"), suspension.cut, tone="bad" if suspension.cut else ""),
        Fact(_("To cut"), suspension.to_cut),
        Fact(_("Lines on"), suspension.lines_on),
        Fact(_("Started by"), cells.who(suspension.started_by)),
    ]
    if suspension.scope_name:
        facts.append(Fact(_("Where"), suspension.scope_name))
    if suspension.lifted_by:
        facts.append(Fact(_("Breaker lifted by"), suspension.lifted_by))
    confirm = _("This cuts %(cut)d of %(on)d lines.") % {"cut": suspension.to_cut, "on": suspension.lines_on}
    return screens.record_page(
        request,
        suspension,
        title=_("Suspension of %(day)s") % {"day": cells.day_text(suspension.as_of)},
        kind=_("Suspension run"),
        status="state",
        facts=facts,
        buttons=[
            Button(
                _("Let it go on"), "dunning:lift", "play", "dunning.lift_breaker", primary=True, post=True, tone="bad",
                confirm=confirm, when=lambda run: run.state == "stopped",
            ),
            Button(
                _("Cut nobody"), "dunning:cancel", "x", "dunning.run", post=True,
                when=lambda run: run.state == "stopped", order=60,
            ),
        ],
        tabs=[Tab("overview", _("Overview"), "dunning/_run.html", _run)],
    )  # fmt: skip


def _run(request: HttpRequest, suspension: SuspensionRun) -> dict[str, Any]:
    changes = (
        StatusChange.objects.filter(
            run=suspension.pk, new="suspended", on__gte=suspension.as_of, subscription__isnull=False
        )
        .select_related("subscriber__area", "subscription")
        .order_by("id")
    )
    return {
        "suspension": suspension,
        "spared_by": [(words.RULES.get(rule, rule), count) for rule, count in sorted(suspension.spared.items())],
        "cut": screens.table(
            (
                Column("name", _("Subscriber"), value=lambda change: change.subscriber.name),
                Column("area", _("Area"), value=lambda change: change.subscriber.area),
                Column("now", _("Now"), kind="badge", value=lambda change: change.subscription.status),
            ),
            changes[:SHOWN],
            model=StatusChange,
            url=lambda change: url_for("dunning:why", args=[change.subscription_id]),
            caption=_("Cut by this run"),
        ),
        "more": max(suspension.cut - SHOWN, 0),
    }


@require_POST
@staff("dunning.lift_breaker")
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        suspension = runs.lift_breaker(get_object_or_404(SuspensionRun, pk=pk), by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect("dunning:run", pk=pk)
    return redirect(screens.run_url(suspension.run))


@require_POST
@staff("dunning.run")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        runs.cancel_run(get_object_or_404(SuspensionRun, pk=pk), by=request.actor)
        screens.toast(request, _("Nobody was cut."))
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    return redirect("dunning:run", pk=pk)


def _subscriber(request: HttpRequest, pk: int) -> Subscriber:
    rows = Subscriber.objects.visible_to(request.actor).select_related("receivable", "area")
    return get_object_or_404(rows, pk=pk)


@staff("dunning.view")
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Why was this line cut? The chain of rules, with the figures of that moment, and what would bring it back."""
    lines = Subscription.objects.visible_to(request.actor).select_related("subscriber__receivable", "plan")
    line = get_object_or_404(lines, pk=pk)
    return render(request, "dunning/why.html", {"title": _("Why was it cut?"), **why_context(line)})


def why_context(line: Subscription) -> dict[str, Any]:
    cut = explaining.why_cut(line)
    return {
        "cut": cut,
        "line": line,
        "subscriber": line.subscriber,
        "now": [words.say(link) for link in cut.now.chain] if cut and cut.now else [],
        "owed": Money(line.subscriber.receivable.balance, line.subscriber.receivable.currency),
    }


@staff("dunning.exempt")
def exempt(request: HttpRequest, pk: int) -> HttpResponse:
    subscriber = _subscriber(request, pk)
    back = url_for("subscribers:subscriber", args=[pk])
    form = ExemptForm(request.POST or None)
    if form.is_valid():
        try:
            sparing.exempt(subscriber, **form.cleaned_data, by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s is spared from suspension.") % subscriber.name)
            return redirect(screens.back_to(request, back))
    return screens.form_page(
        request,
        form,
        template="screens/task.html",
        title=_("Spare %s from suspension") % subscriber.name,
        submit=_("Spare"),
        back=(subscriber.name, back),
    )


@require_POST
@staff("dunning.exempt")
def end_exemption(request: HttpRequest, pk: int) -> HttpResponse:
    exemption = get_object_or_404(Exemption.objects.visible_to(request.actor), pk=pk)
    sparing.end_exemption(exemption, by=request.actor)
    screens.toast(request, _("The exemption was ended."))
    return redirect(screens.back_to(request, url_for("dunning:exemption-list")))


@staff("dunning.forgive")
def forgive(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a suspended subscriber back although they owe."""
    subscriber = _subscriber(request, pk)
    back = url_for("subscribers:subscriber", args=[pk])
    form = ForgiveForm(request.POST or None)
    if form.is_valid():
        try:
            sparing.forgive(subscriber, **form.cleaned_data, by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s is being put back on.") % subscriber.name)
            return redirect(screens.back_to(request, back))
    return screens.form_page(
        request,
        form,
        template="screens/task.html",
        title=_("Put %s back unpaid") % subscriber.name,
        help=_("Their debt stays. They are spared from suspension until the day you choose."),
        submit=_("Put back"),
        back=(subscriber.name, back),
    )


@staff("dunning.settings")
def settings(request: HttpRequest) -> HttpResponse:
    rules = policy.in_force()
    before, was_on = audit.snapshot(rules), rules.enabled
    form = SuspensionPolicyForm(request.POST or None, instance=rules)
    if form.is_valid():
        changed = form.save(commit=False)
        if changed.enabled and not was_on:
            changed.last_run_on = calendar.today()  # switching it on in the afternoon cuts nobody before the night
        changed.save()
        by_the_clock.withdraw_cuts()
        audit.note(request.actor, "suspension.rules_changed", changed, before, audit.snapshot(changed))
        screens.toast(request, _("The suspension rules were saved."))
        return redirect("dunning:settings")
    return screens.form_page(
        request,
        form,
        template="dunning/settings.html",
        title=_("Suspension rules"),
        graces=AreaGrace.objects.select_related("area")[:GRACES_SHOWN],
        more=max(AreaGrace.objects.count() - GRACES_SHOWN, 0),
    )


@require_POST
@staff("dunning.settings")
def remove_grace(request: HttpRequest, pk: int) -> HttpResponse:
    grace = get_object_or_404(AreaGrace.objects.select_related("area"), pk=pk)
    audit.note(request.actor, "areagrace.deleted", grace, before=audit.snapshot(grace))
    grace.delete()
    by_the_clock.withdraw_cuts()
    return redirect("dunning:grace-list")
