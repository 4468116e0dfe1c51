import itertools
import re
from pathlib import Path

import pytest
from django.db import connection

from fiberledger.subscribers import states
from fiberledger.subscribers.states import Network, Status

DOCS = Path(__file__).parents[3] / "docs" / "statuses.md"


def test_every_status_has_a_row():
    assert set(states.STATES) == set(Status)
    assert set(states.SHOWN_FIRST) == set(Status)


def test_nothing_leads_to_itself_and_nothing_is_a_dead_end():
    for status, state in states.STATES.items():
        assert status not in state.leads_to
        assert state.leads_to, status


def test_everybody_can_get_back_into_service_and_out_of_it():
    for start in Status:
        reached, todo = {start}, [start]
        while todo:
            for after in states.of(todo.pop()).leads_to - reached:
                reached.add(after)
                todo.append(after)
        assert Status.ACTIVE in reached and Status.TERMINATED in reached, start


def test_who_is_billed_is_served_and_the_other_way_round():
    """Nobody pays for a line that is off, nobody surfs on a line that is not billed."""
    for state in states.STATES.values():
        assert state.bills == (state.network is Network.ACCEPT), state.status


def test_questions_agree_with_the_table():
    for old, new in itertools.product(Status, Status):
        assert states.may_go(old, new) == (new in states.of(old).leads_to) == (str(old) in states.sources_of(new))
    with pytest.raises(ValueError):
        states.of("cancelled")


def test_the_documentation_shows_the_same_table():
    """`docs/statuses.md` is written by hand around a table that must say what the code says."""
    rows = {}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"`\w+`", cells[0]):
            rows[cells[0].strip("`")] = cells[1:]
    assert rows == {
        str(status): [
            state.label,
            "yes" if state.bills else "no",
            str(state.network),
            ", ".join(str(other) for other in Status if other in state.leads_to),
            str(state.means),
        ]
        for status, state in states.STATES.items()
    }


@pytest.mark.parametrize("table", ["subscribers_subscriber", "subscriptions_subscription"])
def test_the_database_knows_the_same_words(table):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname LIKE %s",
            [table, "%_status_known"],
        )
        [(text,)] = cursor.fetchall()
    assert set(re.findall(r"'(\w+)'::", text)) == set(Status.values)
