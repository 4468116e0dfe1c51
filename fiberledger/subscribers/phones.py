"""Phone numbers: kept as E.164, read and shown as the country writes them. Knows no database."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

# Regulators hand out prefixes faster than number tables follow (Pakistan's 033x is in use and in no table), so a
# mobile number needs only the shape that its country gives all mobiles.
_MOBILE = {
    "PK": re.compile(r"3\d{9}"),
    "KE": re.compile(r"[71]\d{8}"),
    "IN": re.compile(r"[6-9]\d{9}"),
    "BD": re.compile(r"1[3-9]\d{8}"),
    "NG": re.compile(r"[789][01]\d{8}"),
    "UG": re.compile(r"7\d{8}"),
    "TZ": re.compile(r"[67]\d{8}"),
    "NP": re.compile(r"9[678]\d{8}"),
    "LK": re.compile(r"7\d{8}"),
    "AF": re.compile(r"7\d{8}"),
}

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_PLAUSIBLE = re.compile(r"[+\d\s().\-/]+")
_NOT_DIGIT = re.compile(r"\D")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class NotAPhone(ValueError):
    """The text is no phone number of the country, nor an international one."""


@lru_cache(maxsize=20_000)
def normalise(text: object, country: str) -> str:
    """Any spelling of a number to E.164: «0300-123 4567», «923001234567» and «300 1234567» are one.

    Raises NotAPhone. Letters are refused, not read as a vanity number; spreadsheet leftovers ("3001234567.0", "'03001234567") are
    read.
    """
    raw = _INVISIBLE.sub("", str(text if text is not None else "")).translate(_DIGITS).strip().removeprefix("'")
    if re.fullmatch(r"\d+\.0", raw):
        raw = raw[:-2]
    if not raw or not _PLAUSIBLE.fullmatch(raw):
        raise NotAPhone(raw)
    if raw.startswith("00"):
        raw = "+" + raw[2:]
    if mobile := _plain_mobile(raw, country):
        return mobile
    try:
        number = phonenumbers.parse(raw, country)
    except NumberParseException as error:
        raise NotAPhone(raw) from error
    if not _is_real(number) and not raw.startswith("+"):
        # «923001234567»: the country's own code without its plus.
        try:
            number = phonenumbers.parse("+" + raw.lstrip("0 "), country)
        except NumberParseException as error:
            raise NotAPhone(raw) from error
        if number.country_code != phonenumbers.country_code_for_region(country):
            raise NotAPhone(raw)
    if not _is_real(number) or number.extension:
        raise NotAPhone(raw)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


_calling_code = lru_cache(phonenumbers.country_code_for_region)


def _plain_mobile(raw: str, country: str) -> str | None:
    """The country's own mobiles in their everyday spellings, without asking the number tables: an import reads 100,000."""
    shape = _MOBILE.get(country)
    if shape is None or "+" in raw[1:]:
        return None
    digits, code = _NOT_DIGIT.sub("", raw), str(_calling_code(country))
    if raw.startswith("+"):
        national = digits[len(code) :] if digits.startswith(code) else ""
    elif digits.startswith("0"):
        national = digits[1:]
    elif shape.fullmatch(digits):
        national = digits
    else:
        national = digits[len(code) :] if digits.startswith(code) else ""
    return f"+{code}{national}" if shape.fullmatch(national) else None


def _is_real(number: phonenumbers.PhoneNumber) -> bool:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    shape = _MOBILE.get(region)
    if shape and shape.fullmatch(str(number.national_number)) and not number.italian_leading_zero:
        return True
    return phonenumbers.is_valid_number(number)


@lru_cache(maxsize=50_000)
def show(e164: str, country: str | None = None) -> str:
    """The number as its country writes it; with `country`, a foreign one is shown with its code."""
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return e164
    abroad = country and number.country_code != phonenumbers.country_code_for_region(country)
    shape = PhoneNumberFormat.INTERNATIONAL if abroad else PhoneNumberFormat.NATIONAL
    national = str(number.national_number)
    if not abroad and number.country_code == 92 and _MOBILE["PK"].fullmatch(national):
        return f"0{national[:3]} {national[3:]}"
    return phonenumbers.format_number(number, shape)


def wa_me(e164: str) -> str:
    """The digits that wa.me links want."""
    return e164.lstrip("+")
