"""How amounts are asked for on a page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from fiberledger.tenancy import current_tenant

from .money import exponent, round_to
from .typed import Ambiguous, shown, too_fine, typed


class AmountInput(forms.DecimalField):
    """An amount in the tenant's currency, as people type it. More digits than the currency has coins are refused, and so
    is what could mean two amounts."""

    widget = forms.TextInput

    def __init__(self, *, max_digits: int = 20, decimal_places: int = 4, **kwargs: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=decimal_places, **kwargs)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"inputmode": "decimal", "autocomplete": "off"}

    def to_python(self, value: Any) -> Decimal | None:
        if isinstance(value, str) and (text := value.strip()):
            try:
                value = typed(text, exponent(current_tenant().currency))
            except Ambiguous:
                raise ValidationError(_("Write the amount plainly, such as 1500 or 1500.50."), code="invalid") from None
        return super().to_python(value)

    def validate(self, value: Any) -> None:
        super().validate(value)
        currency = current_tenant().currency
        if value is not None and value.is_finite() and abs(value) < 10**16 and value != round_to(value, currency):
            raise ValidationError(too_fine(currency), code="too_fine")

    def prepare_value(self, value: Any) -> Any:
        return shown(value, current_tenant().currency) if isinstance(value, Decimal) else value
