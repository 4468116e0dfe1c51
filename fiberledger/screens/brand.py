"""A tenant's brand colour as the accent: the same hue, made light or dark enough to be read on our surfaces."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from math import atan2, cos, hypot, sin

from fiberledger.tenancy import current_tenant_id

# The surfaces an accent is read on, as sRGB: paper's and ink's page and card.
_SURFACES = {"paper": ("#ffffff", "#f4f6fb"), "ink": ("#0d1320", "#131a29")}
_KEEP = 60.0
_known: dict[int, tuple[float, str]] = {}


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _gamma(channel: float) -> float:
    channel = min(1.0, max(0.0, channel))
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _rgb(colour: str) -> tuple[float, float, float]:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def luminance(colour: str) -> float:
    r, g, b = (_linear(channel) for channel in _rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """WCAG's ratio, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _to_lch(colour: str) -> tuple[float, float, float]:
    r, g, b = (_linear(channel) for channel in _rgb(colour))
    l_ = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    m_ = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    s_ = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    light = 0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_
    a = 1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_
    b_ = 0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_
    return light, hypot(a, b_), atan2(b_, a)


def _from_lch(light: float, chroma: float, hue: float) -> str:
    """The colour, its chroma lowered until a screen can show it."""
    while True:
        a, b = chroma * cos(hue), chroma * sin(hue)
        l_ = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
        m_ = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
        s_ = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
        rgb = (
            4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
            -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
            -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
        )
        if chroma < 0.005 or all(-0.002 <= channel <= 1.002 for channel in rgb):
            return "#" + "".join(f"{round(_gamma(channel) * 255):02x}" for channel in rgb)
        chroma *= 0.95


@lru_cache(maxsize=512)
def accent(colour: str, theme: str) -> tuple[str, str]:
    """The accent nearest to the brand colour that reaches 4.5 to 1 as text on the theme, and the text to put on it."""
    light, chroma, hue = _to_lch(colour.lower())
    step = -0.01 if theme == "paper" else 0.01
    shown = _from_lch(light, chroma, hue)
    # The tinted surface an accent's own soft background makes costs some contrast: leave room for it.
    while min(contrast(shown, surface) for surface in _SURFACES[theme]) < 5.2 and 0 <= light + step <= 1:
        light += step
        shown = _from_lch(light, chroma, hue)
    text = max(("#ffffff", "#0b1120"), key=lambda ink: contrast(shown, ink))
    return shown, text


def style_sheet(colour: str) -> str:
    """The few lines of CSS that replace the accent."""

    def lines(theme: str) -> str:
        shown, text = accent(colour, theme)
        return f"--color-primary:{shown};--color-primary-content:{text};--color-accent:{shown};--color-accent-content:{text};--c1:{shown}"

    return (
        f":root:root{{{lines('paper')}}}"
        f"@media (prefers-color-scheme:dark){{:root:root:not([data-theme]){{{lines('ink')}}}}}"
        f":root:root[data-theme=ink]{{{lines('ink')}}}"
    )


def is_colour(text: str) -> bool:
    return bool(re.fullmatch(r"#[0-9a-fA-F]{6}", text or ""))


def brand_colour() -> str:
    """The current tenant's colour, or "". Read once a minute: it is on every page and changes once a year."""
    tenant_id = current_tenant_id()
    kept = _known.get(tenant_id)
    if kept is None or kept[0] < time.monotonic():
        from fiberledger.tenancy.models import Profile

        colour = Profile.objects.values_list("brand_color", flat=True).first() or ""
        kept = (time.monotonic() + _KEEP, colour if is_colour(colour) else "")
        _known[tenant_id] = kept
    return kept[1]


def forget(tenant_id: int) -> None:
    """Called when the company profile was saved, so that its own page shows the new colour at once."""
    _known.pop(tenant_id, None)
