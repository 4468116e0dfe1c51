from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger.money.forms import AmountInput
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import current_tenant

from .models import Plan, TaxRate

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
                "quota_mb",
            ],
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
        if data.get("burst_download_kbps") and not data.get("burst_seconds"):
            self.add_error("burst_seconds", _("Say how long a burst lasts."))
        return data
