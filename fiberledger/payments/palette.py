from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.money import Money
from fiberledger.screens import Hit, PaletteAction
from fiberledger.screens.cells import money_text
from fiberledger.subscribers import services as subscribers

from .models import Payment


def _collect_from(actor: Any, text: str) -> list[Hit]:
    """ "collect 0300…": those who might be meant, each one Enter away from the amount."""
    hits = []
    for subscriber in subscribers.find(text, actor=actor, limit=8):
        owed = Money(subscriber.receivable.balance, subscriber.receivable.currency)
        if owed.amount > 0:
            detail = _("owes %s") % money_text(owed)
        else:
            detail = _("owes nothing")
        hits.append(
            Hit(
                _("Collect from %s") % subscriber.name,
                reverse("payments:collect_from", args=[subscriber.pk]),
                f"{subscriber.number} · {subscriber.shown_phone} · {detail}",
                icon="hand-coins",
                status=subscriber.status,
            )
        )
    return hits


def find(actor: Any, text: str) -> list[Hit]:
    """A receipt by its number."""
    if not actor.may("payments.view") or not any(char.isdigit() for char in text) or len(text) > 30:
        return []
    found = (
        Payment.objects.visible_to(actor).filter(number__in={text, text.upper()}).select_related("subscriber").first()
    )
    if found is None:
        return []
    return [
        Hit(
            found.number,
            reverse("payments:payment", args=[found.pk]),
            f"{found.subscriber.name} · {money_text(found.money)}",
            icon="banknote",
            status=str(found.state),
            kind=_("Receipt"),
            also=[(_("Receipt"), reverse("payments:receipt", args=[found.pk]))],
        )
    ]


ACTIONS = [
    PaletteAction(
        gettext_lazy("Collect from…"), "payments:collect", "hand-coins", "payments.record",
        words=("collect", "collect from", "pay", "take"), hits=_collect_from, keys="c", order=10,
    ),
    PaletteAction(gettext_lazy("Close my cash"), "payments:cash", "calculator", "payments.close_cash", order=50),
]  # fmt: skip
