"""The books, proven from their rows alone.

A room above that keeps or derives figures has a module `books.py` with more of these checks, found by name:

    CHECKS = {"kept total differs": (gettext_lazy("A kept total differs from its sum"), "SELECT where, amount FROM …")}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the book that cannot be: what, where, by how much."""

    kind: str
    where: str
    amount: Decimal
    text: str

    def __str__(self) -> str:
        return f"{self.text}: {self.where}" + (f" ({self.amount.normalize():f})" if self.amount else "")


# kind: (in words, a query of (where, amount) that finds nothing when all is well).
CHECKS: dict[str, tuple[Any, str]] = {
    "entry does not balance": (
        _("An entry does not balance"),
        """
        SELECT e.cause || ' ' || p.currency, sum(p.amount) FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
        GROUP BY e.id, e.cause, p.currency HAVING sum(p.amount) <> 0""",
    ),
    "entry without postings": (
        _("An entry has no postings"),
        """
        SELECT e.cause, 0 FROM ledger_journalentry e
        WHERE NOT EXISTS (SELECT FROM ledger_posting p WHERE p.entry_id = e.id)""",
    ),
    "kept balance differs from its postings": (
        _("A kept balance differs from the sum of its postings"),
        """
        SELECT a.code, a.balance - coalesce(s.total, 0) FROM ledger_ledgeraccount a
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_posting GROUP BY account_id) s ON s.account_id = a.id
        WHERE a.is_party AND a.balance <> coalesce(s.total, 0)""",
    ),
    "posting in another currency than its account": (
        _("A posting is in another currency than its account"),
        """
        SELECT a.code, p.amount FROM ledger_posting p JOIN ledger_ledgeraccount a ON a.id = p.account_id
        WHERE a.currency <> p.currency""",
    ),
    "reversal is no mirror image": (
        _("A reversal does not undo its entry exactly"),
        """
        SELECT r.cause, 0 FROM ledger_journalentry r WHERE r.reverses_id IS NOT NULL AND EXISTS (
          SELECT account_id FROM ledger_posting WHERE entry_id IN (r.id, r.reverses_id)
          GROUP BY account_id HAVING sum(amount) <> 0)""",
    ),
}


def _all_checks() -> Iterator[tuple[str, tuple[Any, str]]]:
    yield from CHECKS.items()
    for config in apps.get_app_configs():
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "books"):
            yield from import_module(f"{config.name}.books").CHECKS.items()


def verify() -> list[Fault]:
    """Prove the current tenant's books from their rows alone; an empty list means they are right."""
    faults = []
    with connection.cursor() as cursor:
        for kind, (words, query) in _all_checks():
            cursor.execute(query)
            faults += [Fault(kind, where, Decimal(amount), str(words)) for where, amount in cursor.fetchall()]
    return faults
