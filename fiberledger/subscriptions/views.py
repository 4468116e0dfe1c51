from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from fiberledger import calendar, money, screens
from fiberledger.catalog.models import Plan
from fiberledger.identity.guards import staff
from fiberledger.money import Money
from fiberledger.screens.cells import day_text
from fiberledger.subscribers import services as people
from fiberledger.subscribers import states
from fiberledger.subscribers.forms import areas_for
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscribers.views import mine, page_of
from fiberledger.tenancy import Refusal

from . import add_ons, charging, planned, services
from .forms import (
    BlacklistForm,
    ChangePlanForm,
    EndAddOnForm,
    ReasonForm,
    RegisterForm,
    SellAddOnForm,
    SellForm,
)
from .models import PlannedChange, SoldAddOn, StatusChange, Subscription

Reason = StatusChange.Reason


@staff("subscribers.create")
def register(request: Any) -> HttpResponse:
    """A new subscriber and what they take, on one page; then their record, where the next step is the button."""
    initial = {name: value for name, value in request.GET.items() if name in RegisterForm.base_fields}
    form = RegisterForm(request.POST or None, request.FILES or None, actor=request.actor, initial=initial)
    if form.is_valid():
        try:
            with transaction.atomic():
                subscriber = form.register(request.actor)
        except people.RegistrationRefused as refusal:
            form.show_faults([fault for found in refusal.faults.values() for fault in found])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(
                request,
                _("%(name)s is registered as %(number)s.") % {"name": subscriber.name, "number": subscriber.number},
            )
            for warning in people.warnings_for(form.tidy, besides=subscriber.pk):
                screens.toast(request, warning.text, "warn")
            if "another" in request.POST:
                return redirect(f"{reverse('subscriptions:register')}?area={subscriber.area_id}")
            return redirect(page_of(subscriber))
    return screens.form_page(
        request,
        form,
        template="subscriptions/register.html",
        no_areas=not areas_for(request.actor).exists(),
        no_plans=not Plan.objects.on_sale().exists(),
        title=_("Register a subscriber"),
        submit=_("Register"),
        another=True,
        multipart=True,
        back=(_("Subscribers"), reverse("subscribers:subscriber-list")),
    )


