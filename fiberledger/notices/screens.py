from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from fiberledger import screens as frame
from fiberledger.screens import Bulk, Button, Column, Empty, Screen, View

from . import services
from .models import Notice


def _skip(request, rows):
    count = services.skip(list(rows.values_list("pk", flat=True)), by=request.actor)
    frame.toast(request, ngettext("%(n)d message skipped.", "%(n)d messages skipped.", count) % {"n": count})


def _put_back(request, rows):
    count = services.put_back(list(rows.values_list("pk", flat=True)))
    frame.toast(request, ngettext("%(n)d message waits again.", "%(n)d messages wait again.", count) % {"n": count})


notices = Screen(
    model=Notice,
    name="notice",
    title=_("Messages"),
    permission="notices",
    edit_needs="-",
    create_needs="-",
    icon="message-square-text",
    columns=(
        Column("subscriber__name", _("Subscriber")),
        Column("event", sort=False, kind="text", value=lambda notice: notice.get_event_display()),
        Column("state", sort=False),
        Column("via", sort=False, kind="text", value=lambda notice: notice.get_via_display()),
        Column("created_at", sort=False),
        Column("sent_at", sort=False),
        Column("sent_by", sort=False),
        Column("why", hidden=True, sort=False),
    ),
    filters=("state", "event", "via"),
    views=(
        View("waiting", _("Waiting"), "state=waiting"),
        View("sent", _("Sent"), "state=sent"),
        View("failed", _("Failed"), "state=failed"),
    ),
    search=("subscriber__name", "subscriber__phone"),
    bulk=(
        Bulk("skip", _("Skip"), _skip, "x", "notices.send", confirm=_("%(count)s messages will not be sent.")),
        Bulk("put_back", _("Put back"), _put_back, "undo-2", "notices.send"),
    ),
    list_buttons=(Button(_("Send one by one"), "notices:outbox", "send", "notices.view", primary=True),),
    order="-pk",
    empty=Empty(
        _("No messages yet"),
        _("Bills, receipts and reminders write one by themselves; you send it with one click."),
        "message-square-text",
    ),
)
