from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.access.models import Nas
from fiberledger.screens import Bulk, Button, Column, Empty, Filter, Screen, View
from fiberledger.screens.cells import looks

from . import pages
from .models import Difference, RouterStep

looks("bad", "circle-minus", "missing")
looks("warn", "pencil-line", "other")
looks("warn", "circle-plus", "extra")
looks("bad", "user-round-x", "taken", "impossible")
looks("warn", "send", "sent")
looks("bad", "hand", "blocked")
looks("warn", "eye", "ready")
looks("warn", "loader", "reading", "applying")
looks("bad", "undo-2", "returning", "returned")


def _of_routers(request: Any) -> list[tuple[Any, Any]]:
    return list(Nas.objects.visible_to(request.actor).filter(kept__isnull=False).values_list("pk", "name"))


def _at_routers(queryset: QuerySet, values: list[str]) -> QuerySet:
    return queryset.filter(nas__in=[int(value) for value in values if value.isdecimal() and len(value) < 19])


def _accepted(rows: Any) -> Any:
    return rows.accepted()


def _to_heal(rows: Any) -> Any:
    return rows.to_heal()


_NAS = Filter("nas", _("Router"), choices=_of_routers, apply=_at_routers)


def _person(row: Any) -> str:
    return row.account.subscription.subscriber.name if row.account else ""


def _person_url(row: Any) -> str:
    if not row.account:
        return ""
    return f"{reverse('subscribers:subscriber', args=[row.account.subscription.subscriber_id])}?tab=network"


_PERSON = Column(
    "person", _("Subscriber"), value=_person, needs="account__subscription__subscriber", url=_person_url, sort=False
)
_KIND = Column("kind", _("On the router as"), value=pages.kind_word, sort=False)

differences = Screen(
    model=Difference,
    view_needs="provisioning.view",
    edit_needs="-",
    create_needs="-",
    icon="hard-drive",
    title=_("differences on routers"),
    columns=(
        Column("name", kind="code", sort=False),
        _PERSON,
        _KIND,
        Column("what", kind="badge", sort=False),
        Column("has", sort=False),
        Column("wants", sort=False),
        Column("since", kind="ago", sort="since"),
        Column("nas", sort=False),
        Column("state", kind="badge", sort=False),
        Column("answer", sort=False),
        Column("accepted_until", kind="moment", sort=False, hidden=True),
        Column("accepted_by", sort=False, hidden=True),
        Column("accepted_why", sort=False, hidden=True),
    ),
    filters=(
        "what",
        "state",
        _NAS,
        Filter("accepted", _("Accepted"), test=_accepted, icon="hand"),
        Filter("open", _("To heal"), test=_to_heal, icon="heart-pulse"),
    ),
    views=(View("open", _("To heal"), "open=1"), View("accepted", _("Accepted"), "accepted=1")),
    search=pages.search,
    search_hint=_("Username"),
    page_size=33,
    order="since",
    record=False,
    status="",
    bulk=(
        Bulk(
            "heal",
            _("Heal now"),
            pages.heal_many,
            "heart-pulse",
            "provisioning.heal",
            _("Look at the routers of %(count)s differences now, and put right what differs?"),
        ),
        Bulk(
            "take-over",
            _("Take over"),
            pages.take_over_many,
            "stamp",
            "provisioning.heal",
            _("Make the entries of %(count)s differences ours, in their place? Other differences are left as they are."),
        ),
    ),
    buttons=(
        Button(
            _("Accept as it is"), "provisioning:accept", "hand", "provisioning.heal",
            when=lambda found: not found.is_accepted,
        ),
        Button(
            _("Take over"), "provisioning:take-over", "stamp", "provisioning.heal", post=True,
            when=lambda found: found.what == "taken",
        ),
    ),
    empty=Empty(
        _("The routers have what the books say"),
        _("What we keep on routers is read back every five minutes. What differs appears here until it was seen to be right."),
        "circle-check",
    ),
)  # fmt: skip

steps = Screen(
    model=RouterStep,
    view_needs="provisioning.view",
    edit_needs="-",
    create_needs="-",
    icon="list-checks",
    columns=(
        Column("name", kind="code", sort=False),
        Column("verb", sort=False, value=lambda row: row.get_verb_display()),
        _KIND,
        Column("detail", sort=False),
        Column("state", kind="badge", sort=False),
        Column("answer", sort=False),
        Column("nas", sort=False),
        Column("done_at", kind="ago", sort=False),
    ),
    filters=("verb", "state", _NAS),
    order="-pk",
    record=False,
    status="",
    empty=Empty(_("Nothing was done on a router yet"), _("Every change that we make on a router is kept here for ninety days."), "list-checks"),
)  # fmt: skip
