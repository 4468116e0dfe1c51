from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from babel.numbers import get_currency_precision, get_currency_symbol

# Where a currency is at home its sign is the short one people write there in English: Rs, Ksh, ₹.
_HOME = {
    "PKR": "PK", "KES": "KE", "INR": "IN", "UGX": "UG", "TZS": "TZ", "NGN": "NG", "GHS": "GH", "ZAR": "ZA", "PHP": "PH",
    "IDR": "ID", "AED": "AE", "USD": "US", "GBP": "GB", "EUR": "IE",
}  # fmt: skip
# And where no table of English as it is written there says so.
_SIGN = {"BDT": "Tk", "NPR": "Rs", "LKR": "Rs", "MXN": "$"}


class MixedCurrencies(TypeError):
    """Two amounts of different currencies met in one sum."""


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Digits after the point that the currency is paid in (ISO 4217 minor unit): PKR 2, JPY 0, KWD 3."""
    return get_currency_precision(currency)


@lru_cache(maxsize=256)
def _quantum(currency: str) -> Decimal:
    return Decimal(1).scaleb(-exponent(currency))


def round_to(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's minor unit, as a shopkeeper does."""
    return amount.quantize(_quantum(currency), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency. Floats and mixed currencies are TypeErrors."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, int) and not isinstance(self.amount, bool):
            object.__setattr__(self, "amount", Decimal(self.amount))
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"money is Decimal, not {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise TypeError("money is finite")
        if len(self.currency) != 3 or not self.currency.isupper():
            raise TypeError(f"{self.currency!r} is no ISO 4217 currency code")

    @classmethod
    def of(cls, text: str | int | Decimal, currency: str) -> Money:
        if isinstance(text, float):
            raise TypeError("money is Decimal, not float")
        return cls(Decimal(text), currency)

    def _same(self, other: Any) -> Decimal:
        if not isinstance(other, Money):
            raise TypeError(f"money does not mix with {type(other).__name__}")
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency}")
        return other.amount

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __radd__(self, other: Any) -> Money:
        if other == 0:  # sum() starts from 0
            return self
        return NotImplemented

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        if isinstance(factor, float):
            raise TypeError("multiply money by Decimal or int, not float")
        return Money(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.currency} {self.amount}"

    def rounded(self) -> Money:
        return Money(round_to(self.amount, self.currency), self.currency)

    def split(self, *weights: int | Decimal) -> list[Money]:
        """Share out every minor unit by weight: parts add up to the whole, earlier parts take the odd cents."""
        total = sum(weights)
        if total <= 0 or any(weight < 0 for weight in weights):
            raise ValueError("weights are positive and at least one is not zero")
        quantum = _quantum(self.currency)
        units = int(self.rounded().amount / quantum)
        sign = -1 if units < 0 else 1
        shares = [int(abs(units) * weight / total) for weight in weights]
        for index in range(abs(units) - sum(shares)):
            shares[index % len(shares)] += 1
        return [Money(sign * share * quantum, self.currency) for share in shares]


@lru_cache(maxsize=256)
def symbol(currency: str) -> str:
    """The sign its own readers write: Rs, Ksh, $; the code where there is none."""
    if currency in _SIGN:
        return _SIGN[currency]
    home = _HOME.get(currency)
    return get_currency_symbol(currency, locale=f"en_{home}" if home else "en")


def show(money: Money) -> str:
    """The amount as a reader writes it, in the currency's own digits: «Rs 1,500.00». Digits are Latin in every language."""
    sign = "-" if money.amount < 0 else ""
    return f"{sign}{symbol(money.currency)} {abs(money.amount):,.{exponent(money.currency)}f}"
