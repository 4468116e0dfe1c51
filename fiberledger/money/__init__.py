"""Money: an exact amount in one currency.

Owns: Money, rounding to a currency's own exponent, and how an amount is shown.
Verbs: round_to, exponent, symbol, show. No tables, no events.
"""

from .fields import AmountField
from .money import MixedCurrencies, Money, exponent, round_to, show, symbol

__all__ = ["AmountField", "MixedCurrencies", "Money", "exponent", "round_to", "show", "symbol"]
