"""Any brand colour becomes an accent that can be read, and every status has a look."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fiberledger.screens import assets, brand, cells

COLOURS = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")


@given(COLOURS, st.sampled_from(["paper", "ink"]))
def test_every_brand_colour_reaches_aa_in_both_themes(colour, theme):
    accent, text = brand.accent(colour, theme)
    assert all(brand.contrast(accent, surface) >= 4.5 for surface in brand._SURFACES[theme])
    assert brand.contrast(accent, text) >= 4.5


def test_the_contrast_is_wcags():
    assert round(brand.contrast("#000000", "#ffffff"), 2) == 21
    assert round(brand.contrast("#777777", "#ffffff"), 2) == 4.48


def test_every_icon_of_a_badge_was_built():
    built = set(assets.icons())
    if built:
        assert {icon for _tone, icon in cells.LOOKS.values()} <= built
