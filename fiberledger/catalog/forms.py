from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from fiberledger.money.forms import AmountInput
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import current_tenant

from .models import AddOn, Plan, PlanHours, TaxRate

_FEES = ("installation_fee", "deposit", "reconnection_fee", "late_fee")
_AMOUNTS = ("price", *_FEES)


class TaxRateForm(forms.ModelForm):
    class Meta:
        model = TaxRate
        fields = ("name", "percent", "is_active")


class PlanForm(forms.ModelForm):
    """Every field of a plan. A field added to the model is shown once it is named here (docs/how-to-add-a-plan-field.md)."""

    sections = [
        (_("What it is"), ["name", "code", "category", "status", "connection_type", "description"]),
        (
            _("Price"),
            [
                "price",
                "tax",
                "tax_inclusive",
                "validity_days",
                "cycle",
                "installation_fee",
                "deposit",
                "reconnection_fee",
                "late_fee",
            ],
        ),
        (
            _("Speed and data"),
            [
                "download_kbps",
                "upload_kbps",
                "burst_download_kbps",
                "burst_upload_kbps",
                "burst_threshold_download_kbps",
                "burst_threshold_upload_kbps",
                "burst_seconds",
            ],
        ),
        (
            _("Data limit"),
            ["quota_mb", "at_limit", "slow_download_kbps", "slow_upload_kbps"],
            _(
                "Counted over all sessions of the line together, both ways. Hours with other speeds are on the plan's page."
            ),
        ),
        (
            _("Network"),
            ["router_profile", "radius_profile", "address_pool", "static_ip_allowed", "public_ip_allowed"],
        ),
        (_("Where it is sold"), ["areas", "branches", "sold_by_resellers"]),
    ]

    class Meta:
        model = Plan
        fields = (
            "name",
            "code",
            "category",
            "status",
            "connection_type",
            "description",
            "price",
            "tax",
            "tax_inclusive",
            "validity_days",
            "cycle",
            "installation_fee",
            "deposit",
            "reconnection_fee",
            "late_fee",
            "download_kbps",
            "upload_kbps",
            "burst_download_kbps",
            "burst_upload_kbps",
            "burst_threshold_download_kbps",
            "burst_threshold_upload_kbps",
            "burst_seconds",
            "quota_mb",
            "at_limit",
            "slow_download_kbps",
            "slow_upload_kbps",
            "router_profile",
            "radius_profile",
            "address_pool",
            "static_ip_allowed",
            "public_ip_allowed",
            "areas",
            "branches",
            "sold_by_resellers",
        )
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        field_classes = dict.fromkeys(_AMOUNTS, AmountInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = self.instance.currency or current_tenant().currency
        self.instance.currency = self.currency
        self.fields["tax"].queryset = TaxRate.objects.filter(is_active=True)
        self.fields["areas"].queryset = Area.objects.active().in_tree_order()
        self.fields["areas"].label_from_instance = lambda area: area.full_name
        self.fields["branches"].queryset = Branch.objects.all()
        self.fields["code"].required = False
        self.fields["code"].help_text = _("Empty: made from the name.")
        for name in _FEES:
            self.fields[name].required = False
        for name in ("reconnection_fee", "late_fee"):
            self.fields[name].help_text = _("For an invoice by hand; no run charges it by itself.")

    def clean_code(self) -> str:
        code = (self.cleaned_data.get("code") or "").strip()
        if code:
            if Plan.objects.filter(code=code).exclude(pk=self.instance.pk).exists():
                raise forms.ValidationError(_("Another plan has this code."))
            return code
        from .services import code_for

        return code_for(self.cleaned_data.get("name", ""), besides=self.instance.pk)

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        same = Plan.objects.filter(name__iexact=name).exclude(pk=self.instance.pk)
        if same.exclude(status=Plan.Status.ARCHIVED).exists():
            raise forms.ValidationError(_("Another plan has this name."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in _FEES:
            if data.get(name) is None:
                data[name] = 0
        for low, high in (("download_kbps", "burst_download_kbps"), ("upload_kbps", "burst_upload_kbps")):
            if data.get(low) and data.get(high) and data[high] < data[low]:
                self.add_error(high, _("A burst is at least as fast as the plan."))
        self._check_limit(data)
        if data.get("burst_download_kbps") and not data.get("burst_seconds"):
            self.add_error("burst_seconds", _("Say how long a burst lasts."))
        return data

    def _check_limit(self, data: dict[str, Any]) -> None:
        at_limit = data.get("at_limit")
        if at_limit in (Plan.AtLimit.SLOW, Plan.AtLimit.STOP) and data.get("quota_mb") is None:
            self.add_error("quota_mb", _("Say how much data a period holds, or let nothing happen."))
        if at_limit != Plan.AtLimit.SLOW:
            return
        if not data.get("slow_download_kbps") and not data.get("slow_upload_kbps"):
            self.add_error("slow_download_kbps", _("Say how fast the line is after the limit."))
        for full, slow in (("download_kbps", "slow_download_kbps"), ("upload_kbps", "slow_upload_kbps")):
            if data.get(full) and data.get(slow) and data[slow] >= data[full]:
                self.add_error(slow, _("After the limit it is slower than before."))


class AddOnForm(forms.ModelForm):
    """What an add-on gives, what it costs, and when. What its kind does not use is refused where it was typed."""

    sections = [
        (_("What it is"), ["name", "code", "kind", "status", "description"]),
        (_("Price"), ["price", "every_period", "tax", "tax_inclusive"]),
        (_("What it gives"), ["is_public", "mb", "download_kbps", "upload_kbps", "hours"]),
    ]

    NEEDS = {
        AddOn.Kind.DATA: {"mb": _("Say how much data it adds, in MB.")},
        AddOn.Kind.SPEED: {
            "download_kbps": _("Say how fast the line becomes, in kbit/s."),
            "upload_kbps": _("Say how fast the line becomes, in kbit/s."),
            "hours": _("Say for how many hours the boost lasts."),
        },
        AddOn.Kind.ADDRESS: {},
        AddOn.Kind.SERVICE: {},
    }

    class Meta:
        model = AddOn
        fields = (
            "name", "code", "kind", "status", "description", "price", "every_period", "tax", "tax_inclusive",
            "is_public", "mb", "download_kbps", "upload_kbps", "hours",
        )  # fmt: skip
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        field_classes = {"price": AmountInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.currency = self.instance.currency or current_tenant().currency
        self.fields["tax"].queryset = TaxRate.objects.filter(is_active=True)
        self.fields["code"].required = False
        self.fields["code"].help_text = _("Empty: made from the name.")

    def clean_code(self) -> str:
        code = (self.cleaned_data.get("code") or "").strip()
        if code:
            if AddOn.objects.filter(code=code).exclude(pk=self.instance.pk).exists():
                raise forms.ValidationError(_("Another add-on has this code."))
            return code
        from .services import code_for

        return code_for(self.cleaned_data.get("name", ""), self.instance.pk, AddOn)

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        same = AddOn.objects.filter(name__iexact=name).exclude(pk=self.instance.pk)
        if same.exclude(status=AddOn.Status.ARCHIVED).exists():
            raise forms.ValidationError(_("Another add-on has this name."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not (kind := data.get("kind")):
            return data
        needed = self.NEEDS[AddOn.Kind(kind)]
        for field, remedy in needed.items():
            if not data.get(field) and not self.has_error(field):
                self.add_error(field, remedy)
        for field in ("mb", "download_kbps", "upload_kbps", "hours"):
            if data.get(field) is not None and field not in needed and (kind, field) != (AddOn.Kind.DATA, "hours"):
                self.add_error(field, _("An add-on of this kind has none; leave it empty."))
        if data.get("is_public") and kind != AddOn.Kind.ADDRESS:
            self.add_error("is_public", _("An add-on of this kind has none; leave it empty."))
        if kind == AddOn.Kind.ADDRESS and not data.get("every_period"):
            self.add_error(
                "every_period", _("A fixed address is charged every period, for as long as the line has it.")
            )
        if kind == AddOn.Kind.SPEED and data.get("every_period"):
            self.add_error("every_period", _("A boost is charged once, when it is sold."))
        if kind == AddOn.Kind.DATA and data.get("every_period") and data.get("hours"):
            self.add_error("hours", _("Data sold every period lasts as long as the period; leave this empty."))
        return data


def _clock(hours: Iterable[int]) -> list[tuple[int, str]]:
    return [(hour, f"{hour:02}:00") for hour in hours]


class PlanHoursForm(forms.ModelForm):
    """One window of hours; with another of the plan's it may not overlap."""

    days = forms.TypedMultipleChoiceField(
        label=_("Days"), choices=[(n, WEEKDAYS[n]) for n in range(7)], coerce=int, widget=forms.CheckboxSelectMultiple,
        help_text=_("on which it begins"),
    )  # fmt: skip
    from_hour = forms.TypedChoiceField(label=_("From"), choices=_clock(range(24)), coerce=int)
    to_hour = forms.TypedChoiceField(
        label=_("To"), choices=_clock(range(1, 25)), coerce=int,
        help_text=_("Before the hour it begins at: on the next day."),
    )  # fmt: skip

    class Meta:
        model = PlanHours
        fields = ("days", "from_hour", "to_hour", "download_kbps", "upload_kbps", "free")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not (data.get("download_kbps") or data.get("upload_kbps") or data.get("free")):
            self.add_error("download_kbps", _("Give a speed, or let these hours not count toward the data limit."))
        if data.get("days") and "from_hour" in data and "to_hour" in data:
            self.instance.days, self.instance.from_hour, self.instance.to_hour = (
                data["days"], data["from_hour"], data["to_hour"],
            )  # fmt: skip
            other = self.instance.overlapping()
            if other is not None:
                self.add_error("from_hour", _("The plan has other hours then: %s.") % other)
        return data
