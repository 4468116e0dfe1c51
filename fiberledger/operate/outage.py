"""When the database is away: jobs wait, pages say so at once, the log says it in one line.

A server that is stopped refuses, and whoever asks knows at once. One that is silent (frozen, or behind a cable that was
cut) lets everybody wait for ever; so a web process asks it every second, and after PATIENCE cuts what waits for it.
"""

import logging
import os
import select
import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

import psycopg

from fiberledger.operate import environment

PATIENCE = 5.0  # seconds without an answer that make a server a silent one

log = logging.getLogger(__name__)
_silent = threading.Event()
_opened: "weakref.WeakSet[psycopg.Connection[Any]]" = weakref.WeakSet()


def is_silent() -> bool:
    """Whether it would be in vain to ask the database. False where nobody watches."""
    return _silent.is_set()


def watch() -> None:
    """Watch the database for this process: its connections are cut when the server falls silent."""
    from django.db.backends.signals import connection_created

    connection_created.connect(_remember)
    threading.Thread(target=_watch, name="database watch", daemon=True).start()


def wait_for_database(role: str = "fl_app") -> None:
    """Return when the database lets us in; says once that it does not yet."""
    said = False
    while True:
        try:
            psycopg.connect(**environment.connection(role), connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if not said:
                log.warning("waiting for the database: %s", str(error).strip().split("\n", 1)[0])
            said = True
            time.sleep(1)


def _remember(connection: Any, **_signal: Any) -> None:
    _opened.add(connection.connection)


def _watch() -> None:
    opened: psycopg.Connection[Any] | None = None
    while True:
        try:
            if opened is None:
                opened = psycopg.connect(**environment.connection("fl_app"), connect_timeout=int(PATIENCE))
                opened.autocommit = True
            answers = _answers(opened)
        except psycopg.errors.ConnectionTimeout:
            answers = False
        except psycopg.Error:  # it refuses: that is an answer, and everybody gets the same at once
            answers, opened = True, None
        if answers:
            if _silent.is_set():
                log.warning("the database answers again")
            _silent.clear()
        else:
            opened = None
            if not _silent.is_set():
                log.warning("the database does not answer; %d connections are cut", len(_opened))
            _silent.set()
            _cut()
        time.sleep(1)


def _answers(opened: "psycopg.Connection[Any]") -> bool:
    """Ask, and wait no longer than PATIENCE. psycopg's own execute would wait for ever."""
    asked = opened.pgconn
    asked.send_query(b"SELECT")
    until = time.monotonic() + PATIENCE
    while True:
        if not select.select([asked.socket], [], [], max(0.0, until - time.monotonic()))[0]:
            return False
        asked.consume_input()
        if not asked.is_busy():
            break
    while asked.get_result():
        pass
    return True


def _cut() -> None:
    """End what waits for an answer: to libpq it looks as if the server had hung up."""
    for connection in list(_opened):
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        _opened.discard(connection)


class Brief(logging.Filter):
    """An outage is one line in the log, not a hundred tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and _is_outage(error):
            record.msg = f"{record.getMessage()}: {str(error).strip().splitlines()[0]}"
            record.args, record.exc_info = None, None
        return True


def _is_outage(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return error.sqlstate is None or error.sqlstate[:3] in ("57P", "080")
        error = error.__cause__
    return False
