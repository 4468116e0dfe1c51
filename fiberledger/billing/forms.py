from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.catalog.models import Plan, TaxRate
from fiberledger.places.models import Area, Branch

from .models import BillingPolicy
from .services import FURTHEST_AHEAD, Charge


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class PolicyForm(forms.ModelForm):
    sections = [
        (_("Invoices"), ["due_days", "number_prefix", "number_digits", "pay_link"],
         _("Affects every invoice issued from now on; those that were issued stay as they are.")),
        (_("New subscriptions"), ["billing", "cycle", "anchor_day", "first_period", "free_days"],
         _("Affects subscriptions sold from now on; each can be agreed otherwise when it is sold.")),
        (_("Runs"), ["is_automatic", "back_bill", "rounding_step"], _("Affects the next billing run.")),
    ]  # fmt: skip

    class Meta:
        model = BillingPolicy
        fields = [
            "due_days", "number_prefix", "number_digits", "pay_link", "billing", "cycle", "anchor_day", "first_period",
            "free_days", "is_automatic", "back_bill", "rounding_step",
        ]  # fmt: skip


class RunForm(forms.Form):
    """As of which day, and who."""

    as_of = forms.DateField(
        label=_("Bill up to"), widget=_Day(),
        help_text=_("Everything that is due by the end of this day and was not billed yet."),
    )  # fmt: skip
    branch = forms.ModelChoiceField(
        label=_("Branch"), queryset=Branch.objects.none(), required=False, empty_label=_("All branches")
    )
    area = forms.ModelChoiceField(
        label=_("Area"), queryset=Area.objects.none(), required=False, empty_label=_("All areas"),
        help_text=_("With everything below it."),
    )  # fmt: skip
    plan = forms.ModelChoiceField(
        label=_("Plan"), queryset=Plan.objects.none(), required=False, empty_label=_("All plans")
    )
    back_bill = forms.ChoiceField(
        label=_("When months were missed, bill"), choices=BillingPolicy.BackBill.choices,
        help_text=_("A line that was cut off or not billed for a while is never back-billed without your seeing it here."),
    )  # fmt: skip

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        branches, areas = Branch.objects.filter(is_active=True), Area.objects.active().in_tree_order()
        if actor.branch_ids is not None:
            branches = branches.filter(pk__in=actor.branch_ids)
        if actor.area_ids is not None:
            areas = areas.filter(pk__in=actor.area_ids)
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
        self.fields["area"].queryset = areas  # type: ignore[attr-defined]
        self.fields["area"].label_from_instance = lambda area: area.full_name  # type: ignore[attr-defined]
        self.fields["plan"].queryset = Plan.objects.exclude(status=Plan.Status.DRAFT)  # type: ignore[attr-defined]

    def clean_as_of(self) -> Any:
        as_of = self.cleaned_data["as_of"]
        if as_of > calendar.today() + FURTHEST_AHEAD:
            raise forms.ValidationError(_("Bills can't be made more than two months ahead."))
        if as_of < calendar.today() - timedelta(days=366):
            raise forms.ValidationError(_("This is more than a year ago."))
        return as_of

    @property
    def scope(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name].pk for name in ("branch", "area", "plan") if self.cleaned_data[name]}

    @property
    def label(self) -> str:
        return " · ".join(
            str(self.cleaned_data[name]) for name in ("branch", "area", "plan") if self.cleaned_data[name]
        )


class VoidForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=300, min_length=3, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Stays on the invoice and in the audit log."),
    )  # fmt: skip
    release_payments = forms.BooleanField(
        label=_("Release what was paid on it"), required=False,
        help_text=_("The money pays other open invoices, oldest first, or waits as advance."),
    )  # fmt: skip
    bill_again = forms.BooleanField(
        label=_("Bill this period again in the next run"), required=False,
        help_text=_("Possible for the newest invoice of a subscription."),
    )  # fmt: skip

    def __init__(self, *args: Any, invoice: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not invoice.settled_amount:
            del self.fields["release_payments"]
        if invoice.kind != "regular":
            del self.fields["bill_again"]


class ManualForm(forms.Form):
    due_on = forms.DateField(label=_("Due"), widget=_Day())
    note = forms.CharField(label=_("Note on the invoice"), max_length=300, required=False)
    again = forms.BooleanField(label=_("Yes, issue one more invoice"), required=False, widget=forms.HiddenInput)

    def warn(self, text: str) -> None:
        """One just like it was issued a moment ago: a second click, or a second invoice? Ticking the box says which."""
        self.fields["again"].widget = forms.CheckboxInput(attrs={"class": "check"})
        self.add_error(None, text)


class ChargeForm(forms.Form):
    text = forms.CharField(label=_("What for"), max_length=200)
    quantity = forms.DecimalField(
        label=_("Quantity"), min_value=Decimal("0.0001"), max_digits=12, decimal_places=4, initial=1
    )
    unit_price = forms.DecimalField(label=_("Price"), min_value=0, max_digits=16, decimal_places=4)
    tax = forms.ModelChoiceField(
        label=_("Tax"), queryset=TaxRate.objects.none(), required=False, empty_label=_("No tax")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax"].queryset = TaxRate.objects.filter(is_active=True)  # type: ignore[attr-defined]

    @property
    def charge(self) -> Charge:
        given = self.cleaned_data
        tax = given["tax"]
        return Charge(
            given["text"],
            given["unit_price"],
            given["quantity"],
            tax.percent if tax else Decimal(0),
            tax.name if tax else "",
        )


Charges = forms.formset_factory(ChargeForm, extra=2, min_num=1, max_num=30, validate_min=True)
