from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvoicesIssued:
    """Invoices came into being: those of the tenant whose ids lie between these two, ends included."""

    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class InvoicesSettled:
    """Money that was there paid something: what these subscribers owe may have changed."""

    subscriber_ids: list[int]


@dataclass(frozen=True, slots=True)
class InvoiceVoided:
    """An invoice was cancelled; its journal entry is reversed and nothing is allocated to it."""

    invoice_id: int
    subscriber_id: int
