from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Column, Empty, Screen, View
from fiberledger.screens.cells import looks

from .forms import CaseForm
from .models import TraceCase

looks("warn", "hourglass", "asked")
looks("good", "file-check", "answered")
looks("quiet", "trash-2", "forgotten")


def _what(case: Any) -> str:
    return case.what


cases = Screen(
    model=TraceCase,
    form=CaseForm,
    view_needs="tracing.open",
    create_needs="tracing.ask",
    edit_needs="-",
    icon="file-search",
    title=_("Who held an address"),
    new_label=_("Ask who held an address"),
    columns=(
        Column("number", kind="code", sort=False),
        Column("what", _("Address"), value=_what, kind="code", sort=False),
        Column("at", kind="moment", sort=False),
        Column("authority", sort=False),
        Column("reference", sort=False),
        "state",
        Column("asked_by", kind="who", sort=False),
        Column("asked_at", kind="moment", sort=False),
        Column("decided_by", kind="who", sort=False, hidden=True),
        Column("keep_until", sort=False, hidden=True),
    ),
    filters=("state",),
    search=("number", "reference__istartswith", "authority__icontains"),
    order="-pk",
    page_size=45,
    status="state",
    views=(View("waiting", _("To approve"), "state=asked"),),
    empty=Empty(
        _("Nobody has asked yet"),
        _("A request names the authority and its letter; a second person approves it, and only then is anything looked up."),
        "file-search", "tracing:tracecase-new", _("Ask who held an address"),
    ),
)  # fmt: skip
