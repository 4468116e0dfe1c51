"""Jobs: work that waits its turn, written in the same transaction as its cause.

Owns: the queue (procrastinate's tables), Run (long work that people watch).
Verbs: task, periodic, enqueue, publish, for_each_tenant, start_run, running, progress, run_waiting.
A job carries ids only, may run twice, and makes true what should be true. Listeners are named in wiring.
"""

from .queue import SOON, as_urgent_as, enqueue, for_each_tenant, is_urgent, listeners, periodic, publish, task, urgent
from .runs import progress, running, start_run
from .waiting import run_waiting

__all__ = [
    "SOON",
    "as_urgent_as",
    "enqueue",
    "for_each_tenant",
    "is_urgent",
    "listeners",
    "periodic",
    "progress",
    "publish",
    "run_waiting",
    "running",
    "start_run",
    "task",
    "urgent",
]
