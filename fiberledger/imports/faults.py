from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken: the word is a contract with machines, label and remedy are for the reader."""

    word: str
    field: str
    value: str = ""

    def as_list(self) -> list[str]:
        return [self.word, self.field, self.value[:200]]


# Words that any importer may use; an importer adds its own in `remedies`.
REMEDIES: dict[str, Any] = {
    "row too long": gettext_lazy(
        "The row has more cells than the header. A text with a comma in it needs quotation marks."
    ),
    "value too long": gettext_lazy("Shorten the text."),
}


def remedy(word: str, importer: Any = None) -> str:
    """What to do about a fault, in the reader's language."""
    own = getattr(importer, "remedies", {})
    if word in own:
        return str(own[word])
    if word in REMEDIES:
        return str(REMEDIES[word])
    return _("Correct the value, then send the row again.")


def said(word: str, importer: Any = None) -> str:
    """The fault word as the reader's language says it."""
    own = getattr(importer, "words", {})
    return str(own.get(word, word.capitalize()))
