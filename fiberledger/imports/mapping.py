"""Which of their columns is which of our fields: guessed from the header's words, then from what the cells look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from .importer import Field

HEADER_WITHIN = 25  # rows in which a header is looked for
SAMPLE = 60  # rows of which the content is looked at


def plain(header: str) -> str:
    """«Mobile No.» as «mobile no»: the form in which headers and synonyms meet."""
    return " ".join(re.sub(r"[\W_]+", " ", header.lower()).split())


def find_header(rows: Sequence[tuple[int, list]], fields: Iterable[Field]) -> int:
    """The index among the first rows of the one that names the columns: a title above it is not mistaken for it."""
    fields = list(fields)
    known = {word for field in fields for word in field.words()}
    best, best_score = 0, 0.0
    for index, (_line, cells) in enumerate(rows[:HEADER_WITHIN]):
        filled = [cell for cell in cells if cell != ""]
        if len(filled) < 2 and len(cells) != 1:
            continue
        texts = [plain(cell) for cell in filled if type(cell) is str]
        hits = len({text for text in texts if text in known})
        near = sum(
            1
            for text in texts
            if text not in known and text and any(f" {text} ".find(f" {word} ") >= 0 for word in known)
        )
        wordy = sum(1 for text in texts if text and not text.isdigit()) / max(len(filled), 1)
        # «Model Town» below a header holds the word town: near misses only add to a row that names something outright.
        score = hits * 3 + (near * 0.5 if hits else 0) + wordy - index * 0.05
        if score > best_score:
            best, best_score = index, score
    return best


def is_a_row(cells: Sequence, fields: Iterable[Field], country: str) -> bool:
    """A list that begins with its first customer: no cell is a column's name, and one can be told by what it holds."""
    fields = list(fields)
    known = {word for field in fields for word in field.words()}
    if any(type(cell) is str and plain(cell) in known for cell in cells):
        return False
    tests = [field.looks_like for field in fields if field.looks_like and field.by_content and field.required]
    return any(test(cell, country) for test in tests for cell in cells if cell != "")


def name_columns(cells: Sequence) -> list[str]:
    """The header with a name for every column and none twice: Phone, Phone (2), Column D."""
    names: list[str] = []
    for index, cell in enumerate(cells):
        name = " ".join(str(cell).split())[:120] or f"Column {_letter(index)}"
        original, times = name, 2
        while name in names:
            name = f"{original} ({times})"
            times += 1
        names.append(name)
    return names


def _letter(index: int) -> str:
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def guess(
    columns: Sequence[str], samples: Sequence[Sequence[str | date]], fields: Iterable[Field], country: str
) -> dict[str, str]:
    """{our field: their column}, each column used once, surest pairs first."""
    pairs: list[tuple[float, int, int, str, str]] = []
    for position, field in enumerate(fields):
        words = field.words()
        for index, column in enumerate(columns):
            name = plain(column)
            score = 0.0
            if name in words:
                score = 1.0
            elif name:
                inside = [word for word in words if len(word) > 2 and f" {word} " in f" {name} "]
                if inside:
                    score = 0.5 + 0.3 * max(len(word) for word in inside) / len(name)
            cells = [row[index] for row in samples if index < len(row) and row[index] != ""]
            if field.looks_like and cells:
                fit = sum(1 for cell in cells if field.looks_like(cell, country)) / len(cells)
                if score and score < 1.0 and fit < 0.3:
                    score = 0.0
                elif not score and field.by_content and fit >= 0.8 and len(cells) >= 3:
                    score = 0.3 * fit
                elif score:
                    score += 0.1 * fit
            if score > 0:
                pairs.append((-score, position, index, field.code, column))
    result: dict[str, str] = {}
    for _score, _position, _index, code, column in sorted(pairs):
        if code not in result and column not in result.values():
            result[code] = column
    return result
