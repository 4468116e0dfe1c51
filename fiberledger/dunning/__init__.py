"""Dunning: who is reminded, who is cut, and who comes back.

Owns: SuspensionPolicy, AreaGrace, Exemption, SuspensionRun and its lines.
Each file is one thing: the rules, pure functions from facts to a chain of reasons (rules.py), and those in force (policy.py);
the facts (cases.py) of whoever is in the place (scopes.py); looking before cutting (previews.py); the run (runs.py); what
the network cuts by itself (by_the_clock.py); overdue and back on (coming_back.py); spared and forgiven (sparing.py); why a
line is off (explaining.py), in words (words.py); reminders and messages (telling.py).
Cutting means telling the subscription; the network obeys the subscription, not us.
"""
