"""Statements that run thousands of times an hour: parsed and planned once a connection, not once a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def hot(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> psycopg.Cursor[Any]:
    """Execute a prepared statement in the current transaction and return its cursor.

    Django's own cursor binds values in the client, so PostgreSQL plans every call anew, which for a short statement
    takes longer than running it. Values keep their Python types (say str() of a choice); errors are Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        cursor.execute(statement, values, prepare=True)
        return cursor
