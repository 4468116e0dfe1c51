"""The wiring: which event wakes which job, and what every new tenant is furnished with. One page, read top down."""

from __future__ import annotations


from fiberledger import jobs
from fiberledger.identity.services import provision as roles_for_everyone
from fiberledger.ledger.services import provision as open_books
from fiberledger.subscribers.services import provision as registration_rules
from fiberledger.tenancy import services as tenancy

# A room's provision() gives a new tenant the rows that the room wants every tenant to have.
PROVISIONERS = [
    tenancy.furnish_profile,
    roles_for_everyone,
    open_books,
    registration_rules,
]

LISTENERS: dict[type, list[str]] = {}


def install() -> None:
    tenancy.provisioners[:] = PROVISIONERS
    jobs.listeners.clear()
    jobs.listeners.update(LISTENERS)


