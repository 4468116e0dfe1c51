from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from fiberledger import screens
from fiberledger.files import services as files
from fiberledger.files.models import File
from fiberledger.identity.guards import signed_in
from fiberledger.jobs.models import Run


@signed_in
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """A finished export, for the one who asked for it."""
    run = get_object_or_404(Run, pk=pk, kind="export", started_by_id=request.actor.user_id)
    if run.is_going_on or "file_id" not in run.result:
        return redirect(screens.run_url(run))
    return redirect(files.url_for(get_object_or_404(File, pk=run.result["file_id"])))
