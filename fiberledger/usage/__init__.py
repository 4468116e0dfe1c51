"""Usage: what each line moved, and what follows from it.

Owns: the roll-ups usage_hour, usage_day and usage_month, SessionCount (how much of a session is in them, and how fast it
is), LineUsage (what a line used in its period, what it may, and what applies to it for that).
Verbs: rollup.fold (from what routers reported into the roll-ups), rollup.verify (the proof), services.reconsider.
What applies is decided in rules.decide() and told to access, which answers with it. No packet ever waits for any of it.
Obeys the subscription, its plan and its add-ons. Events (events.py): AllowancesChanged. Knows nothing of money.
"""
