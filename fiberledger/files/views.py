from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.http import content_disposition_header

from fiberledger.identity.guards import signed_in

from . import services

# Only what we redrew ourselves is shown inside a page; everything else is handed over to be saved.
_SHOWN = {"image/jpeg", "image/png", "image/webp"}


@signed_in
def open_one(request: HttpRequest, token: str) -> HttpResponseBase:
    """A private file, for who holds an address that one of our pages signed a moment ago."""
    file = services.read_token(token)
    if file is None:
        raise Http404
    try:
        response = FileResponse(services.open_file(file), content_type=file.content_type)
    except FileNotFoundError as error:
        raise Http404 from error
    response["Content-Disposition"] = content_disposition_header(file.content_type not in _SHOWN, file.name) or "inline"
    response["Content-Length"] = str(file.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=300"
    return response
