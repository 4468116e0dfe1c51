from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from fiberledger.money import Money
from fiberledger.screens import Button, Column, Empty, Fact, Screen, Tab, View

from .forms import AddOnForm, PlanForm, TaxRateForm
from .models import MOST_HOURS, AddOn, Plan, TaxRate


def _facts(request: Any, plan: Plan) -> list[Fact]:
    return [
        Fact(_("Price"), Money(plan.price, plan.currency), icon="wallet"),
        Fact(_("Speed"), plan.speed or "—", icon="gauge"),
        Fact(_("Valid for"), _("%d days") % plan.validity_days, icon="calendar"),
    ]


_DETAILS = (
    "download_kbps", "upload_kbps", "burst_download_kbps", "burst_upload_kbps", "burst_threshold_download_kbps",
    "burst_threshold_upload_kbps", "burst_seconds", "router_profile", "radius_profile", "address_pool",
    "static_ip_allowed", "public_ip_allowed", "sold_by_resellers", "description",
)  # fmt: skip


def _hours(request: Any, plan: Plan) -> dict[str, Any]:
    return {"hours": list(plan.hours.all()[:MOST_HOURS]), "may_edit": request.actor.may("catalog.edit")}


plans = Screen(
    model=Plan,
    form=PlanForm,
    rows="listed",
    permission="catalog",
    icon="gauge",
    number="code",
    columns=(
        "name",
        Column("code", kind="code"),
        Column("speed", _("Speed"), sort="download_kbps"),
        "price",
        Column("validity_days", _("Days"), hidden=True),
        Column("cycle", hidden=True),
        "category",
        Column("connection_type", hidden=True),
        "tax__name",
        Column("tax_inclusive", hidden=True),
        Column("quota_mb", hidden=True),
        Column("at_limit", hidden=True, sort=False),
        Column("slow_download_kbps", hidden=True, sort=False),
        Column("slow_upload_kbps", hidden=True, sort=False),
        *(Column(name, hidden=True) for name in ("installation_fee", "deposit", "reconnection_fee", "late_fee")),
        *(Column(name, sort=False, hidden=True) for name in _DETAILS),
        Column("areas", value=lambda plan: ", ".join(area.path_names for area in plan.areas.all()), hidden=True),
        Column("branches", value=lambda plan: ", ".join(branch.name for branch in plan.branches.all()), hidden=True),
        "status",
    ),
    filters=("status", "category", "connection_type", "tax", "price"),
    search=("name", "code"),
    order="name",
    views=(
        View("sale", _("On sale"), "status=active"),
        View("drafts", _("Drafts"), "status=draft"),
        View("closed", _("No new sales"), "status=deprecated&status=archived"),
    ),
    facts=_facts,
    tabs=(Tab("hours", _("Hours"), "catalog/_hours.html", _hours, order=20, icon="clock"),),
    buttons=(
        Button(
            _("Put on sale"),
            "catalog:plan-on-sale",
            "play",
            "catalog.edit",
            post=True,
            order=50,
            when=lambda plan: plan.status != Plan.Status.ACTIVE,
        ),
        Button(
            _("Stop selling"),
            "catalog:plan-stop",
            "pause",
            "catalog.edit",
            post=True,
            order=60,
            confirm=_("Nobody can buy this plan any more; those who have it keep it."),
            when=lambda plan: plan.status == Plan.Status.ACTIVE,
        ),
        Button(
            _("Archive"),
            "catalog:plan-archive",
            "archive",
            "catalog.edit",
            post=True,
            order=70,
            confirm=_("The plan leaves the lists; those who have it keep it."),
            when=lambda plan: plan.status != Plan.Status.ARCHIVED,
        ),
    ),
    empty=Empty(
        _("No plans yet"),
        _("A plan is what you sell: speed, price and how long it lasts."),
        "gauge",
        "catalog:plan-new",
        _("Add a plan"),
    ),
)


def _add_on_facts(request: Any, add_on: AddOn) -> list[Fact]:
    every = _("every period") if add_on.every_period else _("once")
    return [
        Fact(_("Price"), add_on.money, hint=every, icon="wallet"),
        Fact(_("Gives"), add_on.gives or add_on.get_kind_display(), icon="puzzle"),
    ]


add_ons = Screen(
    model=AddOn,
    form=AddOnForm,
    permission="catalog",
    icon="puzzle",
    number="code",
    columns=(
        "name",
        Column("code", kind="code"),
        "kind",
        Column("gives", _("Gives"), sort=False),
        "price",
        "every_period",
        Column("tax__name", hidden=True),
        Column("tax_inclusive", hidden=True),
        *(
            Column(name, sort=False, hidden=True)
            for name in ("is_public", "mb", "hours", "download_kbps", "upload_kbps", "description")
        ),
        "status",
    ),
    filters=("status", "kind", "every_period", "tax"),
    search=("name", "code"),
    order="name",
    page_size=45,
    views=(
        View("sale", _("On sale"), "status=active"),
        View("closed", _("No new sales"), "status=deprecated&status=archived"),
    ),
    facts=_add_on_facts,
    buttons=(
        Button(
            _("Put on sale"),
            "catalog:addon-on-sale",
            "play",
            "catalog.edit",
            post=True,
            order=50,
            when=lambda add_on: add_on.status != AddOn.Status.ACTIVE,
        ),
        Button(
            _("Stop selling"),
            "catalog:addon-stop",
            "pause",
            "catalog.edit",
            post=True,
            order=60,
            confirm=_("Nobody can buy this add-on any more; those who have it keep it."),
            when=lambda add_on: add_on.status == AddOn.Status.ACTIVE,
        ),
        Button(
            _("Archive"),
            "catalog:addon-archive",
            "archive",
            "catalog.edit",
            post=True,
            order=70,
            confirm=_("The add-on leaves the lists; those who have it keep it."),
            when=lambda add_on: add_on.status != AddOn.Status.ARCHIVED,
        ),
    ),
    empty=Empty(
        _("No add-ons yet"),
        _("An add-on is sold to a line besides its plan: more data, a boost, a fixed address, rent of a device."),
        "puzzle",
        "catalog:addon-new",
        _("Add an add-on"),
    ),
)

taxes = Screen(
    model=TaxRate,
    form=TaxRateForm,
    permission="catalog",
    icon="percent",
    columns=("name", "percent", "is_active"),
    filters=("is_active",),
    search=("name",),
    order="name",
    record=False,
    empty=Empty(
        _("No taxes yet"),
        _("Add the sales tax your plans are charged with."),
        "percent",
        "catalog:taxrate-new",
        _("Add a tax"),
    ),
)
