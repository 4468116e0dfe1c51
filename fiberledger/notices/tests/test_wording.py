from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from fiberledger.notices.events import EVENTS, SAMPLE, VARIABLES
from fiberledger.notices.wording import fill, is_e164, sms_link, sms_size, variables_in, whatsapp_link


def test_every_default_text_uses_known_variables_and_speaks_urdu_too():
    for event in EVENTS.values():
        assert set(event.texts) == set(event.subject) == {"en", "ur"}
        for language in event.texts:
            assert set(variables_in(event.texts[language])) <= set(VARIABLES)
            assert set(variables_in(event.subject[language])) <= set(VARIABLES)
            assert set(variables_in(event.texts["en"])) == set(variables_in(event.texts["ur"]))
    assert set(SAMPLE) == set(VARIABLES)


def test_a_line_with_nothing_to_say_is_left_out():
    text = fill(EVENTS["invoice.issued"].texts["en"], SAMPLE)
    assert "Pay here" not in text and "{{" not in text
    assert text.startswith("Dear Asha Kumari, your bill INV-000812 of Rs 1,500.00 is due on 10 Feb 2026.")
    assert fill("Hello {{ customer_name }}!", {"customer_name": "Asha"}) == "Hello Asha!"


def test_a_value_that_looks_like_a_variable_is_not_filled_again():
    assert fill("{{customer_name}}", {"customer_name": "{{balance}}", "balance": "9"}) == "{{balance}}"


def test_links_need_an_international_number():
    assert is_e164("+923001234567") and not is_e164("03001234567") and not is_e164("+0300") and not is_e164("")
    assert whatsapp_link("03001234567", "hi") == "" and sms_link("", "hi") == ""
    assert whatsapp_link("+923001234567", "Rs 5 & thanks") == "https://wa.me/923001234567?text=Rs%205%20%26%20thanks"
    assert sms_link("+923001234567", "a b") == "sms:+923001234567?body=a%20b"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_any_text_survives_the_link(text):
    query = parse_qs(urlsplit(whatsapp_link("+923001234567", text)).query, keep_blank_values=True)
    assert query["text"] == [text]


def test_sms_sizes():
    assert (sms_size("a" * 160).parts, sms_size("a" * 161).parts, sms_size("a" * 307).parts) == (1, 2, 3)
    assert (sms_size("ب" * 70).parts, sms_size("ب" * 71).parts) == (1, 2)
    assert sms_size("€" * 80).parts == 1 and sms_size("€" * 81).parts == 2
    assert sms_size("😀" * 35).parts == 1 and sms_size("😀" * 36).parts == 2
