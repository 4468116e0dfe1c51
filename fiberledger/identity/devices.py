"""What somebody sits at, in words they recognize it by."""

from __future__ import annotations

from functools import lru_cache

from django.utils.translation import gettext as _

# The order matters: everybody claims to be Mozilla, and most claim to be Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@lru_cache(maxsize=1024)
def _parts(agent: str) -> tuple[str, str]:
    def first(table: tuple[tuple[str, str], ...]) -> str:
        return next((name for mark, name in table if mark in agent), "")

    return first(_BROWSERS), first(_SYSTEMS)


def name(agent: str) -> str:
    """“Chrome on Android”; what cannot be told apart stays as the browser put it."""
    browser, system = _parts(agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or agent[:60] or "–"
