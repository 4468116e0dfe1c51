"""Amounts as people type them."""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.translation import gettext as _

from .money import exponent, round_to

_AS_LATIN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789.,")
_SPACES = re.compile("[\\s\u00a0\u202f']")
_GROUPS = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{2,3}})*{re.escape(mark)}\d{{3}}") for mark in ",."}


class Ambiguous(ValueError):
    """It is no amount, or could be read as two different ones."""


def typed(text: str, digits: int) -> Decimal:
    """«1500», «1,500.50», «1.500,50», «1 50 000» and «۱۵۰۰» as the amount that is meant, in a currency with so many
    digits after the point. What could mean two amounts, such as «1.500» in rupees, raises Ambiguous: a decimal comma read
    as a thousands mark makes a hundred times the money.
    """
    plain = _SPACES.sub("", text.translate(_AS_LATIN))
    sign = -1 if plain[:1] in ("-", "\u2212") else 1
    plain = plain[1:] if sign < 0 else plain
    if not re.fullmatch(r"[0-9]+(?:[.,][0-9]+)*", plain):
        raise Ambiguous
    last = max(plain.rfind(","), plain.rfind("."))
    if last < 0:
        return sign * Decimal(plain)
    mark, head, tail = plain[last], plain[:last], plain[last + 1 :]
    other = "," if mark == "." else "."
    if mark in head or (mark == "," and len(tail) == 3):  # a thousands mark, and no decimals
        if other in plain or not _GROUPS[mark].fullmatch(plain):
            raise Ambiguous
        return sign * Decimal(plain.replace(mark, ""))
    if len(tail) == 3 and digits < 3 and other not in head:
        raise Ambiguous
    if other in head and not _GROUPS[other].fullmatch(head):
        raise Ambiguous
    if mark == "," and len(tail) > 3:
        raise Ambiguous
    return sign * Decimal(f"{head.replace(other, '')}.{tail}")


def too_fine(currency: str) -> str:
    """Why an amount with more digits than the currency has coins is refused."""
    digits = exponent(currency)
    if digits == 0:
        return _("%s has no smaller unit: enter a whole amount.") % currency
    return _("%(currency)s is paid with at most %(digits)d digits after the point.") % {
        "currency": currency,
        "digits": digits,
    }


def shown(amount: Decimal, currency: str) -> str:
    """An amount to be typed over: no separators, and decimals only where there are any."""
    if amount != round_to(amount, currency):
        return f"{amount.normalize():f}"
    text = f"{amount:.{exponent(currency)}f}"
    return text.removesuffix("." + "0" * exponent(currency))
