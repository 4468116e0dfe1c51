from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fiberledger import calendar
from fiberledger.identity.guards import signed_in
from fiberledger.jobs.models import Run

from .answering import is_fragment, respond


def time_left(run: Run) -> str:
    """An honest guess from the pace so far; nothing before there is a pace."""
    if run.state != Run.State.RUNNING or not run.started_at or not run.total or run.done < max(20, run.total // 50):
        return ""
    passed = calendar.now() - run.started_at
    seconds = int(passed / timedelta(seconds=1) * (run.total - run.done) / run.done)
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    return ngettext("about %(n)s minute left", "about %(n)s minutes left", minutes) % {"n": minutes}


def results_of(run: Run) -> list[tuple[str, Any]]:
    """The simple values of a run's result, for the page that has no page of its own."""
    result = run.result if isinstance(run.result, dict) else {}
    return [
        (name.replace("_", " ").capitalize(), value)
        for name, value in result.items()
        if isinstance(value, str | int | float) and not name.endswith("_id") and value != ""
    ]


@signed_in
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a long job is. Its own page polls it; when it is over, the polling stops."""
    found = get_object_or_404(Run, pk=pk)
    context = {"run": found, "title": found.title, "left": time_left(found), "results": results_of(found)}
    if is_fragment(request, "run"):
        return respond(request, "screens/_run_fragment.html", context)
    return respond(request, "screens/run.html", context)
