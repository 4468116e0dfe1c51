from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.models import Membership
from fiberledger.places.models import Area, Branch
from fiberledger.places.services import branch_for, served_by
from fiberledger.tenancy import current_tenant

from . import national_ids, phones, services
from .models import Document, Note, RegistrationPolicy, Subscriber, Tag
from .states import Status


class AreaChoice(forms.ModelChoiceField):
    """An area by its full name, in the order of the tree, among those the actor reaches."""

    def label_from_instance(self, area: Area) -> str:
        return area.full_name


def areas_for(actor: Any) -> Any:
    """The areas in use that the actor may put somebody into: not those that another branch serves."""
    areas = Area.objects.active().in_tree_order()
    if actor is not None and actor.area_ids is not None:
        areas = areas.filter(pk__in=actor.area_ids)
    if actor is not None and actor.branch_ids is not None:
        areas = areas.filter(pk__in=served_by(actor.branch_ids))
    return areas


class SubscriberForm(forms.ModelForm):
    """The particulars of a subscriber, by the rules of services.clean; a phone that is taken names who has it."""

    area = AreaChoice(queryset=Area.objects.none(), label=_("Area"))
    consent = forms.BooleanField(label=_("Agreed to the terms and to keeping these particulars"), required=False)

    sections = [
        (_("Who"), ["name", "phone", "guardian", "national_id", "whatsapp", "phone2", "email", "language"]),
        (_("Where"), ["area", "address", "street_house", "branch", "latitude", "longitude"]),
        (_("Account"), ["number", "is_vip", "reseller_name", "collector", "installed_on", "consent"]),
    ]

    class Meta:
        model = Subscriber
        fields = (
            "name",
            "phone",
            "guardian",
            "national_id",
            "whatsapp",
            "phone2",
            "email",
            "language",
            "area",
            "address",
            "street_house",
            "branch",
            "latitude",
            "longitude",
            "number",
            "is_vip",
            "reseller_name",
            "collector",
            "installed_on",
        )
        widgets = {
            "phone": forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
            "phone2": forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
            "whatsapp": forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
            "national_id": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            "installed_on": forms.DateInput(attrs={"type": "date"}),
            "language": forms.Select(choices=[("", "—"), ("en", _("English")), ("ur", _("Urdu"))]),
        }

    def __init__(self, *args: Any, actor: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.country = current_tenant().country
        self.rules = services.policy()
        kind = national_ids.kind(self.country)
        asked = self.fields["national_id"]
        asked.label = kind.label
        asked.required = self.rules.national_id == RegistrationPolicy.NationalId.REQUIRED
        asked.widget.attrs["placeholder"] = kind.example
        self.fields["phone"].widget.attrs["placeholder"] = services.example_phone(self.country)
        for name in ("phone", "phone2", "whatsapp", "national_id"):
            self.fields[name].max_length = None
            self.fields[name].widget.attrs.pop("maxlength", None)
            self.fields[name].validators = []
        self.fields["phone"].help_text = mark_safe('<span id="phone-check" aria-live="polite"></span>')
        self.fields["phone"].widget.attrs |= {
            "hx-get": reverse("subscribers:check-phone"),
            "hx-trigger": "keyup changed delay:400ms, change",
            "hx-target": "#phone-check",
            "hx-vals": f'{{"besides": "{self.instance.pk or ""}"}}',
        }
        self.fields["number"].required = False
        self.fields["number"].help_text = _("Empty: the next number.")
        self.fields["address"].required = self.rules.address_required
        self.fields["area"].queryset = areas_for(actor)
        self.fields["branch"].help_text = _("Empty: the area's branch.")
        branches = Branch.objects.filter(is_active=True)
        if actor is not None and actor.branch_ids is not None:
            branches = branches.filter(pk__in=actor.branch_ids)
        self.fields["branch"].queryset = branches
        if actor is not None and actor.branch_ids is not None and len(branches) == 1 and not self.instance.pk:
            self.initial.setdefault("branch", branches[0].pk)
        team = Membership.objects.active()
        if actor is not None and actor.is_limited:  # to those within reach, and whoever has them now
            team = team.within(actor) | team.filter(pk=self.instance.collector_id)
        self.fields["collector"].queryset = team.select_related("user")
        if actor is not None and actor.reseller_names is not None:
            names = [(name, name) for name in sorted(actor.reseller_names)]
            self.fields["reseller_name"] = forms.ChoiceField(label=_("Reseller"), choices=names)
        if self.instance.pk:
            for name in ("phone", "phone2", "whatsapp"):
                self.initial[name] = phones.show(getattr(self.instance, name), self.country)
            self.initial["national_id"] = national_ids.show(self.instance.national_id, self.country)
            self.initial["consent"] = self.instance.consent_at is not None
            if actor is not None and not actor.may("subscribers.national_id"):
                del self.fields["national_id"]
            if not self.instance.address:
                self.fields["address"].required = False

    def _get_validation_exclusions(self) -> set[str]:
        # Phones and ids are judged by services.clean, in the country's own spelling.
        return super()._get_validation_exclusions() | {"phone", "phone2", "whatsapp", "national_id", "number"}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self._stay_within_reach(data)
        new = self.new_subscriber()
        tidy, faults = services.clean(new, self.rules, self.country)
        self.show_faults(
            [fault for fault in faults if fault.field.removesuffix("_id") in self.fields or fault.field in self.fields]
        )
        if not self.has_error("phone") and tidy.phone:
            other = services.taken_phones([tidy.phone]).get(tidy.phone)
            if other and other.pk != self.instance.pk:
                self.show_faults([services.duplicate_phone(other)])
        if tidy.number and not self.has_error("number"):
            other = services.taken_numbers([tidy.number]).get(tidy.number)
            if other and other.pk != self.instance.pk:
                text = _("This number belongs to %s.") % other.name
                self.show_faults([services.Fault("number", "number duplicate", text, other.pk)])
        self.tidy = tidy
        return data

    def _stay_within_reach(self, data: dict[str, Any]) -> None:
        """Whoever reaches certain branches puts nobody where they would not see them any more."""
        if self.actor is None or self.actor.branch_ids is None or not data.get("area"):
            return
        branch = data["branch"].pk if data.get("branch") else branch_for(data["area"])
        if branch not in self.actor.branch_ids:
            self.add_error("branch", _("This area belongs to no branch of yours: choose one of yours."))

    def new_subscriber(self) -> services.NewSubscriber:
        data = self.cleaned_data
        text: dict[str, Any] = {
            name: data.get(name) or ""
            for name in (
                "name",
                "phone",
                "guardian",
                "national_id",
                "whatsapp",
                "phone2",
                "email",
                "language",
                "address",
                "street_house",
                "number",
                "reseller_name",
            )
        }
        return services.NewSubscriber(
            **text,
            area_id=data["area"].pk if data.get("area") else None,
            branch_id=data["branch"].pk if data.get("branch") else None,
            collector_id=data["collector"].pk if data.get("collector") else None,
            latitude=data.get("latitude"),
            longitude=data.get("longitude"),
            installed_on=data.get("installed_on"),
            is_vip=bool(data.get("is_vip")),
            consent_at=calendar.now() if data.get("consent") else None,
            status=self.instance.status or Status.LEAD,
        )

    def show_faults(self, faults: list[services.Fault]) -> None:
        for fault in faults:
            name = fault.field if fault.field in self.fields else fault.field.removesuffix("_id")
            name = name if name in self.fields else None
            if name and self.has_error(name):
                continue
            text: Any = fault.text
            if fault.other and Subscriber.objects.visible_to(self.actor).filter(pk=fault.other).exists():
                text = format_html(
                    '{} <a class="link" href="{}">{}</a>',
                    fault.text,
                    reverse("subscribers:subscriber", args=[fault.other]),
                    _("Open"),
                )
            self.add_error(name, forms.ValidationError(text, code=fault.code))

    def save_as(self, actor: Any) -> Subscriber:
        data = self.cleaned_data
        changes: dict[str, Any] = {
            name: getattr(self.tidy, name)
            for name in services.EDITABLE
            if name not in ("consent_at", "number") and (name.removesuffix("_id") in self.fields or name in self.fields)
        }
        if data.get("number"):
            changes["number"] = self.tidy.number
        if bool(data.get("consent")) != (self.instance.consent_at is not None):
            changes["consent_at"] = calendar.now() if data.get("consent") else None
        return services.edit(self.instance, changes, by=actor)


class NoteForm(forms.ModelForm):
    class Meta:
        model = Note
        fields = ("text", "is_pinned")
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}


