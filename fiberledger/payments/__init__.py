"""Payments: money received, and the cash that must be there in the evening.

Owns: Payment, CashClosing, PaymentPolicy.
Verbs: record_payment, reverse_payment, close_cash, approve_closing. A payment is never edited and never deleted.
Events: PaymentRecorded, PaymentReversed.
The same key is the same payment, however often it is told: see services.record_payment.
"""

from fiberledger.tenancy.rooms import verbs

from .events import PaymentRecorded, PaymentReversed

__all__, __getattr__ = verbs(
    __name__,
    services="approve_closing cash_in_hand close_cash record_payment recount reverse_payment",
    receipts="paper_data told",
)
__all__ += ["PaymentRecorded", "PaymentReversed"]
