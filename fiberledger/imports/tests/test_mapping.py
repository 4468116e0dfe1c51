"""Columns are guessed from what they are called, in several languages, and then from what is in them."""

from __future__ import annotations

import pytest

from fiberledger.imports import mapping
from fiberledger.onboarding.fields import SUBSCRIBER_FIELDS

ROW = ["C-1", "Asha", "0300-1234567", "Lahore", "Model Town", "House 1", "Home 20M", "2,200"]
ALL = {"number", "name", "phone", "city", "area", "address", "plan", "fee"}


@pytest.mark.parametrize(
    "header",
    [
        ["Customer ID", "Full Name", "Mobile No.", "City", "Area", "Address", "Package", "Monthly Fee"],
        ["ID", "CUSTOMER_NAME", "cell#", "Town", "Mohalla", "Full Address", "pkg", "Rent"],
        ["کسٹمر نمبر", "نام", "موبائل نمبر", "شہر", "علاقہ", "پتہ", "پیکج", "ماہانہ فیس"],
        ["رقم العميل", "الاسم", "الجوال", "المدينة", "المنطقة", "العنوان", "الباقة", "الرسوم"],
        ["Account No", "Jina", "Simu", "Mji", "Eneo", "Anwani", "Kifurushi", "Ada"],
    ],
)
def test_headers_in_the_languages_of_the_trade(header):
    columns = mapping.name_columns(header)
    found = mapping.guess(columns, [ROW] * 5, SUBSCRIBER_FIELDS, "PK")
    assert {code: columns.index(column) for code, column in found.items()} == dict(
        zip(["number", "name", "phone", "city", "area", "address", "plan", "fee"], range(8), strict=True)
    )


def test_a_phone_without_a_word_is_known_by_its_digits():
    found = mapping.guess(["A", "B"], [["Asha", "0300-1234567"]] * 4, SUBSCRIBER_FIELDS, "PK")
    assert found == {"phone": "B"}


def test_a_word_that_its_cells_belie_is_not_believed():
    found = mapping.guess(["Contact", "Mobile"], [["Mr. Khan", "0300-1234567"]] * 4, SUBSCRIBER_FIELDS, "PK")
    assert found["phone"] == "Mobile"


def test_no_column_is_used_twice():
    found = mapping.guess(["Phone", "Name"], [["0300-1234567", "Asha"]] * 4, SUBSCRIBER_FIELDS, "PK")
    assert len(set(found.values())) == len(found)


def test_duplicate_and_missing_headers_get_names_of_their_own():
    assert mapping.name_columns(["Phone", "Phone", "", " phone  no ", "Phone"]) == [
        "Phone",
        "Phone (2)",
        "Column C",
        "phone no",
        "Phone (3)",
    ]


def test_the_header_is_found_below_a_title():
    rows = [
        (1, ["Bright ISP", "", ""]),
        (2, ["Printed on", "2026-08-01"]),
        (4, ["Name", "Mobile", "Area"]),
        (5, ["Asha", "0300-1234567", "Model Town"]),
    ]
    assert mapping.find_header(rows, SUBSCRIBER_FIELDS) == 2
    assert mapping.find_header([(1, ["A", "B"]), (2, ["Asha", "Model Town"])], SUBSCRIBER_FIELDS) == 0


@pytest.mark.parametrize("field", SUBSCRIBER_FIELDS, ids=lambda field: field.code)
def test_every_word_for_a_field_finds_that_field(field):
    for word in field.synonyms:
        assert mapping.guess([word.upper()], [], SUBSCRIBER_FIELDS, "PK") == {field.code: word.upper()}


def test_what_only_sounds_like_a_collector_or_a_bound_device_is_not_taken_for_one():
    columns = ["Name", "Mobile", "Address", "Collector Phone", "Branch No", "MAC Address"]
    rows = [["Asha", "0300-1234567", "House 1", "0300-7654321", "7", "AA:BB:CC:DD:EE:FF"]] * 4
    expected = {"name": "Name", "phone": "Mobile", "address": "Address"}
    assert mapping.guess(columns, rows, SUBSCRIBER_FIELDS, "PK") == expected
