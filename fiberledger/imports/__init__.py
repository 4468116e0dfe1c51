"""Imports: other people's spreadsheets, brought in without losing or doubling a row.

Owns: reading CSV, XLSX, XLS and ODS of any origin in bounded memory; guessing the columns; the rules of cells (phones,
money, dates, national ids…); ImportRun with its verdicts, progress, error file and undo; saved column maps.
Verbs: services.receive, set_map, check, take, undo. What a row *means* is an Importer's to say: rooms above register one.
"""

from .faults import Fault
from .importer import Collision, Field, Importer, Verdict, importers
from .readers import Sheet, open_sheet

__all__ = ["Collision", "Fault", "Field", "Importer", "Sheet", "Verdict", "importers", "open_sheet"]
