from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.tenancy import Refusal


def button(
    permission: str,
    verb: Callable[..., Any],
    done: Callable[[Any], str],
    *,
    find: Callable[[int], Any],
    page: str,
) -> Callable[..., HttpResponse]:
    """The view behind a button of a record: do it, or say why not, and go back to the record's page."""

    @staff(permission)
    @require_POST
    def press(request: HttpRequest, pk: int) -> HttpResponse:
        record = find(pk)
        said = done(record)  # as it was called when the button was pressed
        try:
            verb(record, by=request.actor)
        except Refusal as refusal:
            screens.toast(request, str(refusal), tone="bad")
        else:
            screens.toast(request, said)
        return redirect(page, pk)

    return press
