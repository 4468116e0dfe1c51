"""The frame around a page: rail, top bar, theme, direction. Worked out only when a template asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe
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
    def _places(self) -> _Places:
        """The rail and the list of shortcuts for what this actor may do, in their language: made once, used often."""
        key = (
            getattr(self.actor, "permissions", frozenset()),
            getattr(self.actor, "kind", ""),
            self.language,
            self.rail_state,
        )
        if key not in _places:
            if len(_places) > 500:
                _places.clear()
            _places[key] = _Places(self.actor, self.rail_state)
        return _places[key]

    @cached_property
    def current(self) -> str:
        """The url of the rail's entry this page belongs to: the longest that the path begins with."""
        path = self.request.path
        under = [url for url in self._places.urls if path == url or (url != "/" and path.startswith(url))]
        return max(under, key=len, default="")

    @property
    def rail(self) -> SafeString:
        html = self._places.rail
        if self.current:
            html = html.replace(f'href="{self.current}">', f'href="{self.current}" aria-current="page">')
        for url, badge in self._places.badges:
            number = badge(self.request)
            html = html.replace(f"<!--{url}-->", f'<span class="count">{number}</span>' if number else "")
        return mark_safe(html)

    @property
    def keys(self) -> SafeString:
        return self._places.keys

    @property
    def bottom(self) -> list[dict[str, Any]]:
        """The phone's bottom bar: the four places this role goes to most."""
        return self._places.bottom

    @property
    def scope(self) -> scope.Scope:
        return scope.current(self.request)

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


class _Places:
    def __init__(self, actor: Any, rail_state: str) -> None:
        groups = []
        for group in rail(actor):
            entries = [{"entry": entry, "url": url} for entry in group["entries"] if (url := _reverse(entry.url))]
            if entries:
                groups.append(group | {"entries": entries})
        items = [item for group in groups for item in group["entries"]]
        actions = [
            {"action": action, "url": url}
            for action in registry.actions
            if action.keys and action.url and _may(actor, action.permission) and (url := _reverse(action.url))
        ]
        self.urls = [item["url"] for item in items]
        self.badges = [(item["url"], item["entry"].badge) for item in items if item["entry"].badge]
        self.bottom = sorted((item for item in items if item["entry"].phone), key=lambda item: item["entry"].phone)[:4]
        self.rail = render_to_string("screens/_places.html", {"groups": groups, "narrow": bool(rail_state)})
        self.keys = mark_safe(render_to_string("screens/_keys.html", {"items": items, "actions": actions}))


_places: dict[Any, _Places] = {}


def _reverse(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def context(request: Any) -> dict[str, Any]:
    """The context processor."""
    return {"frame": Frame(request)}
