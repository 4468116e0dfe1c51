"""What people write in cells, and what they mean by it: pure functions, each per country where countries differ.

Each takes a cell (text, or a date from a workbook's date cell), gives the value, None for an empty cell, or raises Unfit.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import cast

from fiberledger.money import exponent


class Unfit(ValueError):
    """The cell cannot mean what the column says."""


# Marks that copying from chats and web pages leaves in a cell. The joiners U+200C and U+200D stay: Urdu is written with them.
_INVISIBLE = {
    ord(c): None for c in "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad"
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def text(cell: str | date) -> str:
    """One line of tidy text. A formula stays the text it is."""
    if type(cell) is not str:
        return cell.isoformat()  # type: ignore[union-attr]
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", cell.translate(_INVISIBLE))
    if not cell.isprintable():
        cell = _CONTROL.sub("", cell)
    return " ".join(cell.split())


# What people put where they have nothing to say.
NOTHING = frozenset({"", "-", "--", ".", "n/a", "na", "nil", "none", "null", "#n/a", "x", "xx"})


def ascii_digits(value: str) -> str:
    """۰۳۰۰ and ٠٣٠٠ as 0300."""
    if value.isascii():
        return value
    return "".join(
        str(unicodedata.decimal(c)) if not c.isascii() and unicodedata.decimal(c, None) is not None else c
        for c in value
    )


# ---------------------------------------------------------------- money and numbers

_CURRENCY_WORDS = re.compile(
    r"(?i)^(?:rs\.?|pkr|inr|bdt|npr|lkr|kes|kshs?\.?|ngn|ugx|tzs|ghs|zar|usd|eur|gbp|aed|sar|tk\.?|n(?=[\d ])|[₨₹৳₦$€£]|روپے|روپیہ)\s*"
    r"|\s*(?:/[-=]|rs\.?|pkr|inr|bdt|kes|kshs?|ngn|usd|eur|[₨₹৳₦$€£]|روپے|روپیہ)$"
)
_PLAIN = re.compile(r"\d{1,15}(?:\.\d{1,12})?")
_GROUPED = re.compile(r"\d{1,3}(?:([,' \u00a0\u202f])\d{2,3})(?:\1\d{2,3})*(?:\.\d{1,4})?")
_COMMA_DECIMAL = re.compile(r"\d{1,3}(?:\.\d{3})*,\d{1,2}|\d+,\d{1,2}")
_POINT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
LARGEST_AMOUNT = Decimal(10) ** 12


def amount(cell: str | date, currency: str, *, signed: bool = False) -> Decimal | None:
    """An exact amount of the currency: 6,000 and Rs. 5500 and 1000.00, but never 1e9999.

    Signed amounts may be written -1750, (1,750), 1750-, 1750 Cr or 1750 Dr; positive is what is owed to us.
    """
    value = ascii_digits(text(cell)).replace("\u2212", "-").replace("٬", ",").replace("٫", ".")
    if not value or value in ("-", "--"):
        return None
    if type(cell) is not str:
        raise Unfit
    signs = 0  # how often it was said that it is negative; twice is a slip
    negative = False
    lower = value.lower()
    if lower.endswith((" cr", " cr.", " credit")):
        signs, negative, value = signs + 1, True, value.rsplit(" ", 1)[0]
    elif lower.endswith((" dr", " dr.", " debit")):
        signs, value = signs + 1, value.rsplit(" ", 1)[0]
    for _again in range(2):
        value = _CURRENCY_WORDS.sub("", value).strip()
        if value[:1] in ("-", "+"):
            signs, negative, value = signs + 1, negative or value[0] == "-", value[1:].strip()
        elif value[:1] == "(" and value[-1:] == ")":
            signs, negative, value = signs + 1, True, value[1:-1].strip()
    if value[-1:] == "-":
        signs, negative, value = signs + 1, True, value[:-1].strip()
    if signs > 1:
        raise Unfit
    sign = -1 if negative else 1
    result = _number(value)
    if result is None or result >= LARGEST_AMOUNT:
        raise Unfit
    places = exponent(currency)
    rounded = round(result, places)
    if rounded != result and len(value.partition(".")[2]) <= 4:
        raise Unfit  # half a paisa was typed; a longer tail is what a spreadsheet's division leaves
    if sign < 0 and rounded and not signed:
        raise Unfit
    return sign * rounded if rounded else rounded


def _number(value: str) -> Decimal | None:
    if _PLAIN.fullmatch(value):
        return Decimal(value)
    if _GROUPED.fullmatch(value) and _ends_in_three(value):
        return Decimal(re.sub(r"[,' \u00a0\u202f]", "", value))
    if _COMMA_DECIMAL.fullmatch(value):
        return Decimal(value.replace(".", "").replace(",", "."))
    if _POINT_GROUPS.fullmatch(value):
        return Decimal(value.replace(".", ""))
    return None


def _ends_in_three(value: str) -> bool:
    whole = value.partition(".")[0]
    return len(re.split(r"[,' \u00a0\u202f]", whole)[-1]) == 3


def decimal(cell: str | date) -> Decimal | None:
    """A plain number, such as Mbps or days."""
    value = ascii_digits(text(cell))
    if not value:
        return None
    result = _number(value) if type(cell) is str else None
    if result is None:
        raise Unfit
    return result


# ---------------------------------------------------------------- coordinates

_DEGREES = re.compile(r"([NSEW]?)\s*([+-]?\d{1,4}(?:[.,]\d{1,17})?)\s*°?\s*([NSEW]?)", re.IGNORECASE)


class OutOfRange(Unfit):
    """A number, but of no place on Earth."""


def coordinate(cell: str | date, limit: int) -> Decimal | None:
    """Degrees within ±limit (90 for latitude, 180 for longitude), to six places (10 cm)."""
    value = ascii_digits(text(cell)).replace("\u2212", "-")
    if value.lower() in NOTHING:
        return None
    match = _DEGREES.fullmatch(value)
    if not match:
        raise Unfit
    try:
        degrees = Decimal(match[2].replace(",", "."))
    except InvalidOperation:
        raise Unfit from None
    if (match[1] or match[3]).upper() in ("S", "W"):
        degrees = -degrees
    if abs(degrees) > limit:
        raise OutOfRange
    return round(degrees, 6)


# ---------------------------------------------------------------- dates

MONTH_FIRST = frozenset({"US", "FM", "MH", "PW", "PR", "GU", "VI", "AS", "MP", "UM", "PH"})
EARLIEST = date(1980, 1, 1)
_EPOCH = date(1899, 12, 30)  # what Excel counts days from
_MONTHS: dict[str, int] = {}
for _names in (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر",
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "januari februari machi aprili mei juni julai agosti septemba oktoba novemba desemba",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
    "जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
):
    for _number_of_month, _name in enumerate(_names.split(), start=1):
        _MONTHS[_name] = _number_of_month
_MONTHS["sept"] = 9

_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?$")
_NUMERIC = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{4}|\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])(\d{1,2})\2(\d{1,2})")
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ,]*([^\W\d_]+)\.?[-/. ,]*(\d{4}|\d{2})")
_NAMED_FIRST = re.compile(r"([^\W\d_]+)\.?[-/. ]*(\d{1,2})(?:st|nd|rd|th)?[-/. ,]+(\d{4}|\d{2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")


def day(cell: str | date, country: str, *, latest: date, earliest: date = EARLIEST) -> date | None:
    """A date. 07/08/2025 is read as the country reads it, never as whichever reading happens to exist.

    Refused: the 31st of February, days after `latest`, days before `earliest`.
    """
    result: date | None
    if isinstance(cell, str):
        value = ascii_digits(text(cell))
        if not value or value in ("-", "--"):
            return None
        result = _written_day(value, country, latest)
    else:
        result = cast("date", cell)
    if result is None or not earliest <= result <= latest:
        raise Unfit
    return result


def _written_day(value: str, country: str, latest: date) -> date | None:
    value = _TIME.sub("", value)
    try:
        if match := _YEAR_FIRST.fullmatch(value):
            return date(int(match[1]), int(match[3]), int(match[4]))
        if match := _NUMERIC.fullmatch(value):
            if len(match[1]) > 2:
                return None
            first, second, year = int(match[1]), int(match[3]), _year(match[4], latest)
            # Points are European whatever the country: only strokes and dashes are ever month first.
            if country in MONTH_FIRST and match[2] in "/-":
                return date(year, first, second)
            return date(year, second, first)
        if match := _NAMED.fullmatch(value):
            month = _MONTHS.get(match[2].lower())
            return date(_year(match[3], latest), month, int(match[1])) if month else None
        if match := _NAMED_FIRST.fullmatch(value):
            month = _MONTHS.get(match[1].lower())
            return date(_year(match[3], latest), month, int(match[2])) if month else None
        if match := _COMPACT.fullmatch(value):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if re.fullmatch(r"\d{5}(?:\.\d+)?", value):
            return _EPOCH + timedelta(days=int(value.partition(".")[0]))
    except (ValueError, OverflowError):
        return None
    return None


def _year(value: str, latest: date) -> int:
    """26 is 2026. Two digits that would lie ahead are of the last century, and are refused by `earliest`."""
    if len(value) == 4:
        return int(value)
    year = 2000 + int(value)
    return year if year <= latest.year else year - 100


# ---------------------------------------------------------------- on the way out

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def neutral(value: str) -> str:
    """Text that a spreadsheet program shows and never runs: what begins like a formula gets an apostrophe in front.

    A plain number or phone number is left alone: -1750 and +923001234567 calculate nothing.
    """
    if value.startswith(_DANGEROUS) and not _HARMLESS.fullmatch(value):
        return "'" + value
    return value


def original(value: str) -> str:
    """What `neutral` was given: lets a file that we wrote come back without gaining apostrophes."""
    if value[:1] == "'" and value[1:].startswith(_DANGEROUS):
        return value[1:]
    return value


_HARMLESS = re.compile(r"[+-]\d+(?:[.,]\d+)*|-")
