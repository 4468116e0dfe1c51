"""The frame around a page: rail, top bar, theme, direction. Worked out only when a template asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, get_language_bidi, get_language_info
from django.utils.translation import gettext as _

from fiberledger.tenancy import NoTenantInScope

from . import assets, brand, scope
from .registry import _may, rail, registry

THEMES = {"dark": "ink", "light": "paper"}
# In whose own script a language is offered, and how short it is said on the button.
SHORT = {"en": "EN", "ur": "اردو"}


class Frame:
    def __init__(self, request: Any) -> None:
        self.request = request
        self.actor = getattr(request, "actor", None)
        self.tenant = getattr(request, "tenant", None)

    @property
    def is_staff(self) -> bool:
        return self.actor is not None and getattr(self.actor, "kind", "") == "staff" and self.tenant is not None

    @cached_property
    def language(self) -> str:
        return (get_language() or settings.LANGUAGE_CODE)[:2]

    @property
    def direction(self) -> str:
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def theme(self) -> str:
        """What this browser was told last, else what its owner likes; "" is as the system does."""
        said = self.request.COOKIES.get("theme") or getattr(getattr(self.request, "user", None), "theme", "")
        return THEMES.get(said, "")

    @property
    def rail_state(self) -> str:
        return "narrow" if self.request.COOKIES.get("rail") == "narrow" else ""

    @property
    def languages(self) -> list[dict[str, str]]:
        return [
            {"code": code, "name": get_language_info(code)["name_local"], "short": SHORT.get(code, code.upper())}
            for code, _name in settings.LANGUAGES
        ]

    @property
    def language_short(self) -> str:
        return SHORT.get(self.language, self.language.upper())

    @property
    def styles(self) -> list[str]:
        return assets.styles()

    @property
    def script(self) -> str:
        return assets.asset("app.js")

    @property
    def fonts(self) -> list[str]:
        return assets.fonts(self.language)

    @property
    def sprite(self) -> str:
        return assets.sprite_url()

    @cached_property
    def brand_url(self) -> str:
        if self.tenant is None:
            return ""
        try:
            colour = brand.brand_colour()
        except NoTenantInScope:
            return ""
        return reverse("console:brand", args=[colour[1:].lower()]) if colour else ""

    @cached_property
    def current(self) -> str:
        """The url of the rail's entry this page belongs to: the longest that the path begins with."""
        path = self.request.path
        best = ""
        for group in self.rail:
            for item in group["entries"]:
                if (path == item["url"] or (item["url"] != "/" and path.startswith(item["url"]))) and len(item["url"]) > len(best):
                    best = item["url"]
        return best

    @cached_property
    def rail(self) -> list[dict[str, Any]]:
        groups = []
        for group in rail(self.actor):
            entries = []
            for entry in group["entries"]:
                try:
                    url = reverse(entry.url)
                except NoReverseMatch:
                    continue
                entries.append({"entry": entry, "url": url, "badge": entry.badge(self.request) if entry.badge else 0})
            if entries:
                groups.append(group | {"entries": entries})
        return groups

    @cached_property
    def bottom(self) -> list[dict[str, Any]]:
        """The phone's bottom bar: the four places this role goes to most."""
        items = [item for group in self.rail for item in group["entries"] if item["entry"].phone]
        return sorted(items, key=lambda item: item["entry"].phone)[:4]

    @property
    def scope(self) -> scope.Scope:
        return scope.current(self.request)

    @cached_property
    def actions(self) -> list[dict[str, Any]]:
        """The palette's actions that have a shortcut, for the list that `?` shows."""
        shown = []
        for action in registry.actions:
            if action.keys and action.url and _may(self.actor, action.permission):
                try:
                    shown.append({"action": action, "url": reverse(action.url)})
                except NoReverseMatch:
                    continue
        return shown

    @property
    def initials(self) -> str:
        words = [word for word in str(getattr(self.actor, "name", "")).replace(".", " ").split() if word]
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def login_url(self) -> str:
        return _reverse("identity:login")

    @property
    def account_links(self) -> list[tuple[str, str, str]]:
        links = [
            (_("My account"), _reverse("identity:account"), "circle-user-round"),
            (_("Switch company"), _reverse("identity:choose_tenant"), "building-2"),
        ]
        return [link for link in links if link[1]]

    @property
    def logout_url(self) -> str:
        return _reverse("identity:logout")


def _reverse(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def context(request: Any) -> dict[str, Any]:
    """The context processor."""
    return {"frame": Frame(request)}


