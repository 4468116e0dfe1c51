"""fiberledger worker: somebody to do the jobs."""

from __future__ import annotations

from typing import Any


def add_commands(subparsers: Any) -> None:
    worker = subparsers.add_parser("worker", help="only a job worker")
    worker.add_argument("--concurrency", type=int, default=2, metavar="N", help="jobs at once (default %(default)s)")
    worker.set_defaults(run=_worker, needs="nothing")


def _worker(options: Any) -> int:
    import django

    django.setup()
    from .worker import work

    work(options.concurrency)
    return 0
