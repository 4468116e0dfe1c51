"""Tracing: who held this address, and this port of it, at that time; and the case file of everybody who asked.

Owns: TraceCase (who asked on whose authority, who approved, what was disclosed, when it is deleted). Verbs (services):
open_case, approve, refuse, look, forget. Question: finding.holders. No events.
Nothing is looked up before a second person has approved; what was found is frozen, and every look at it is written down.
"""
