"""Usage: what each line moved, and what follows from it.

Owns: the roll-ups usage_hour, usage_day and usage_month, SessionCount (how much of a session is in them, and how fast it is).
Verbs: rollup.fold (from what routers reported into the roll-ups), rollup.verify (the proof).
Reads the sessions of access; no packet ever waits for it. Knows nothing of money.
"""
