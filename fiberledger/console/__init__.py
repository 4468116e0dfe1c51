"""Console: the face that staff see: home, dashboards, the palette, company settings, error pages.

Owns: the dashboard shell (its figures come from the rooms' figures.py), the palette's endpoint, running jobs, settings.
Verbs: none; it shows what the rooms declare. No tables, no events.
"""
