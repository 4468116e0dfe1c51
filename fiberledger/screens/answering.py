"""How every page answers: whole or as a fragment, with a toast, back to where one came from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from . import choosing


def toast(request: HttpRequest, text: Any, tone: str = "good") -> None:
    """Say something once, in the corner of the next page or fragment. tone: good, info, warn, bad."""
    messages.add_message(request, messages.INFO, str(text), extra_tags=tone, fail_silently=True)


def is_fragment(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for just this part of the page. Going back in history always asks for the whole."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
        and request.headers.get("HX-Target") == target
    )


def respond(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The page or fragment; or, when a chooser of one of its forms asks, only what that may offer."""
    if choosing.is_asked(request):
        return choosing.answer(request, *context.values())
    response = HttpResponse(render_to_string(template, context, request), status=status)
    response["Vary"] = "HX-Request, HX-Target, Cookie"
    return response


def back_to(request: HttpRequest, fallback: str) -> str:
    """Where a small form returns to: its `next`, if that is a page of ours."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else fallback
