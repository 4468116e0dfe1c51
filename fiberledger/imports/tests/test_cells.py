"""What people write in cells, and what they mean."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.imports import cells
from fiberledger.imports.cells import Unfit

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6,000", "6000"), ("Rs. 5500", "5500"), ("Rs 5,500.50", "5500.50"), ("1000.00", "1000"), ("PKR 1,00,000", "100000"),
        ("1 500", "1500"), ("1.234.567", "1234567"), ("1.234,50", "1234.50"), ("1500/-", "1500"), ("₨ 2200", "2200"),
        ("۱۵۰۰", "1500"), ("1166.6666666667", "1166.67"), ("0", "0"), ("+750", "750"), ("Rs.1500/=", "1500"),
    ],
)  # fmt: skip
def test_amounts(written, meant):
    assert cells.amount(written, "PKR") == Decimal(meant)


@pytest.mark.parametrize(
    "written",
    ["-500", "free", "1e9999", "1e3", "NaN", "Infinity", "0x10", "12,34,5", "1.005", "--5", "five", "9" * 16, "500 60"],
)
def test_what_is_no_fee(written):
    with pytest.raises(Unfit):
        cells.amount(written, "PKR")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("-1750", "-1750"),
        ("(1,750)", "-1750"),
        ("1750-", "-1750"),
        ("1750 Cr", "-1750"),
        ("1,750 Dr", "1750"),
        ("Rs. -500", "-500"),
        ("\u2212500", "-500"),
    ],
)
def test_balances_with_a_sign(written, meant):
    assert cells.amount(written, "PKR", signed=True) == Decimal(meant)


def test_empty_amounts_are_none():
    for written in ("", "  ", "-", "--"):
        assert cells.amount(written, "PKR") is None


def test_amounts_keep_to_the_currency():
    assert cells.amount("1500", "JPY") == 1500
    with pytest.raises(Unfit):
        cells.amount("1500.5", "JPY")
    assert cells.amount("1.125", "KWD") == Decimal("1.125")


@pytest.mark.parametrize(
    "written",
    ["2026-08-28", "28.08.2026", "28/08/2026", "28-08-2026", "28-Aug-26", "28 August 2026", "28th Aug 2026", "Aug 28, 2026", "28/8/26",
     "2026/08/28", "20260828", "46262", "46262.75", "2026-08-28 00:00:00", "2026-08-28T13:05:00Z", "28 اگست 2026", "۲۸/۰۸/۲۰۲۶"],
)  # fmt: skip
def test_dates_of_a_country_that_writes_the_day_first(written):
    assert cells.day(written, "PK", latest=TODAY) == date(2026, 8, 28)


def test_a_slashed_date_is_read_as_the_country_reads_it():
    assert cells.day("07/08/2025", "PK", latest=TODAY) == date(2025, 8, 7)
    assert cells.day("07/08/2025", "US", latest=TODAY) == date(2025, 7, 8)
    assert cells.day("07.08.2025", "US", latest=TODAY) == date(2025, 8, 7)
    with pytest.raises(Unfit):  # not guessed the other way round
        cells.day("08/25/2025", "PK", latest=TODAY)


@pytest.mark.parametrize(
    "written",
    [
        "31/02/2026",
        "2030-01-01",
        "yesterday",
        "2026-11-21",
        "1969-01-01",
        "0/0/0",
        "32.01.2025",
        "2026-13-01",
        "99999",
        "12",
        "01-Jan-30",
    ],
)
def test_days_that_never_were_or_are_to_come(written):
    with pytest.raises(Unfit):
        cells.day(written, "PK", latest=TODAY)


@given(st.dates(min_value=cells.EARLIEST, max_value=TODAY))
def test_every_day_is_read_back_however_it_is_written(when):
    for pattern in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d-%b-%Y", "%d %B %Y"):
        assert cells.day(when.strftime(pattern), "PK", latest=TODAY) == when
    serial = (when - date(1899, 12, 30)).days
    assert cells.day(str(serial), "PK", latest=TODAY) == when
    assert cells.day(when, "PK", latest=TODAY) == when
    if when > TODAY - timedelta(days=365 * 20):
        assert cells.day(when.strftime("%d-%b-%y"), "PK", latest=TODAY) == when


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("31.372200", "31.3722"),
        ("31,3722", "31.3722"),
        ("31.3722° N", "31.3722"),
        ("S 1.29", "-1.29"),
        ("-1.29", "-1.29"),
    ],
)
def test_coordinates(written, meant):
    assert cells.coordinate(written, 90) == Decimal(meant)


def test_coordinates_of_no_place():
    with pytest.raises(cells.OutOfRange):
        cells.coordinate("131.0", 90)
    for written in ("north", "31.5, 74.3", "1e5"):
        with pytest.raises(Unfit):
            cells.coordinate(written, 180)


def test_text_is_tidied_but_never_changed_in_meaning():
    assert cells.text("  Asha \t\n Bano \u200f") == "Asha Bano"
    assert cells.text("=cmd|calc!A1") == "=cmd|calc!A1"
    assert cells.text("می\u200cروم") == "می\u200cروم"  # the joiner is part of the word
    assert cells.text("a\x00b\x07c") == "abc"


@pytest.mark.parametrize(
    "value", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0", "+92-300-1234567"]
)
def test_what_looks_like_a_formula_is_made_harmless(value):
    assert cells.neutral(value) == "'" + value


@pytest.mark.parametrize("value", ["-1750", "+923001234567", "-", "1500", "Asha", "31.5", "-0.5", "'tis"])
def test_what_calculates_nothing_is_left_alone(value):
    assert cells.neutral(value) == value


@given(st.text(max_size=40))
def test_neutral_text_comes_back_as_it_was(value):
    shown = cells.neutral(value)
    assert not (
        shown[:1] in ("=", "@", "\t", "\r") or (shown[:1] in "+-" and shown and not cells._HARMLESS.fullmatch(shown))
    )
    if not (value[:1] == "'" and value[1:2] in ("=", "+", "-", "@", "\t", "\r")):
        assert cells.original(shown) == value
