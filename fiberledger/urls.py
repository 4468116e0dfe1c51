"""Every room's pages under its own prefix; a room without urls.py has none."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import apps
from django.urls import include, path

urlpatterns = [
    path("" if config.label in ("console", "identity") else f"{config.label}/", include(f"{config.name}.urls"))
    for config in apps.get_app_configs()
    if config.name.startswith("fiberledger.") and find_spec(f"{config.name}.urls")
]

handler403 = "fiberledger.console.views.forbidden"
handler404 = "fiberledger.console.views.not_found"
handler500 = "fiberledger.console.views.broken"
