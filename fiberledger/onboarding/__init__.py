"""Onboarding: a provider moves in.

Owns: what a row of their old spreadsheet means across the rooms: subscriber, place, plan, line, login, opening balance, tags, note.
Verbs: none of its own; it teaches imports two importers, `subscribers` and `plans`. No tables, no events of its own.
"""
