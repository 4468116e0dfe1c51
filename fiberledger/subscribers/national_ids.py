"""National identity numbers, by country: CNIC in Pakistan, Aadhaar in India, and so on. Knows no database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_NOISE = re.compile(r"[\s\-.\u200b-\u200f\ufeff]")


class NotAnId(ValueError):
    """The text is no identity number of the country."""


@dataclass(frozen=True, slots=True)
class Kind:
    label: str
    shape: re.Pattern[str]
    example: str
    show: Callable[[str], str]
    check: Callable[[str], bool] = lambda digits: True


_VERHOEFF_D = [
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
]
_VERHOEFF_P = [
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
]


def _verhoeff(digits: str) -> bool:
    check = 0
    for index, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[index % 8][int(digit)])])
    return check == 0


KINDS: dict[str, Kind] = {
    "PK": Kind(
        "CNIC",
        re.compile(r"\d{13}"),
        "35202-1234567-1",
        lambda d: f"{d[:5]}-{d[5:12]}-{d[12]}",
    ),
    "IN": Kind(
        "Aadhaar", re.compile(r"[2-9]\d{11}"), "2345 6789 0124", lambda d: f"{d[:4]} {d[4:8]} {d[8:]}", _verhoeff
    ),
    "BD": Kind("NID", re.compile(r"\d{10}|\d{13}|\d{17}"), "1234567890", lambda d: d),
    "KE": Kind("ID number", re.compile(r"\d{6,9}"), "12345678", lambda d: d),
}
_ANY = Kind("ID number", re.compile(r"[0-9A-Z/]{4,30}"), "", lambda d: d)


def kind(country: str) -> Kind:
    return KINDS.get(country, _ANY)


def normalise(text: object, country: str) -> str:
    """Only the characters that count: «35202-1234567-1» and «3520212345671» are one. Empty stays empty.

    Raises NotAnId.
    """
    raw = str(text if text is not None else "").translate(_DIGITS).strip()
    if re.fullmatch(r"\d+\.0", raw):
        raw = raw[:-2]
    raw = _NOISE.sub("", raw).upper()
    if not raw:
        return ""
    rule = kind(country)
    if not rule.shape.fullmatch(raw) or not rule.check(raw):
        raise NotAnId(raw)
    return raw


def show(stored: str, country: str) -> str:
    """As the card prints it."""
    rule = kind(country)
    return rule.show(stored) if stored and rule.shape.fullmatch(stored) else stored


def mask(stored: str) -> str:
    """For those who may not see it: the last three only."""
    return "•" * max(len(stored) - 3, 0) + stored[-3:] if stored else ""
