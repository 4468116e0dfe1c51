from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar

from .questions import Report

_LONGEST_SPAN = timedelta(days=366 * 5)


class Span(forms.Form):
    """What a report is asked about: a span of days where it has one, and how to group."""

    since = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), widget=forms.DateInput(attrs={"type": "date"}))
    by = forms.ChoiceField(label=_("Grouped by"))

    def __init__(self, report: Report, asked: Any) -> None:
        usual = {"by": report.by[0][0], **usual_span(report)}
        super().__init__({name: asked.get(name) or value for name, value in usual.items()})
        self.fields["by"].choices = report.by  # type: ignore[attr-defined]
        if report.asks != "days":
            del self.fields["since"], self.fields["until"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until:
            if until < since:
                self.add_error("until", _("The last day comes before the first; choose a later one."))
            elif until - since > _LONGEST_SPAN:
                self.add_error("since", _("Ask for five years at most."))
        return given


def usual_span(report: Report) -> dict[str, date]:
    """This month for collection; the last twelve months where months are compared."""
    today = calendar.today()
    first = calendar.month_start(today)
    return {"since": first if report.by[0][0] == "day" else calendar.add_months(first, -11), "until": today}
