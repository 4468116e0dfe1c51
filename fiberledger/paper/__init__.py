"""Paper: documents as PDF, set by Typst.

Owns: Document (an invoice, a receipt, a statement: one shape for A4, 80 mm and 58 mm), Report (a table over pages),
and the Typst templates. Verbs: render, render_many, qr. No tables, no events.
A room says what stands on its paper; how it looks is decided here.
"""

from .documents import Column, Document, Party, Report, Size
from .press import qr, render, render_many

__all__ = ["Column", "Document", "Party", "Report", "Size", "qr", "render", "render_many"]
