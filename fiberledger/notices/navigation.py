from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("subscribers", _("Messages to send"), "notices:outbox", "send", "notices.view", order=60),
    Entry(
        "settings",
        _("Messages to subscribers"),
        "notices:settings",
        "message-square-text",
        "notices.settings",
        order=50,
    ),
]
