"""The one table of statuses: what each means for billing and for the network, and where it may lead.

Subscriber and subscription share it; docs/statuses.md shows it; PostgreSQL's check constraints list the same words.
It knows no database: dunning, access and the import read it as plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    LEAD = "lead", _("Lead")
    PENDING = "pending", _("Pending installation")
    ACTIVE = "active", _("Active")
    OVERDUE = "overdue", _("Overdue")
    SUSPENDED = "suspended", _("Suspended")
    HOLD = "hold", _("Temporary hold")
    INACTIVE = "inactive", _("Inactive")
    SHIFTED = "shifted", _("Shifted")
    DISPUTED = "disputed", _("Legal/disputed")
    TERMINATED = "terminated", _("Terminated")
    BLACKLISTED = "blacklisted", _("Blacklisted")


class Network(StrEnum):
    """What a login meets: the line, the configured page for those who are cut, or a refusal."""

    ACCEPT = "accept"
    WALLED = "walled"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class State:
    status: Status
    bills: bool  # a new period is invoiced while the subscription stands here
    network: Network
    leads_to: frozenset[Status]
    means: str | Promise

    @property
    def label(self) -> str:
        return str(self.status.label)

    @property
    def is_over(self) -> bool:
        """Archived: out of everyday lists, restorable, never deleted."""
        return self.status in (Status.TERMINATED, Status.BLACKLISTED)


def _state(status: Status, bills: bool, network: Network, leads_to: str, means: str | Promise) -> tuple[Status, State]:
    return status, State(status, bills, network, frozenset(Status(word) for word in leads_to.split()), means)


STATES: dict[Status, State] = dict(
    (
        _state(
            Status.LEAD,
            False,
            Network.REJECT,
            "pending active inactive terminated blacklisted",
            _("Asked for a line; nothing is installed or sold."),
        ),
        _state(
            Status.PENDING,
            False,
            Network.REJECT,
            "active hold inactive terminated blacklisted",
            _("Sold; waits for installation. Billing starts when it becomes active."),
        ),
        _state(
            Status.ACTIVE,
            True,
            Network.ACCEPT,
            "overdue suspended hold inactive shifted disputed terminated blacklisted",
            _("In service and billed."),
        ),
        _state(
            Status.OVERDUE,
            True,
            Network.ACCEPT,
            "active suspended hold inactive shifted disputed terminated blacklisted",
            _("In service and billed; an invoice is past its due date."),
        ),
        _state(
            Status.SUSPENDED,
            False,
            Network.WALLED,
            "active overdue hold inactive shifted disputed terminated blacklisted",
            _("Cut for a reason; comes back when it is resumed. Days spent here are not billed anew."),
        ),
        _state(
            Status.HOLD,
            False,
            Network.REJECT,
            "active overdue suspended inactive shifted terminated blacklisted",
            _("Paused at the subscriber's wish; neither billed nor in service."),
        ),
        _state(
            Status.INACTIVE,
            False,
            Network.REJECT,
            "pending active hold shifted disputed terminated blacklisted",
            _("Out of service for now, for no debt; not billed."),
        ),
        _state(
            Status.SHIFTED,
            False,
            Network.REJECT,
            "pending active inactive terminated blacklisted",
            _("Moved away; waits for a line at the new place."),
        ),
        _state(
            Status.DISPUTED,
            True,
            Network.ACCEPT,
            "active overdue suspended inactive terminated blacklisted",
            _("The debt is contested or before a court: billed and in service, never cut by a run."),
        ),
        _state(
            Status.TERMINATED,
            False,
            Network.REJECT,
            "pending active inactive blacklisted",
            _("Left. Archived with its whole history; can be restored."),
        ),
        _state(
            Status.BLACKLISTED,
            False,
            Network.REJECT,
            "inactive terminated",
            _("Not to be served again; registering the same person anew needs permission."),
        ),
    )
)

# Of a subscriber with several subscriptions the list shows the first of these that any of them stands in: what wants
# attention before what does not, and a line that works before one that does not.
SHOWN_FIRST: tuple[Status, ...] = (
    Status.BLACKLISTED,
    Status.DISPUTED,
    Status.OVERDUE,
    Status.ACTIVE,
    Status.SUSPENDED,
    Status.PENDING,
    Status.HOLD,
    Status.SHIFTED,
    Status.INACTIVE,
    Status.LEAD,
    Status.TERMINATED,
)

# Entering these is a person's decision about the person: it is taken for all of their subscriptions at once.
ABOUT_THE_PERSON = frozenset({Status.BLACKLISTED})

ALL = tuple(STATES)
BILLED = frozenset(status for status, state in STATES.items() if state.bills)
IN_SERVICE = frozenset(status for status, state in STATES.items() if state.network is Network.ACCEPT)
OVER = frozenset(status for status, state in STATES.items() if state.is_over)
LIVE = frozenset(ALL) - OVER


def of(status: str) -> State:
    """The row of the table. An unknown word is a ValueError."""
    return STATES[Status(status)]


def bills(status: str) -> bool:
    return of(status).bills


def network(status: str) -> Network:
    return of(status).network


def may_go(old: str, new: str) -> bool:
    return Status(new) in of(old).leads_to


def sources_of(new: str) -> list[str]:
    """The statuses from which `new` can be reached, in the table's order."""
    return [str(status) for status, state in STATES.items() if Status(new) in state.leads_to]
