"""Dunning: who is reminded, who is cut, and who comes back.

Owns: SuspensionPolicy, AreaGrace, Exemption, SuspensionRun and its lines.
Verbs, a file for each matter: previews.preview; runs.start_run, lift_breaker, cancel_run, cut_batch;
by_the_clock.look_ahead, plan_cuts, withdraw_cuts (what the network cuts by itself); coming_back.reconsider,
mark_overdue; sparing.exempt, end_exemption, forgive; telling.remind, tell_suspended, tell_resumed; and the question
explaining.why_cut.
All decide alike: cases.py reads the facts of everyone in a scope (scopes.py), policy.py has the rules in force, and
rules.py are pure functions whose chain of reasons is stored beside each status change; words.py says it in words.
Cutting means telling the subscription; the network obeys the subscription, not us.
"""
