"""No list asks the database more often than it did, and none asks once a row.

The figures are in query_counts.json. A new list, or one that costs more on purpose, is recorded with
`UPDATE_QUERY_COUNTS=1 pytest tests/nets/test_query_counts.py`, and the change of that file is looked at like any other.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fiberledger.screens.screen import all_screens

RECORD = Path(__file__).with_name("query_counts.json")
LISTS = sorted(
    (key, screen)
    for key, screen in all_screens().items()
    if screen.needs("view").split(".")[0] not in ("", "-", "control")
)


@pytest.fixture(scope="module")
def counts():
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    found: dict[str, int] = {}
    yield known, found
    if os.environ.get("UPDATE_QUERY_COUNTS") == "1":
        RECORD.write_text(json.dumps(dict(sorted((known | found).items())), indent=2) + "\n")


def asked(client, url):
    """What a list asks the database the second time it is looked at, but how many rows there are beyond its first page:
    whether it must ask that depends on what other tests have left."""
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code == 200
    return [query for query in queries.captured_queries if not query["sql"].startswith("SELECT COUNT(*) FROM (SELECT")]


@pytest.mark.parametrize(("key", "screen"), [pytest.param(key, screen, id=key) for key, screen in LISTS])
def test_a_list_asks_no_more_than_recorded_and_not_once_a_row(key, screen, bright_rows, counts):
    known, found = counts
    bright_rows.one(screen.model)
    client = bright_rows.isp.client("owner")
    few = asked(client, screen.url("list"))
    more = bright_rows.more(screen.model, 7)
    many = asked(client, screen.url("list"))
    assert len(many) <= len(few), "asks once a row:\n" + "\n".join(sorted({q["sql"][:300] for q in many[len(few) :]}))
    assert more or len(few) < 40
    found[key] = len(few)
    if os.environ.get("UPDATE_QUERY_COUNTS") != "1":
        assert key in known, "a new list: record it with UPDATE_QUERY_COUNTS=1"
        assert len(few) <= known[key], "\n".join(q["sql"][:300] for q in few)
