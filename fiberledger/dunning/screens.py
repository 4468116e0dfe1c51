from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.screens import Button, Column, Empty, Filter, Screen, View
from fiberledger.screens.cells import looks

from .forms import AreaGraceForm
from .models import AreaGrace, Exemption, SuspensionRun

looks("warn", "octagon-pause", "stopped")


def _standing(rows: Any) -> Any:
    return rows.standing(calendar.today())


runs = Screen(
    model=SuspensionRun,
    name="run",
    title=_("Suspension runs"),
    permission="dunning",
    edit_needs="-",
    create_needs="-",
    icon="unplug",
    status="state",
    columns=(
        Column("created_at", _("Started"), sort=False),
        "mode",
        Column("scope_name", _("Where"), sort=False),
        "state",
        Column("to_cut", sort=False),
        Column("cut", sort=False),
        Column("started_by", kind="who", sort=False),
        Column("lifted_by", hidden=True, sort=False),
        Column("note", hidden=True, sort=False),
    ),
    filters=("state", "mode", "as_of"),
    views=(View("stopped", _("Stopped"), "state=stopped"),),
    order="-pk",
    list_buttons=(Button(_("Who would be cut?"), "dunning:preview", "unplug", "dunning.view", primary=True),),
    empty=Empty(
        _("Nobody was cut yet"),
        _("See first who would be cut and why; nothing happens before you confirm."),
        "unplug",
        "dunning:preview",
        _("Who would be cut?"),
    ),
)

exemptions = Screen(
    model=Exemption,
    name="exemption",
    title=_("Spared from suspension"),
    permission="dunning",
    edit_needs="-",
    create_needs="-",
    icon="shield",
    columns=(
        Column("subscriber__name", _("Subscriber"), url=lambda row: f"/subscribers/{row.subscriber_id}/"),
        Column("until", sort=False),
        Column("why", sort=False),
        Column("given_by", sort=False),
        Column("given_at", sort=False),
        Column("ended_at", sort=False),
    ),
    filters=(Filter("standing", _("Standing"), test=_standing),),
    views=(View("standing", _("Standing"), "standing=1"),),
    search=("subscriber__name", "why"),
    order="-pk",
    record=False,
    buttons=(
        Button(
            _("End now"), "dunning:end_exemption", "shield-off", "dunning.exempt", post=True,
            when=lambda row: row.ended_at is None,
        ),
    ),
    empty=Empty(_("Nobody is spared"), _("On a subscriber's page: “Spare from suspension”."), "shield"),
)  # fmt: skip

graces = Screen(
    model=AreaGrace,
    name="grace",
    permission="dunning",
    view_needs="dunning.settings",
    edit_needs="dunning.settings",
    create_needs="dunning.settings",
    icon="map-pin",
    form=AreaGraceForm,
    columns=(Column("area__path_names", _("Area"), sort=False), Column("days", sort=False)),
    order="pk",
    record=False,
    exports=False,
    buttons=(Button(_("Remove"), "dunning:remove_grace", "trash-2", "dunning.settings", post=True, tone="bad"),),
    help=_("In these areas, and all streets below them, other days of grace hold. The nearest area decides."),
    empty=Empty(_("Everywhere the same grace"), _("Add an area that gets more or fewer days."), "map-pin"),
)
