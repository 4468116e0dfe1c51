from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from fiberledger.access.models import LiveSession
from fiberledger.identity.guards import staff

from .models import SessionCount


@staff("usage.view")
def rate(request: HttpRequest, key: UUID) -> HttpResponse:
    """How fast one session is: the fragment that takes its own place."""
    session = get_object_or_404(LiveSession.objects.visible_to(request.actor), key=key)
    count = get_object_or_404(SessionCount, key=session.key)
    return render(request, "usage/_rate.html", {"count": count})
