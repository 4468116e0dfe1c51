"""Exports: rows on their way out, as CSV, XLSX or PDF.

Owns: the writers (constant memory, nothing that a spreadsheet would run), and the job that exports a list of any length.
Verbs: services.start (a list, as a Run one may leave), sheets.write (a small table, at once). No tables: an export is
a File and a Run. Lists are found by their Screen, so what is exported is what the page shows to that actor.
"""
