"""Payments: money received, and the cash that must be there in the evening.

Owns: Payment, CashClosing, PaymentPolicy.
Verbs: record_payment, reverse_payment, close_cash, approve_closing. A payment is never edited and never deleted.
Events: PaymentRecorded, PaymentReversed.
The same key is the same payment, however often it is told: see services.record_payment.
"""

from typing import Any

from .events import PaymentRecorded, PaymentReversed

_HOME = {
    **dict.fromkeys(
        ("approve_closing", "cash_in_hand", "close_cash", "record_payment", "recount", "reverse_payment"), "services"
    ),
    **dict.fromkeys(("paper_data", "told"), "receipts"),
}

__all__ = ["PaymentRecorded", "PaymentReversed", *_HOME]


def __getattr__(name: str) -> Any:
    # A room is imported before Django's models are ready, and these verbs need them.
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
