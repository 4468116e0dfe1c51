from datetime import date

import pytest
from django.db import DataError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["", "NULL", "null", "{}", "a,b", '"', "\\", '\\"', "'", " ", "\n", "۰۳۰۰", "O'Brien\\"]
)
KINDS = {
    "text[]": TEXTS,
    "bigint[]": st.integers(-(2**63), 2**63 - 1),
    "numeric[]": st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12),
    "date[]": st.dates(),
    "boolean[]": st.booleans(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_arrives_as_it_was_sent(kind):
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.none() | KINDS[kind], max_size=8))
    def arrives(values):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT %s::{kind}", [values])
            assert cursor.fetchone()[0] == values

    arrives()


def test_what_is_not_plain_is_left_to_psycopg():
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[], %s::bytea[]", [[["a", None], ["b", '"']], [b"\0\\"]])
        nested, raw = cursor.fetchone()
    assert (nested, [bytes(one) for one in raw]) == ([["a", None], ["b", '"']], [b"\0\\"])


def test_no_text_is_cut_at_a_nul():
    with pytest.raises((DataError, ValueError)), connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [["before\0after", "x"]])


def test_days_keep_their_order():
    days = [date(2026, 2, 28), None, date(1, 1, 1)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_to_json(%s::date[])", [days])
        assert cursor.fetchone()[0] == ["2026-02-28", None, "0001-01-01"]
