from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger.ipam.models import Pool

from . import services, vendors
from .models import AccessAccount, AccessPolicy, Nas, Pop, RadiusAttribute

_MONO = {"spellcheck": "false", "autocomplete": "off", "autocapitalize": "none"}


class NasForm(forms.ModelForm):
    """A router. Its secret is made up when the field stays empty, and never shown again unasked."""

    new_secret = forms.CharField(
        label=_("New secret"),
        required=False,
        max_length=48,
        widget=forms.TextInput(attrs=_MONO),
        help_text=_("Empty: a strong one is made, or the present one stays."),
    )

    new_api_password = forms.CharField(
        label=_("API password"),
        required=False,
        max_length=60,
        strip=False,
        widget=forms.PasswordInput(attrs=_MONO | {"autocomplete": "new-password"}),
        help_text=_("Empty: the present one stays."),
    )

    sections = [
        (_("Router"), ["name", "kind", "src_ip", "tunnel", "pop", "branch", "capacity", "active", "note"]),
        (_("RADIUS"), ["new_secret", "interim_seconds", "signing", "coa_port"]),
        (_("MikroTik API"), ["api_username", "new_api_password", "api_port", "api_tls"]),
        (_("Who is not served"), ["for_suspended", "for_unknown", "walled_pool", "walled_list", "walled_rate"]),
    ]

    class Meta:
        model = Nas
        fields = [
            "name", "kind", "src_ip", "tunnel", "pop", "branch", "capacity", "active", "note", "interim_seconds", "signing", "coa_port",
            "api_username", "api_port", "api_tls", "for_suspended", "for_unknown", "walled_pool", "walled_list", "walled_rate",
        ]  # fmt: skip

    def save_as(self, actor: Any) -> Nas:
        given = self.cleaned_data
        return services.save_nas(
            self.instance, secret=given["new_secret"], api_password=given["new_api_password"], by=actor
        )


class PopForm(forms.ModelForm):
    """A place where routers stand."""

    sections = [
        (_("Place"), ["name", "branch", "area", "address", "note"]),
        (_("Position"), ["latitude", "longitude"]),
    ]

    class Meta:
        model = Pop
        fields = ["name", "branch", "area", "address", "latitude", "longitude", "note"]

    def save_as(self, actor: Any) -> Pop:
        return services.save_pop(self.instance, by=actor)


class AccountForm(forms.ModelForm):
    """A subscription's network account."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        max_length=60,
        strip=False,
        widget=forms.TextInput(attrs=_MONO),
        help_text=_("Empty: a strong one is made, or the present one stays."),
    )

    sections = [
        (_("Login"), ["kind", "username", "new_password"]),
        (_("Address"), ["static_ip", "pool"]),
        (_("IPv6"), ["prefix6", "delegated6", "pool6"]),
        (_("Local network"), ["vlan"]),
        (_("Limits"), ["learn_mac", "only_mac", "learn_port", "only_port", "only_nas", "devices"]),
    ]

    class Meta:
        model = AccessAccount
        fields = [
            "kind", "username", "static_ip", "pool", "prefix6", "delegated6", "pool6", "vlan", "learn_mac", "only_mac",
            "learn_port", "only_port", "only_nas", "devices",
        ]  # fmt: skip

    def save_as(self, actor: Any) -> AccessAccount:
        return services.save_account(self.instance, password=self.cleaned_data["new_password"], by=actor)


class AttributeForm(forms.ModelForm):
    """An attribute of the tenant's own."""

    class Meta:
        model = RadiusAttribute
        fields = ["name", "value", "kind", "plan", "active", "note"]
        widgets = {"name": forms.TextInput(attrs=_MONO), "value": forms.TextInput(attrs=_MONO)}

    def clean_name(self) -> str:
        if fault := vendors.fault_of_name(self.cleaned_data["name"]):
            raise forms.ValidationError(fault)
        return self.cleaned_data["name"].strip()

    def clean_value(self) -> str:
        if fault := vendors.fault_of_value(self.cleaned_data.get("name", ""), self.cleaned_data["value"]):
            raise forms.ValidationError(fault)
        return self.cleaned_data["value"]

    def save_as(self, actor: Any) -> RadiusAttribute:
        return services.save_attribute(self.instance, by=actor)


class PolicyForm(forms.ModelForm):
    """The tenant's rules for logins."""

    def clean_realms(self) -> list[str] | None:
        return sorted(set(self.cleaned_data["realms"] or ())) or None

    sections = [
        (_("Logins"), ["realms", "by_kind"]),
        (_("Devices"), ["learn_new", "rebind_days"]),
        (_("Password guessing"), ["guess_limit", "guess_minutes", "block_minutes"]),
    ]

    class Meta:
        model = AccessPolicy
        fields = ["realms", "by_kind", "learn_new", "rebind_days", "guess_limit", "guess_minutes", "block_minutes"]


class AcceptForm(forms.Form):
    """How long a session may stay as it is, and why."""

    hours = forms.TypedChoiceField(
        label=_("For how long?"),
        coerce=int,
        choices=[(1, _("1 hour")), (8, _("8 hours")), (24, _("1 day")), (168, _("7 days")), (720, _("30 days"))],
        initial=24,
    )
    why = forms.CharField(label=_("Why?"), max_length=200)


class ReasonForm(forms.Form):
    """Why: kept in the audit log in front of the one who does it."""

    reason = forms.CharField(label=_("Why?"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))


class PoolsForm(forms.Form):
    """The pools a router has."""

    pools = forms.ModelMultipleChoiceField(
        queryset=Pool.objects.all(), label=_("Address pools"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pools: Any = self.fields["pools"]
        pools.queryset = Pool.objects.order_by("name", "first")
        pools.label_from_instance = lambda pool: f"{pool} · {pool.range}"
