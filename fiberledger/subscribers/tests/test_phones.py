import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.subscribers import national_ids, phones


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("0300-1234567", "PK", "+923001234567"),
        ("923001234567", "PK", "+923001234567"),
        ("+92 300 1234567", "PK", "+923001234567"),
        ("00923001234567", "PK", "+923001234567"),
        ("300 1234567", "PK", "+923001234567"),
        (" 0338 0070799 ", "PK", "+923380070799"),
        ("3001234567.0", "PK", "+923001234567"),
        (3001234567, "PK", "+923001234567"),
        ("۰۳۰۰۱۲۳۴۵۶۷", "PK", "+923001234567"),
        ("\u202a0300 1234567\u202c", "PK", "+923001234567"),
        ("042 35761234", "PK", "+924235761234"),
        ("0712345678", "KE", "+254712345678"),
        ("0110 123456", "KE", "+254110123456"),
        ("+44 20 7946 0018", "PK", "+442079460018"),
        ("98765 43210", "IN", "+919876543210"),
        ("01712-345678", "BD", "+8801712345678"),
    ],
)
def test_every_spelling_of_a_number_is_one_number(text, country, e164):
    assert phones.normalise(text, country) == e164


@pytest.mark.parametrize(
    "text",
    ["", None, "n/a", "12345", "0300-ABCDEFG", "0300123456", "03001234567890", "'; DROP TABLE", "0300 1234567 x5"],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(phones.NotAPhone):
        phones.normalise(text, "PK")


def test_a_number_is_shown_as_its_country_writes_it():
    assert phones.show("+923001234567") == "0300 1234567"
    assert phones.show("+923380070799") == "0338 0070799"
    assert phones.show("+254712345678", "PK") == "+254 712 345678"
    assert phones.wa_me("+923001234567") == "923001234567"


@given(st.text(max_size=30))
def test_reading_a_number_never_fails_otherwise_and_reading_it_again_changes_nothing(text):
    try:
        e164 = phones.normalise(text, "PK")
    except phones.NotAPhone:
        return
    assert phones.normalise(e164, "PK") == e164
    assert phones.normalise(phones.show(e164, "PK"), "PK") == e164


def test_national_ids_by_country():
    assert national_ids.normalise("35202-1234567-1", "PK") == "3520212345671"
    assert national_ids.show("3520212345671", "PK") == "35202-1234567-1"
    assert national_ids.normalise("", "PK") == ""
    assert national_ids.normalise("12345678", "KE") == "12345678"
    assert national_ids.normalise("2345 6789 0124", "IN") == "234567890124"
    assert national_ids.mask("3520212345671") == "••••••••••671"
    for text, country in [("35202-12345-1", "PK"), ("35202123456789012", "PK"), ("ABC", "PK"), ("234567890125", "IN")]:
        with pytest.raises(national_ids.NotAnId):
            national_ids.normalise(text, country)