class DocumentForm(forms.Form):
    kind = forms.ChoiceField(label=_("What it is"), choices=Document.Kind.choices)
    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp,application/pdf"}),
        help_text=_("JPEG, PNG, WebP or PDF, at most 10 MB. Nobody outside your team can open it."),
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)


class TagsForm(forms.Form):
    """All tags of one subscriber at once; a new word makes a new tag."""

    tags = forms.ModelMultipleChoiceField(
        label=_("Tags"), queryset=Tag.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    new = forms.CharField(label=_("New tag"), max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tags"].queryset = Tag.objects.all()


class BulkTagForm(forms.Form):
    name = forms.CharField(label=_("Tag"), max_length=40, widget=forms.TextInput(attrs={"list": "known-tags"}))


class TagForm(forms.ModelForm):
    class Meta:
        model = Tag
        fields = ("name", "colour")


class RegistrationPolicyForm(forms.ModelForm):
    class Meta:
        model = RegistrationPolicy
        fields = ("national_id", "address_required", "number_prefix", "number_digits")


class BranchForm(forms.ModelForm):
    class Meta:
        model = Branch
        fields = ("name", "code", "manager_name", "phone", "email", "address", "is_active")
        widgets = {"address": forms.Textarea(attrs={"rows": 2})}


class AreaForm(forms.ModelForm):
    parent = AreaChoice(queryset=Area.objects.none(), label=_("Inside"), required=False)

    class Meta:
        model = Area
        fields = ("name", "level", "parent", "branch", "reseller_name", "route_notes", "is_active")
        widgets = {"route_notes": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, actor: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"].queryset = areas_for(actor)
        self.before = None
        if self.instance.pk:
            from fiberledger import audit

            self.before = audit.snapshot(self.instance)

    def save_as(self, actor: Any) -> Area:
        from fiberledger.places import services as places

        return places.save_area(self.instance, by=actor, before=self.before)
