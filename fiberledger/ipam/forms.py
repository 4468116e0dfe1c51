from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import OVER
from fiberledger.subscriptions.models import Subscription

from . import services
from .fields import AddressFormField
from .models import CgnatRule, Holding, Pool, Prefix, Vlan, Vrf


class VrfForm(forms.ModelForm):
    class Meta:
        model = Vrf
        fields = ["name", "rd", "description"]


class VlanForm(forms.ModelForm):
    class Meta:
        model = Vlan
        fields = ["number", "name", "branch", "description"]


class CgnatRuleForm(forms.ModelForm):
    """A rule of CGNAT. The outside addresses are shared by blocks of ports, in order."""

    class Meta:
        model = CgnatRule
        fields = ["inside", "outside", "ports", "first_port", "note"]

    def save_as(self, actor: Any) -> CgnatRule:
        return services.save_rule(self.instance, by=actor)


class PrefixForm(forms.ModelForm):
    """A prefix. What it is called (network and VRF) is settled when it is added."""

    sections = [
        (_("Network"), ["network", "vrf", "role", "description"]),
        (_("Where"), ["branch", "vlan"]),
        (_("Told to hosts"), ["gateway", "dns"]),
    ]

    class Meta:
        model = Prefix
        fields = ["network", "vrf", "role", "vlan", "branch", "gateway", "dns", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vrf: Any = self.fields["vrf"]
        vrf.required = False
        vrf.empty_label = _now("Main")
        vrf.queryset = Vrf.objects.filter(is_main=False)
        if self.instance.pk:
            vrf.queryset = Vrf.objects.all()
            self.fields["network"].disabled = vrf.disabled = True

    def clean_vrf(self) -> Vrf:
        return self.cleaned_data["vrf"] or services.main_vrf()

    def save_as(self, actor: Any) -> Prefix:
        return services.save_prefix(self.instance, by=actor)


class PoolForm(forms.ModelForm):
    class Meta:
        model = Pool
        fields = ["name", "kind", "prefix", "first", "last", "length", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prefix = (
            Prefix.objects.filter(pk=self.initial["prefix"]).first() if _is_key(self.initial.get("prefix")) else None
        )
        if prefix is not None and not self.instance.pk:
            first, last = services.free_range(prefix)
            self.initial.setdefault("first", first)
            self.initial.setdefault("last", last)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        prefix = given.get("prefix")
        for name in ("first", "last"):
            address = given.get(name)
            if prefix is not None and address is not None and address not in prefix.network:
                self.add_error(
                    name, _("%(address)s is not in %(network)s.") % {"address": address, "network": prefix.network}
                )
        return given

    def save_as(self, actor: Any) -> Pool:
        return services.save_pool(self.instance, by=actor)


def _is_key(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) < 19)


class LineChoice(forms.ModelChoiceField):
    """A subscriber's line, by its plan and state."""

    def label_from_instance(self, line: Subscription) -> str:
        return f"{line.label or line.plan} · {line.get_status_display()}"


class AssignForm(forms.Form):
    """An address for a line, or for something else that is named."""

    subscriber = forms.ModelChoiceField(
        queryset=Subscriber.objects.none(), label=_("For which subscriber?"), required=False
    )
    line = LineChoice(
        queryset=Subscription.objects.none(), label=_("Which line?"), required=False,
        help_text=_("Only where there are several."),
    )  # fmt: skip
    purpose = forms.CharField(
        label=_("Or for what?"), max_length=120, required=False, help_text=_("e.g. OLT Kasur, mail server")
    )
    address = AddressFormField(label=_("Address"), required=False, help_text=_("Empty: the next free one."))

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subscribers: Any = self.fields["subscriber"]
        subscribers.queryset = Subscriber.objects.visible_to(actor)
        asked = self.data.get("subscriber") or self.initial.get("subscriber")
        lines: Any = self.fields["line"]
        lines.widget.attrs["data-with"] = "subscriber"
        if _is_key(asked):
            lines.queryset = (
                Subscription.objects.filter(subscriber_id=asked).exclude(status__in=OVER).select_related("plan")
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        subscriber = given.get("subscriber")
        if subscriber is not None and given.get("line") is None:
            lines = list(self.fields["line"].queryset[:2])  # type: ignore[attr-defined]
            if len(lines) == 1:
                given["line"] = lines[0]
            else:
                self.add_error("line", _("There are several lines: choose one.") if lines else _("There is no line."))
        elif subscriber is None and not given.get("purpose"):
            self.add_error("subscriber", _("Choose a subscriber, or say what for."))
        return given

    def save_as(self, actor: Any, prefix: Prefix, pool: Pool | None = None) -> Holding:
        given = self.cleaned_data
        return services.assign(
            subscription=given.get("line"), purpose=given["purpose"], address=given["address"], prefix=prefix, pool=pool,
            by=actor,
        )  # fmt: skip


class ReserveForm(forms.Form):
    """An address that is given to nobody, and why."""

    purpose = forms.CharField(label=_("What for?"), max_length=120)
    address = AddressFormField(label=_("Address"), required=False, help_text=_("Empty: the next free one."))

    def save_as(self, actor: Any, prefix: Prefix, pool: Pool | None = None) -> Holding:
        given = self.cleaned_data
        return services.reserve(purpose=given["purpose"], address=given["address"], prefix=prefix, pool=pool, by=actor)


class SplitForm(forms.Form):
    """Into how long prefixes."""

    length = forms.TypedChoiceField(label=_("Into prefixes of"), coerce=int)

    def __init__(self, *args: Any, prefix: Prefix, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        net = prefix.network
        self.fields["length"].choices = [  # type: ignore[attr-defined]
            (length, f"/{length} × {1 << (length - net.prefixlen)}")
            for length in range(net.prefixlen + 1, min(net.prefixlen + 8, net.max_prefixlen) + 1)
        ]


class WhyForm(forms.Form):
    """Why: kept with the address."""

    why = forms.CharField(label=_("Why?"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
