"""What happened to the addresses of lines."""

from __future__ import annotations

from fiberledger.subscriptions.events import SubscriptionsEvent


class AddressesChanged(SubscriptionsEvent):
    """These lines were given an address by hand or by a sale, or lost one."""
