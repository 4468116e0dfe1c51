"""What this room adds to a subscriber's record."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Tab

from . import pages

PARTS = [
    Tab(
        "usage", _("Usage"), "usage/_of_subscriber.html", pages.of_subscriber, "usage.view", on="subscribers.subscriber",
        order=45, icon="chart-column",
    ),
]  # fmt: skip
