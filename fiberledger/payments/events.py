from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaymentRecorded:
    """Money was received from a subscriber."""

    payment_id: int
    subscriber_id: int


@dataclass(frozen=True, slots=True)
class PaymentReversed:
    """A payment was taken back; what it had settled is open again."""

    payment_id: int
    subscriber_id: int
