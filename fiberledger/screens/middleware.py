"""What every answer carries: a content policy that runs no foreign and no inline code, and toasts for fragments."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.contrib.messages import get_messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse

from fiberledger.operate import outage

# No unsafe-inline, no unsafe-eval: scripts and styles are files of ours, and nothing else may be loaded or posted to.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "frame-src 'self' blob:",
        "form-action 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "object-src 'none'",
    ]
)


class SecurityHeaders:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(self), geolocation=(self), microphone=(), payment=()"
        )
        if "text/html" in response.headers.get("Content-Type", ""):
            # A tenant's pages are kept by nobody between the server and the reader.
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


class Outage:
    """While the database is silent nobody waits for it: the page that says so comes at once, in the reader's language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if outage.is_silent():
            raise OperationalError("the database does not answer")
        return self.get_response(request)


class Toasts:
    """What was said with `toast` during a fragment's request travels in its HX-Trigger header; full pages show it themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.headers.get("HX-Request") == "true" and response.status_code in (200, 422):
            if "HX-Redirect" in response.headers or "HX-Refresh" in response.headers:
                return response
            storage = get_messages(request)
            notes = [{"text": str(note.message), "tone": note.extra_tags or "info"} for note in storage]
            if notes:
                triggers = response.headers.get("HX-Trigger", "")
                events = (
                    json.loads(triggers)
                    if triggers.startswith("{")
                    else {name: None for name in triggers.split(",") if name}
                )
                response.headers["HX-Trigger"] = json.dumps(events | {"toast": {"notes": notes}})
        return response
