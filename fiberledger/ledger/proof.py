from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the book that cannot be: what, where, by how much."""

    kind: str
    where: str
    amount: Decimal
    text: str


_CHECKS = {
    "entry does not balance": """
        SELECT e.cause || ' ' || p.currency, sum(p.amount) FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
        GROUP BY e.id, e.cause, p.currency HAVING sum(p.amount) <> 0""",
    "entry without postings": """
        SELECT e.cause, 0 FROM ledger_journalentry e
        WHERE NOT EXISTS (SELECT FROM ledger_posting p WHERE p.entry_id = e.id)""",
    "kept balance differs from its postings": """
        SELECT a.code, a.balance - coalesce(s.total, 0) FROM ledger_ledgeraccount a
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_posting GROUP BY account_id) s ON s.account_id = a.id
        WHERE a.is_party AND a.balance <> coalesce(s.total, 0)""",
    "posting in another currency than its account": """
        SELECT a.code, p.amount FROM ledger_posting p JOIN ledger_ledgeraccount a ON a.id = p.account_id
        WHERE a.currency <> p.currency""",
    "reversal is no mirror image": """
        SELECT r.cause, 0 FROM ledger_journalentry r WHERE r.reverses_id IS NOT NULL AND EXISTS (
          SELECT account_id FROM ledger_posting WHERE entry_id IN (r.id, r.reverses_id)
          GROUP BY account_id HAVING sum(amount) <> 0)""",
}


def verify() -> list[Fault]:
    """Prove the current tenant's book from its postings alone; an empty list means it is right."""
    words = {
        "entry does not balance": _("An entry does not balance"),
        "entry without postings": _("An entry has no postings"),
        "kept balance differs from its postings": _("A kept balance differs from the sum of its postings"),
        "posting in another currency than its account": _("A posting is in another currency than its account"),
        "reversal is no mirror image": _("A reversal does not undo its entry exactly"),
    }
    faults = []
    with connection.cursor() as cursor:
        for kind, query in _CHECKS.items():
            cursor.execute(query)
            faults += [Fault(kind, where, amount, words[kind]) for where, amount in cursor.fetchall()]
    return faults
