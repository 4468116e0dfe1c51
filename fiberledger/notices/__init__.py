"""Notices: what the ISP tells its subscribers.

Owns: Notice (the outbox), NoticeTemplate (wording per event and language), NoticePolicy.
Verbs: queue, queue_many, queue_from, drop, mark_sent, skip. A job sends the mail.
A notice names its event and its values; the words are put together when it is shown or sent, and frozen when it goes.
By hand it goes by one click on a WhatsApp or SMS link; by mail it goes by itself.
"""

from fiberledger.tenancy.rooms import verbs

__all__, __getattr__ = verbs(__name__, services="Told drop mark_sent queue queue_from queue_many skip words_for")
