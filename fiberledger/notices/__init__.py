"""Notices: what the ISP tells its subscribers.

Owns: Notice (the outbox), NoticeTemplate (wording per event and language), NoticePolicy.
Verbs: queue, queue_many, queue_from, drop, mark_sent, skip. A job sends the mail.
A notice names its event and its values; the words are put together when it is shown or sent, and frozen when it goes.
By hand it goes by one click on a WhatsApp or SMS link; by mail it goes by itself.
"""

from typing import Any

_SERVICES = ("Told", "drop", "mark_sent", "queue", "queue_from", "queue_many", "skip", "words_for")

__all__ = sorted(_SERVICES)


def __getattr__(name: str) -> Any:
    # A room is imported before Django's models are ready, and these verbs need them.
    if name not in _SERVICES:
        raise AttributeError(name)
    from . import services

    return getattr(services, name)
