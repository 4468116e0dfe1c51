from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.money import Money
from fiberledger.money.forms import AmountInput
from fiberledger.money.typed import shown

from .models import Method, PaymentPolicy

_AMOUNT = {"class": "in big-amount"}


def plain(amount: Decimal | None) -> str:
    """A stored number without the zeros nobody typed."""
    return "" if amount is None else f"{Decimal(amount).normalize():f}"


class PaymentForm(forms.Form):
    """Amount, method, and what may be left as it is."""

    amount = AmountInput(label=_("Amount"), widget=forms.TextInput(attrs=_AMOUNT))
    method = forms.ChoiceField(
        label=_("Method"),
        choices=Method.choices,
        initial=Method.CASH,
        widget=forms.RadioSelect(attrs={"class": "check"}),
    )
    received_on = forms.DateField(
        label=_("Received on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reference = forms.CharField(
        label=_("Reference"), max_length=80, required=False, help_text=_("Cheque or transfer number.")
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)
    invoices = forms.TypedMultipleChoiceField(
        label=_("Settle only these invoices"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    again = forms.BooleanField(label=_("Yes, record one more payment"), required=False)
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, currency: str, owed: Decimal, key: UUID, open_invoices: list, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["key"].initial = key
        self.fields["received_on"].initial = calendar.today()
        self.fields["received_on"].widget.attrs["max"] = calendar.today().isoformat()
        if owed > 0:
            self.fields["amount"].initial = shown(owed, currency)
        self.fields["amount"].widget.attrs |= {"autofocus": True, "data-select": ""}
        self.fields["invoices"].choices = [(invoice.id, invoice.number) for invoice in open_invoices]
        self.earlier: Any = None

    def clean_reference(self) -> str:
        return self.cleaned_data["reference"].strip()

    @property
    def money(self) -> Money:
        return Money(self.cleaned_data["amount"], self.currency)

    def particulars(self) -> dict[str, Any]:
        """What record_payment is told."""
        cleaned = self.cleaned_data
        return {
            "method": cleaned["method"],
            "key": cleaned["key"],
            "received_on": cleaned["received_on"],
            "reference": cleaned["reference"],
            "note": cleaned["note"].strip(),
            "invoices": cleaned["invoices"] or None,
        }


class ReversalForm(forms.Form):
    reason = forms.CharField(
        label=_("Why is it reversed?"),
        max_length=200,
        min_length=3,
        help_text=_("It stands on the receipt and in the audit log."),
    )


class ClosingForm(forms.Form):
    """What was counted. `seen` is what the page said should be there."""

    counted = AmountInput(label=_("Cash counted"), min_value=0, widget=forms.TextInput(attrs=_AMOUNT))
    note = forms.CharField(label=_("Note"), max_length=300, required=False)
    seen = forms.DecimalField(widget=forms.HiddenInput, required=False)


class PaymentPolicyForm(forms.ModelForm):
    sections = [
        (_("Receipts"), ["receipt_prefix", "receipt_digits"]),
        (_("At the counter"), ["allow_advance", "largest", "back_days", "future_days"]),
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["largest"] = plain(self.instance.largest)

    class Meta:
        model = PaymentPolicy
        fields = ["receipt_prefix", "receipt_digits", "allow_advance", "largest", "back_days", "future_days"]
