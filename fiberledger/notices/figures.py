"""Messages that wait for somebody to send them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger.screens import WorkItem, Worklist, scope

from .models import Notice

_MOST = 1000


def _waiting(request: Any) -> Iterable[WorkItem]:
    rows = scope.narrow(request, Notice.objects.waiting().visible_to(request.actor))
    if count := rows[: _MOST + 1].count():
        yield WorkItem(
            ngettext("Message to send", "Messages to send", count),
            reverse("notices:outbox"),
            _("One click each, from your own WhatsApp or phone."),
            icon="send",
            tone="info",
            count=count if count <= _MOST else f"{_MOST:,}+",
        )


FIGURES = [
    Worklist("messages", gettext_lazy("Messages"), _waiting, "notices.send", desks=("owner", "cash", "help"), order=60),
]
