from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar, money
from fiberledger.catalog.models import AddOn, Plan
from fiberledger.money import Money
from fiberledger.money.forms import AmountInput
from fiberledger.screens.cells import day_text
from fiberledger.subscribers.forms import SubscriberForm
from fiberledger.subscribers.models import Document, Subscriber, Tag
from fiberledger.subscribers.states import Status

from . import services, terms
from .models import StatusChange, Subscription
from .planned import renewal_of


class PlanChoice(forms.ModelChoiceField):
    """A plan on sale, with what it gives and costs."""

    def label_from_instance(self, plan: Plan) -> str:
        price = money.show(Money(plan.price, plan.currency))
        return " · ".join(part for part in (plan.name, plan.speed, price) if part)


class TermsFields(forms.Form):
    """How a plan is sold. The tenant's own terms are filled in; most clerks change nothing here."""

    plan = PlanChoice(queryset=Plan.objects.none(), label=_("Plan"))
    on = forms.DateField(label=_("Starts on"), widget=forms.DateInput(attrs={"type": "date"}))
    price = AmountInput(label=_("Agreed price"), required=False, min_value=0, help_text=_("Empty: the plan's price."))
    billing = forms.ChoiceField(label=_("Billing"), choices=Subscription.Billing.choices)
    cycle = forms.ChoiceField(
        label=_("Cycle"),
        required=False,
        choices=[("", _("As the plan or the billing rules say")), *Subscription.Cycle.choices],
    )
    anchor_day = forms.IntegerField(
        label=_("Billing day"),
        required=False,
        min_value=1,
        max_value=31,
        help_text=_("Empty: the day it starts, or your usual day. The 31st falls on the last day of shorter months."),
    )
    first_period = forms.ChoiceField(label=_("First period"), choices=Subscription.FirstPeriod.choices)
    free_days = forms.IntegerField(label=_("Free days"), required=False, min_value=0, max_value=365)
    label = forms.CharField(
        label=_("Label"), required=False, max_length=60, help_text=_("For a second line: “shop”, “upstairs”.")
    )

    TERMS = ("plan", "on", "price", "billing", "cycle", "anchor_day", "first_period", "free_days", "label")

    def set_up_terms(self, actor: Any) -> None:
        agreed = terms.default()
        self.fields["plan"].queryset = Plan.objects.on_sale()
        self.fields["on"].initial = calendar.today
        for name in ("billing", "anchor_day", "first_period"):
            self.fields[name].initial = getattr(agreed, name)
        if actor is not None and not actor.may("subscriptions.price"):
            del self.fields["price"]
        if actor is not None and actor.reseller_names is not None:
            self.fields["plan"].queryset = Plan.objects.on_sale().filter(sold_by_resellers=True)

    def sale(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "on": data["on"], "billing": data["billing"], "cycle": data["cycle"] or None, "anchor_day": data.get("anchor_day"),
            "price": data.get("price"), "first_period": data["first_period"], "free_days": data.get("free_days") or 0,
            "label": data.get("label") or "",
        }  # fmt: skip


class SellForm(TermsFields):
    sections = [
        (_("Plan"), ["plan", "on", "price", "label"]),
        (_("Billing"), ["billing", "cycle", "anchor_day", "first_period", "free_days"]),
    ]

    def __init__(self, *args: Any, subscriber: Subscriber, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_up_terms(actor)
        self.fields["plan"].queryset = self.fields["plan"].queryset.available_in(subscriber.area, subscriber.branch)


class RegisterForm(SubscriberForm, TermsFields):
    """A new subscriber with the plan they take, on one page."""

    take = forms.ChoiceField(
        label=_("What they take"),
        choices=[
            ("now", _("A plan, installed")),
            ("later", _("A plan, installation to come")),
            ("lead", _("Nothing yet: a lead")),
        ],
        initial="now",
        widget=forms.RadioSelect,
    )
    tags = forms.ModelMultipleChoiceField(
        label=_("Tags"), queryset=Tag.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp", "capture": "environment"}),
    )
    first_note = forms.CharField(
        label=_("Note"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2})
    )

    sections = [
        (_("Who"), ["name", "phone", "guardian", "national_id"]),
        (_("Where"), ["area", "address", "street_house"]),
        (_("Plan"), ["take", "plan", "on", "price"]),
        (_("Billing"), ["billing", "cycle", "anchor_day", "first_period", "free_days", "label"]),
        (
            _("More"),
            [
                "whatsapp",
                "phone2",
                "email",
                "language",
                "branch",
                "latitude",
                "longitude",
                "number",
                "is_vip",
                "reseller_name",
                "collector",
                "tags",
                "photo",
                "first_note",
                "consent",
            ],
        ),
    ]

    field_order = [name for _title, names in sections for name in names]

    class Meta(SubscriberForm.Meta):
        fields: Any = tuple(name for name in SubscriberForm.Meta.fields if name != "installed_on")

    def __init__(self, *args: Any, actor: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, actor=actor, **kwargs)
        self.set_up_terms(actor)
        self.fields["plan"].required = False
        self.fields["tags"].queryset = Tag.objects.all()
        self.fields["area"].widget.attrs |= {
            "hx-get": reverse("subscriptions:register"),
            "hx-trigger": "change",
            "hx-include": "[name=branch], [name=plan]",
            "hx-target": ".field:has(#id_plan)",
            "hx-select": ".field:has(#id_plan)",
            "hx-swap": "outerHTML",
        }
        self.fields["plan"].widget.attrs["data-with"] = "area branch"
        place = self.data if self.is_bound else self.initial
        if (area := str(place.get("area") or "")).isdecimal():
            self._offer_plans_of(int(area[:18]), str(place.get("branch") or ""))

    def _offer_plans_of(self, area_id: int, chosen: str) -> None:
        area = self.fields["area"].queryset.filter(pk=area_id).first()
        if area is None:
            return
        from fiberledger.places.models import Branch
        from fiberledger.places.services import branch_for

        branch_id = int(chosen[:18]) if chosen.isdecimal() else branch_for(area)
        branch = Branch.objects.filter(pk=branch_id).first() if branch_id else None
        self.fields["plan"].queryset = self.fields["plan"].queryset.available_in(area, branch)
        self.fields["plan"].error_messages["invalid_choice"] = _("This plan is not sold at this place.")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("take") != "lead" and not data.get("plan") and not self.has_error("plan"):
            self.add_error("plan", _("Choose the plan they take."))
        return data

    def new_subscriber(self) -> Any:
        from dataclasses import replace

        new = super().new_subscriber()
        lead = self.cleaned_data.get("take") == "lead"
        tags = tuple(tag.pk for tag in self.cleaned_data.get("tags") or ())
        return replace(new, status=Status.LEAD if lead else Status.PENDING, tag_ids=tags)

    def register(self, actor: Any) -> Subscriber:
        """The person, the sale, the photo and the note, all or none."""
        from fiberledger.subscribers import services as people

        data = self.cleaned_data
        subscriber = people.register(self.tidy, by=actor)
        if data["take"] != "lead":
            services.sell(
                subscriber,
                data["plan"],
                by=actor,
                status=Status.PENDING if data["take"] == "later" else None,
                **self.sale(),
            )
        if data.get("photo"):
            people.add_document(subscriber, data["photo"], kind=Document.Kind.PHOTO, by=actor)
        if data.get("first_note"):
            people.add_note(subscriber, data["first_note"], by=actor)
        subscriber.refresh_from_db()
        return subscriber


