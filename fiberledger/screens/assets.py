"""The built front end: which hashed file stands for which source. Vite writes the manifest, this reads it once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.templatetags.static import static

DIST = Path(__file__).resolve().parent / "static" / "screens" / "dist"


@cache
def _manifest() -> dict[str, Any]:
    try:
        return json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        return {}


def manifest() -> dict[str, Any]:
    if settings.DEBUG:
        _manifest.cache_clear()
    return _manifest()


@cache
def _url(name: str) -> str:
    return static(f"screens/dist/{name}")


def asset(source: str) -> str:
    """The address of a built file: asset("app.js"). "" before `make assets` has run: the page works without."""
    entry = manifest().get(f"src/{source}")
    return _url(entry["file"]) if entry else ""


def styles() -> list[str]:
    """The style sheets of the first paint: one."""
    entry = manifest().get("src/app.js", {})
    return [_url(name) for name in entry.get("css", ())]


@cache
def _sprite() -> dict[str, Any]:
    try:
        return json.loads((DIST / "sprite.json").read_text())
    except FileNotFoundError:
        return {"file": "i/none.svg", "icons": []}


@cache
def _sprite_url(file: str) -> str:
    return static(file)


def sprite_url() -> str:
    if settings.DEBUG:
        _sprite.cache_clear()
    return _sprite_url(_sprite()["file"])


def icons() -> list[str]:
    """The icons that were built into the sprite."""
    return _sprite()["icons"]


@cache
def fonts(language: str) -> list[str]:
    """The font files worth fetching before the style sheet is read."""
    wanted = "noto-naskh-arabic-arabic-wght-normal.woff2" if language == "ur" else "inter-latin-wght-normal.woff2"
    return [_url(entry["file"]) for name, entry in manifest().items() if name.endswith(wanted)]
