"""Every room's pages under its own prefix; a room without urls.py has none."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import apps
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.templatetags.static import static
from django.urls import include, path

from fiberledger.identity.guards import public


@public("browsers ask for it before anybody has signed in")
def favicon(request: HttpRequest) -> HttpResponse:
    return HttpResponsePermanentRedirect(static("screens/mark.svg"))


urlpatterns = [
    path("favicon.ico", favicon),
    *(
        path("" if config.label in ("console", "identity") else f"{config.label}/", include(f"{config.name}.urls"))
        for config in apps.get_app_configs()
        if config.name.startswith("fiberledger.") and find_spec(f"{config.name}.urls")
    ),
]

handler403 = "fiberledger.console.views.forbidden"
handler404 = "fiberledger.console.views.not_found"
handler500 = "fiberledger.console.views.broken"