class ReasonForm(forms.Form):
    """Why a line changes, and what should be remembered about it."""

    reason = forms.ChoiceField(label=_("Reason"), choices=())
    note = forms.CharField(label=_("Note"), required=False, max_length=300)

    def __init__(self, *args: Any, reasons: tuple[str, ...], until: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = dict(StatusChange.Reason.choices)
        self.fields["reason"].choices = [(reason, labels[reason]) for reason in reasons]
        if until:
            self.fields["until"] = forms.DateField(
                label=_("Back on"),
                required=False,
                widget=forms.DateInput(attrs={"type": "date"}),
                help_text=_("Empty: until somebody resumes it."),
            )


class BlacklistForm(forms.Form):
    why = forms.CharField(label=_("Why"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


class AddOnChoice(forms.ModelChoiceField):
    """An add-on on sale, with what it gives and costs."""

    def label_from_instance(self, add_on: AddOn) -> str:
        price = money.show(add_on.money)
        every = _("every period") if add_on.every_period else _("once")
        gives = "" if add_on.gives in add_on.name else add_on.gives
        return " · ".join(part for part in (add_on.name, gives, f"{price} {every}") if part)


class SellAddOnForm(forms.Form):
    """What a line takes besides its plan. `key` makes a second click the same sale."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    add_on = AddOnChoice(queryset=AddOn.objects.none(), label=_("Add-on"))
    price = AmountInput(label=_("Agreed price"), required=False, min_value=0, help_text=_("Empty: the add-on's price."))
    detail = forms.CharField(
        label=_("Address or number"),
        required=False,
        max_length=100,
        help_text=_(
            "A fixed address: the one that was promised, or empty for the next free one. Else the number of a device or a card."
        ),
    )

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["add_on"].queryset = AddOn.objects.on_sale().order_by("kind", "price", "name")
        if not actor.may("subscriptions.price"):
            del self.fields["price"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        add_on, detail = data.get("add_on"), data.get("detail")
        if add_on and detail and add_on.kind == AddOn.Kind.ADDRESS:
            try:
                data["detail"] = str(IPv4Address(detail.strip()))
            except AddressValueError:
                self.add_error("detail", _("Write an address such as 203.0.113.7, or leave it empty."))
        return data


class EndAddOnForm(forms.Form):
    on = forms.DateField(
        label=_("First day without it"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Today: it ends now."),
    )
    reason = forms.CharField(label=_("Why"), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].initial = calendar.today
        self.fields["on"].required = False
        self.fields["on"].widget.attrs["min"] = calendar.today().isoformat()


class ChangePlanForm(forms.Form):
    plan = PlanChoice(queryset=Plan.objects.none(), label=_("New plan"))
    price = TermsFields.base_fields["price"]
    when = forms.ChoiceField(label=_("When"), widget=forms.RadioSelect, initial="now")
    on = forms.DateField(
        label=_("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("For a change now: today, or the day it was really made."),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=300)

    def __init__(self, *args: Any, line: Subscription, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subscriber = line.subscriber
        offered = Plan.objects.on_sale().available_in(subscriber.area, subscriber.branch)
        self.fields["plan"].queryset = Plan.objects.filter(Q(pk__in=offered.values("pk")) | Q(pk=line.plan_id))
        self.fields["plan"].initial = line.plan_id
        self.fields["on"].initial = calendar.today
        self.fields["on"].widget.attrs["max"] = calendar.today().isoformat()
        day = day_text(renewal_of(line))
        self.fields["when"].choices = [("now", _("Now")), ("renewal", _("At the renewal, on %s") % day)]
        if not actor.may("subscriptions.price"):
            del self.fields["price"]
