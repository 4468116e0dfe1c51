from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import segno
import typst

from .documents import Document, Report, Size

_HERE = Path(__file__).parent
_RIGHT_TO_LEFT = {"ur", "ar", "fa", "ps", "sd"}
# A compiler keeps its fonts and what it has laid out before; renewing it now and then gives the memory back.
_PRINTS_PER_COMPILER = 2_000

_own = threading.local()
_quoted = partial(json.dumps, ensure_ascii=False)


def _compiler() -> typst.Compiler:
    if getattr(_own, "prints_left", 0) <= 0:
        _own.compiler = typst.Compiler(root="/", font_paths=[str(_HERE / "fonts")], ignore_system_fonts=True)
        _own.prints_left = _PRINTS_PER_COMPILER
    _own.prints_left -= 1
    return _own.compiler


def qr(text: str) -> list[int]:
    """The code's modules row by row, 0 black and 255 white: the smallest that survives a scratch (error correction M)."""
    # A mask given saves trying all eight; any of them can be read.
    rows = segno.make(text, error="m", micro=False, boost_error=False, mask=2).matrix
    return [0 if dark else 255 for row in rows for dark in row]


def source(kind: str, data: dict[str, Any]) -> str:
    """What Typst reads: the template as a library, and the data. (With data in `sys.inputs` it forgets what it has laid out.)"""
    return f"#import {_quoted(f'{_HERE}/typst/{kind}.typ')}: print\n#print(json(bytes({_quoted(_quoted(data))})))"


def render_many(papers: Sequence[Document | Report], *, language: str = "en", size: Size = Size.A4) -> bytes:
    """One PDF of several papers of one kind, each beginning on a page of its own."""
    kind = "report" if isinstance(papers[0], Report) else "document" if size is Size.A4 else "roll"
    pages = []
    for paper in papers:
        page = asdict(paper)
        if page.get("qr"):
            page["qr"] = qr(page["qr"])
        pages.append(page)
    data = {
        "language": language[:2],
        "dir": "rtl" if language[:2] in _RIGHT_TO_LEFT else "ltr",
        "width": size.removesuffix("mm") if size is not Size.A4 else "",
        "pages": pages,
    }
    compiler: Any = _compiler()
    return compiler.compile(input=source(kind, data).encode(), format="pdf")


def render(paper: Document | Report, *, language: str = "en", size: Size = Size.A4) -> bytes:
    """The paper as PDF. Latin, Urdu (Nastaliq), Bangla and Devanagari are shaped as their readers expect."""
    return render_many([paper], language=language, size=size)
