"""Ledger: the books, double entry.

Owns: LedgerAccount, JournalEntry, Posting (append-only; an entry that does not balance is refused by the database).
Verbs: post, debit, credit, reverse, account, open_chart, open_party_account, verify.
No events: money's rooms publish their own.
"""

from fiberledger.tenancy.rooms import verbs

__all__, __getattr__ = verbs(
    __name__,
    services="account credit debit open_chart open_party_account open_party_accounts post reverse",
    proof="Fault verify",
)