@staff("subscriptions.sell")
def sell(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    form = SellForm(request.POST or None, subscriber=subscriber, actor=request.actor)
    if form.is_valid():
        try:
            line = services.sell(subscriber, form.cleaned_data["plan"], by=request.actor, **form.sale())
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(plan)s sold to %(name)s.") % {"plan": line.plan, "name": subscriber.name})
            return redirect(page_of(subscriber))
    return screens.form_page(
        request,
        form,
        title=_("Sell a plan to %s") % subscriber.name,
        submit=_("Sell"),
        back=(subscriber.name, page_of(subscriber)),
    )


def my_line(request: Any, pk: int) -> Subscription:
    lines = Subscription.objects.visible_to(request.actor).select_related(
        "plan", "subscriber__area", "subscriber__branch", "subscriber__receivable"
    )
    return get_object_or_404(lines, pk=pk)


@staff("subscriptions.change_plan")
def change_plan(request: Any, pk: int) -> HttpResponse:
    line = my_line(request, pk)
    form = ChangePlanForm(
        request.POST or None,
        line=line,
        actor=request.actor,
        initial={"price": line.price} if line.price is not None else None,
    )
    effect: list[str] = []
    if form.is_valid():
        data = form.cleaned_data
        plan, name = data["plan"], line.subscriber.name
        price = data.get("price") if "price" in form.fields else (line.price if plan == line.plan else None)
        try:
            if "preview" in request.POST:
                effect = _effect(line, plan, price, request.actor)
            elif data["when"] == "renewal":
                change = planned.plan_change(line, plan, price=price, note=data["note"], by=request.actor)
                day = day_text(change.on)
                screens.toast(
                    request, _("%(name)s has %(plan)s from %(day)s.") % {"name": name, "plan": plan, "day": day}
                )
            else:
                on = data["on"] or calendar.today()
                services.change_plan(line, plan, on=on, price=price, note=data["note"], by=request.actor)
                screens.toast(request, _("%(name)s has %(plan)s now.") % {"name": name, "plan": plan})
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            if not effect:
                return redirect(page_of(line.subscriber, "lines"))
    return screens.form_page(
        request,
        form,
        template="subscriptions/change_plan.html",
        title=_("Change the plan of %s") % line.subscriber.name,
        submit=_("Change plan"),
        back=(line.subscriber.name, page_of(line.subscriber, "lines")),
        help=_("Now: %(plan)s, started on %(day)s.") % {"plan": line.plan, "day": day_text(line.started_on)},
        effect=effect,
    )


def _effect(line: Subscription, plan: Plan, price: Decimal | None, by: Any) -> list[str]:
    """What the change would cost, now and at the renewal, in sentences. Raises Refusal where it could not be made."""
    services.check_change(line, plan, price, by)
    amount = plan.price if price is None else price
    show, difference = money.show, Money(charging.difference(line, plan, amount), line.currency)
    before, after, day = show(line.monthly), show(Money(amount, line.currency)), planned.renewal_of(line)
    now = (
        _("Now: %(difference)s for the days that are billed already, on the next invoice.")
        % {"difference": show(difference)}
        if difference.amount
        else _("Now: nothing is charged for the days that are billed already.")
    )
    return [
        _("A period costs %(after)s instead of %(before)s.") % {"after": after, "before": before},
        now,
        _("At the renewal: the new price from %s on, and no difference.") % day_text(day),
    ]


@staff("subscriptions.change_plan")
@require_POST
def cancel_change(request: Any, pk: int) -> HttpResponse:
    change = get_object_or_404(PlannedChange.objects.select_related("subscription__plan", "plan"), pk=pk)
    line = my_line(request, change.subscription_id)
    try:
        planned.cancel(change, by=request.actor)
        screens.toast(request, _("%(name)s keeps %(plan)s.") % {"name": line.subscriber.name, "plan": line.plan})
    except Refusal as refusal:
        screens.toast(request, str(refusal), "bad")
    return redirect(page_of(line.subscriber, "lines"))


@staff("subscriptions.sell_add_ons")
def sell_add_on(request: Any, pk: int) -> HttpResponse:
    line = my_line(request, pk)
    form = SellAddOnForm(request.POST or None, actor=request.actor, initial={"key": uuid4()})
    if form.is_valid():
        data = form.cleaned_data
        try:
            sold = add_ons.sell_add_on(
                line, data["add_on"], key=data["key"], price=data.get("price"), detail=data["detail"], by=request.actor
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(plan)s sold to %(name)s.") % {"plan": sold.name, "name": line.subscriber.name})
            return redirect(page_of(line.subscriber, "lines"))
    return screens.form_page(
        request,
        form,
        template="screens/task.html",
        title=_("Sell an add-on to %s") % line.subscriber.name,
        submit=_("Sell"),
        back=(line.subscriber.name, page_of(line.subscriber, "lines")),
        help=_("For the line %s. What is paid once is charged now; what is paid every period, with the next invoice.")
        % (line.label or line.plan),
    )


@staff("subscriptions.sell_add_ons")
def end_add_on(request: Any, pk: int) -> HttpResponse:
    sold = get_object_or_404(SoldAddOn.objects.select_related("subscription__plan"), pk=pk)
    line = my_line(request, sold.subscription_id)
    form = EndAddOnForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            add_ons.end_add_on(sold, on=data["on"], reason=data["reason"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(plan)s: ended.") % {"plan": sold.name})
            return redirect(page_of(line.subscriber, "lines"))
    return screens.form_page(
        request,
        form,
        template="screens/task.html",
        title=_("End %(add_on)s of %(name)s") % {"add_on": sold.name, "name": line.subscriber.name},
        submit=_("End it"),
        tone="bad",
        back=(line.subscriber.name, page_of(line.subscriber, "lines")),
        help=_("What was charged stays owed; from that day on it is charged no more."),
    )


# What may be done with one line, or with all lines of a subscriber: the verb, the words, the reasons offered.
_ACTIONS: dict[str, dict[str, Any]] = {
    "activate": {
        "title": gettext_lazy("Put %s into service"), "submit": gettext_lazy("Activate"), "to": Status.ACTIVE,
        "reasons": (Reason.INSTALLED, Reason.RETURNED, Reason.MISTAKE, Reason.OTHER),
    },
    "suspend": {
        "title": gettext_lazy("Suspend %s"), "submit": gettext_lazy("Cut now"), "to": Status.SUSPENDED, "tone": "bad",
        "help": gettext_lazy("The line is cut now. What was billed stays owed; days spent cut are not billed anew."),
        "reasons": (Reason.UNPAID, Reason.REQUEST, Reason.ABUSE, Reason.DISPUTE, Reason.OTHER),
    },
    "resume": {
        "title": gettext_lazy("Resume %s"), "submit": gettext_lazy("Put back on"), "to": Status.ACTIVE,
        "help": gettext_lazy("The line works again, whatever is owed. A suspension run may cut it again."),
        "reasons": (Reason.PAID, Reason.REQUEST, Reason.RETURNED, Reason.MISTAKE, Reason.OTHER),
        "sources": (Status.SUSPENDED, Status.HOLD, Status.OVERDUE),
    },
    "hold": {
        "title": gettext_lazy("Put %s on hold"), "submit": gettext_lazy("Hold"), "to": Status.HOLD, "until": True,
        "help": gettext_lazy("The line pauses: not in service and not billed until it comes back."),
        "reasons": (Reason.REQUEST, Reason.MOVED, Reason.OTHER),
    },
    "end": {
        "title": gettext_lazy("Terminate %s"), "submit": gettext_lazy("Terminate"), "to": Status.TERMINATED, "tone": "bad",
        "help": gettext_lazy("The line ends today. Nothing is deleted; you can restore it."),
        "reasons": (Reason.LEFT, Reason.MOVED, Reason.UNPAID, Reason.MISTAKE, Reason.OTHER),
    },
    "restore": {
        "title": gettext_lazy("Restore %s"), "submit": gettext_lazy("Restore"), "to": Status.INACTIVE,
        "help": gettext_lazy("They come out of the archive, out of service until activated."),
        "reasons": (Reason.RETURNED, Reason.MISTAKE, Reason.OTHER), "sources": (Status.TERMINATED,),
    },
}  # fmt: skip
_NEEDS = {
    "activate": "subscriptions.suspend", "suspend": "subscriptions.suspend", "resume": "subscriptions.suspend",
    "hold": "subscriptions.hold", "end": "subscriptions.end", "restore": "subscriptions.end",
}  # fmt: skip


def _act(request: Any, name: str, subscriber: Subscriber, lines: Any, title: str) -> HttpResponse:
    action = _ACTIONS[name]
    data = request.POST if request.method == "POST" else None
    if data is not None and "reason" not in data:  # the one-click button: the first reason is the usual one
        data = {**data.dict(), "reason": action["reasons"][0]}
    form = ReasonForm(data, reasons=action["reasons"], until=action.get("until", False))
    if form.is_valid():
        given = form.cleaned_data
        how: dict[str, Any] = {"reason": given["reason"], "note": given["note"], "by": request.actor}
        try:
            with transaction.atomic():
                if lines is None:
                    moved, _stayed = services.move_subscribers(
                        [subscriber.pk], action["to"], sources=action.get("sources"), **how
                    )
                    if given.get("until") and moved:
                        services.set_resume_day(
                            Subscription.objects.filter(subscriber=subscriber, status=Status.HOLD), given["until"]
                        )
                elif name == "hold":
                    moved = len(services.hold(lines, until=given.get("until"), **how).changed)
                else:
                    moved = len(services.set_status(lines, action["to"], sources=action.get("sources"), **how).changed)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            subscriber.refresh_from_db(fields=["status"])
            if moved:
                screens.toast(
                    request,
                    _("%(name)s: %(status)s.")
                    % {"name": subscriber.name, "status": subscriber.get_status_display().lower()},
                )
            else:
                screens.toast(
                    request, _("Nothing changed: somebody was faster, or the status does not allow it."), "warn"
                )
            return redirect(screens.back_to(request, page_of(subscriber)))
    return screens.form_page(
        request,
        form,
        title=str(action["title"]) % title,
        submit=action["submit"],
        help=action.get("help", ""),
        back=(subscriber.name, page_of(subscriber)),
        tone=action.get("tone", ""),
    )


def _one(name: str) -> Any:
    @staff(_NEEDS[name])
    def view(request: Any, pk: int) -> HttpResponse:
        line = my_line(request, pk)
        return _act(request, name, line.subscriber, [line], f"{line.subscriber.name} · {line.label or line.plan}")

    return view


def _all(name: str) -> Any:
    @staff(_NEEDS[name])
    def view(request: Any, pk: int) -> HttpResponse:
        subscriber = mine(request, pk)
        return _act(request, name, subscriber, None, subscriber.name)

    return view


one = {name: _one(name) for name in _ACTIONS}
every = {name: _all(name) for name in _ACTIONS}


@staff("subscriptions.suspend")
def status(request: Any, pk: int) -> HttpResponse:
    """Any step that the table of statuses allows from where the subscriber stands."""
    from django import forms

    subscriber = mine(request, pk)
    reachable = [
        status
        for status in Status
        if states.may_go(subscriber.status, status)
        and status not in states.ABOUT_THE_PERSON
        and (status != Status.TERMINATED or request.actor.may("subscriptions.end"))
    ]
    form = ReasonForm(request.POST or None, reasons=tuple(Reason.values))
    form.fields = {
        "status": forms.ChoiceField(
            label=_("new status"),
            widget=forms.RadioSelect,
            choices=[(status, f"{states.of(status).label}: {states.of(status).means}") for status in reachable],
        ),
        **form.fields,
    }
    form.fields["reason"].initial = Reason.OTHER
    if form.is_valid():
        data = form.cleaned_data
        moved, _stayed = services.move_subscribers(
            [subscriber.pk], data["status"], reason=data["reason"], note=data["note"], by=request.actor
        )
        subscriber.refresh_from_db(fields=["status"])
        if moved:
            screens.toast(
                request,
                _("%(name)s: %(status)s.")
                % {"name": subscriber.name, "status": subscriber.get_status_display().lower()},
            )
        else:
            screens.toast(request, _("Nothing changed: somebody was faster."), "warn")
        return redirect(page_of(subscriber))
    return screens.form_page(
        request,
        form,
        title=_("Status of %s") % subscriber.name,
        submit=_("Change status"),
        help=_("Now: %s.") % subscriber.get_status_display(),
        back=(subscriber.name, page_of(subscriber)),
    )


@staff("subscribers.blacklist")
def blacklist(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    form = BlacklistForm(request.POST or None)
    if form.is_valid():
        try:
            services.blacklist(subscriber, why=form.cleaned_data["why"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s is blacklisted.") % subscriber.name)
            return redirect(page_of(subscriber))
    return screens.form_page(
        request,
        form,
        title=_("Blacklist %s") % subscriber.name,
        submit=_("Blacklist"),
        tone="bad",
        help=_("All their lines end. Registering them anew needs permission."),
        back=(subscriber.name, page_of(subscriber)),
    )


@staff("subscribers.blacklist")
@require_POST
def lift_blacklist(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    try:
        services.lift_blacklist(subscriber, by=request.actor)
        screens.toast(request, _("%s may buy again.") % subscriber.name)
    except Refusal as refusal:
        screens.toast(request, str(refusal), "bad")
    return redirect(page_of(subscriber))
