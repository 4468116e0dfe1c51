"""Dunning: who is reminded, who is cut, and who comes back.

Owns: SuspensionPolicy, AreaGrace, Exemption, SuspensionRun and its lines.
Verbs: preview, start_run, lift_breaker, reconsider, exempt, mark_overdue, remind, why_cut, look_ahead, plan_cuts.
The rules are pure functions (rules.py) whose chain of reasons is stored beside each status change.
Cutting means telling the subscription; the network obeys the subscription, not us.
"""
