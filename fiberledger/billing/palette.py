from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.money import show
from fiberledger.screens import Hit, PaletteAction

from .models import Invoice
from .services import numbers_like


def find(actor: Any, text: str) -> list[Hit]:
    """Invoices by number: the whole of it, or its digits with or without the zeros."""
    text = text.strip()
    if not actor.may("billing.view") or not any(char.isdigit() for char in text) or len(text) > 30:
        return []
    found = Invoice.objects.visible_to(actor).filter(number__in=numbers_like(text)).select_related("subscriber")[:4]
    return [
        Hit(
            invoice.number, reverse("billing:invoice", args=[invoice.pk]),
            f"{invoice.subscriber.name} · {show(invoice.money)}", "receipt-text", Invoice.Status(invoice.status),
            kind=_("Invoice"),
        )
        for invoice in found
    ]  # fmt: skip


ACTIONS = [
    PaletteAction(_("Run billing"), "billing:run-new", "play", "billing.run", words=("bill", "billing"), order=20),
    PaletteAction(_("Billing rules"), "billing:policy", "scroll-text", "billing.settings", order=70),
]
