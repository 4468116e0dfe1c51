"""Ledger: the books, double entry.

Owns: LedgerAccount, JournalEntry, Posting (append-only; an entry that does not balance is refused by the database).
Verbs: post, debit, credit, reverse, account, open_party_account, verify. No events: money's rooms publish their own.
"""

from typing import Any

_HOME = {
    **dict.fromkeys(
        (
            "account",
            "credit",
            "debit",
            "open_chart",
            "open_party_account",
            "post",
            "reverse",
        ),
        "services",
    ),
    **dict.fromkeys(("Fault", "verify"), "proof"),
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # A room is imported before Django's models are ready, and these verbs need them.
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
