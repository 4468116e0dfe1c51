"""The wiring: which event wakes which job, and what every new tenant is furnished with. One page, read top down."""

from __future__ import annotations

from fiberledger import jobs
from fiberledger.billing.events import InvoicesIssued, InvoiceVoided
from fiberledger.billing.services import provision as billing_rules
from fiberledger.dunning.policy import provision as suspension_rules
from fiberledger.identity.services import provision as roles_for_everyone
from fiberledger.ipam.events import AddressesChanged
from fiberledger.ipam.services import provision as one_table_of_addresses
from fiberledger.ledger.services import provision as open_books
from fiberledger.notices.services import provision as notice_rules
from fiberledger.payments.events import PaymentRecorded, PaymentReversed
from fiberledger.payments.services import provision as payment_rules
from fiberledger.subscribers.services import provision as registration_rules
from fiberledger.subscriptions.events import (
    AddOnsChanged,
    PlansChanged,
    SubscriptionsChanged,
    SubscriptionsResumed,
    SubscriptionsSuspended,
)
from fiberledger.tenancy import services as tenancy
from fiberledger.usage.events import AllowancesChanged
from fiberledger.vault.events import ManySecretsSeen
from fiberledger.vault.locking import provision as data_key

# A room's provision() gives a new tenant the rows that the room wants every tenant to have.
PROVISIONERS = [
    tenancy.furnish_profile,
    data_key,
    roles_for_everyone,
    open_books,
    registration_rules,
    billing_rules,
    notice_rules,
    payment_rules,
    suspension_rules,
    one_table_of_addresses,
]

LISTENERS: dict[type, list[str]] = {
    PaymentRecorded: ["payments.send_receipt", "dunning.reconsider"],
    PaymentReversed: ["payments.tell_reversed", "dunning.reconsider"],
    InvoicesIssued: ["dunning.expect"],
    InvoiceVoided: ["dunning.reconsider"],
    SubscriptionsChanged: ["access.apply_access", "usage.reconsider", "provisioning.follow"],
    PlansChanged: ["access.apply_access", "usage.reconsider", "provisioning.follow"],
    AddressesChanged: ["access.follow_addresses", "provisioning.follow"],
    AddOnsChanged: ["ipam.take_back_sold", "access.apply_access", "usage.reconsider"],
    AllowancesChanged: ["provisioning.follow"],
    SubscriptionsSuspended: ["dunning.tell_suspended"],
    SubscriptionsResumed: ["dunning.tell_resumed"],
    ManySecretsSeen: ["team.tell_owners_of_looks"],
}


# Somebody who has paid waits for these, and for what they set going.
URGENT = {"dunning.reconsider"}


def install() -> None:
    tenancy.provisioners[:] = PROVISIONERS
    jobs.listeners.clear()
    jobs.listeners.update(LISTENERS)
    jobs.urgent.clear()
    jobs.urgent.update(URGENT)
