"""Role templates: what a new tenant's roles may, until the tenant decides otherwise.

One for every role that ISPs, resellers and platform owners named to us. Patterns are read in order; "!" takes away
again. A permission that a new room brings reaches every role whose pattern matches and which nobody has edited.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from . import permissions

OWNER = "owner"  # holds everything, in every kind of tenant; the last one can neither leave nor be demoted

_PLATFORM = ("platform",)
_RESELLER = ("platform_reseller",)
_ISP = ("isp",)


@dataclass(frozen=True)
class Template:
    code: str
    name: str  # as stored on the tenant's role
    description: Any
    patterns: tuple[str, ...]
    kinds: tuple[str, ...] = _ISP
    scope: str = "all"  # offered first when somebody is invited with it

    @property
    def label(self) -> str:
        from django.utils.translation import gettext

        return gettext(self.name)


_TEMPLATES = (
    Template(
        OWNER,
        gettext_noop("Owner"),
        _("Everything, and the only one who may make other owners."),
        ("*",),
        kinds=(*_PLATFORM, *_RESELLER, *_ISP),
    ),
    # the platform and those who resell it
    Template(
        "sub_admin",
        gettext_noop("Platform administrator"),
        _("Manages ISPs for the platform; cannot change the platform's own team."),
        ("*", "!members.*", "!roles.*", "members.view", "roles.view"),
        kinds=(*_PLATFORM, *_RESELLER),
    ),
    Template(
        "platform_support",
        gettext_noop("Platform support"),
        _("Sees the ISPs and the audit log; changes nothing."),
        ("*.view",),
        kinds=(*_PLATFORM, *_RESELLER),
    ),
    # an ISP's own people
    Template("admin", gettext_noop("Administrator"), _("Everything the owner may, except making owners."), ("*",)),
    Template(
        "manager",
        gettext_noop("Manager"),
        _("Runs the day: subscribers, bills, payments, reports, the team's work."),
        (
            "*",
            "!roles.manage",
            "!members.manage",
            "!audit.export",
            "!*.settings",
            "!console.company",
            "!access.reveal",
            "!dunning.cut_everyone",
        ),
    ),
    Template(
        "branch_manager",
        gettext_noop("Branch manager"),
        _("Subscribers, collection and reports of their own branches."),
        (
            "subscribers.*",
            "subscriptions.*",
            "files.*",
            "places.view",
            "catalog.view",
            "billing.view",
            "payments.*",
            "!payments.reverse",
            "!payments.backdate",
            "access.view",
            "usage.view",
            "reports.view",
            "dunning.view",
            "notices.view",
            "notices.send",
            "members.view",
            "!*.settings",
            "!*.export",
            "!subscribers.blacklist",
            "!subscriptions.price",
        ),
        scope="branches",
    ),
    Template(
        "reseller",
        gettext_noop("Reseller"),
        _("Their own subscribers only: adds them, collects, asks for service."),
        (
            "subscribers.view",
            "subscribers.create",
            "subscribers.edit",
            "subscribers.note",
            "subscriptions.view",
            "subscriptions.sell",
            "subscriptions.sell_add_ons",
            "files.view",
            "files.add",
            "catalog.view",
            "places.view",
            "billing.view",
            "payments.view",
            "payments.record",
            "payments.close_cash",
            "access.view",
            "usage.view",
        ),
        scope="resellers",
    ),
    Template(
        "sub_reseller",
        gettext_noop("Sub-reseller"),
        _("Sees their own subscribers and collects from them."),
        ("subscribers.view", "subscriptions.view", "catalog.view", "billing.view", "payments.view", "payments.record"),
        scope="resellers",
    ),
    Template(
        "collector",
        gettext_noop("Collection agent"),
        _("Collects in the field, gives receipts, hands in the cash."),
        (
            "subscribers.view",
            "subscriptions.view",
            "places.view",
            "billing.view",
            "payments.view",
            "payments.record",
            "payments.close_cash",
            "subscribers.note",
            "notices.view",
            "notices.send",
            "files.add",
        ),
    ),
    Template(
        "cashier",
        gettext_noop("Cashier"),
        _("Takes payments at the counter and closes the drawer."),
        (
            "subscribers.view",
            "subscriptions.view",
            "subscriptions.sell_add_ons",
            "places.view",
            "catalog.view",
            "billing.view",
            "payments.view",
            "payments.record",
            "payments.close_cash",
            "subscribers.note",
            "notices.view",
            "notices.send",
        ),
    ),
    Template(
        "billing",
        gettext_noop("Billing agent"),
        _("Issues invoices, records payments, chases what is due."),
        (
            "subscribers.view",
            "subscribers.note",
            "subscribers.export",
            "subscriptions.view",
            "subscriptions.sell_add_ons",
            "places.view",
            "catalog.view",
            "billing.*",
            "payments.*",
            "!payments.reverse",
            "!payments.backdate",
            "!payments.any_cash",
            "dunning.view",
            "dunning.run",
            "notices.*",
            "reports.view",
            "files.view",
            "!*.settings",
        ),
    ),
    Template(
        "accountant",
        gettext_noop("Accountant"),
        _("Books, invoices, payments and reports; no network."),
        (
            "subscribers.view",
            "subscriptions.view",
            "places.view",
            "catalog.view",
            "billing.*",
            "payments.*",
            "ledger.*",
            "dunning.view",
            "reports.*",
            "files.view",
            "audit.view",
            "console.overview",
            "!*.settings",
        ),
    ),
    Template(
        "engineer",
        gettext_noop("Network engineer"),
        _("Devices, access accounts and sessions; no finance."),
        (
            "subscribers.view",
            "subscribers.note",
            "subscriptions.view",
            "places.*",
            "catalog.view",
            "access.*",
            "vault.view",
            "ipam.*",
            "tracing.open",
            "tracing.ask",
            "provisioning.*",
            "files.view",
            "files.add",
        ),
    ),
    Template(
        "noc",
        gettext_noop("NOC technician"),
        _("Watches sessions and devices, disconnects a session; changes no device."),
        (
            "subscribers.view",
            "subscribers.note",
            "subscriptions.view",
            "places.view",
            "catalog.view",
            "access.view",
            "usage.view",
            "access.routers_view",
            "access.sessions",
            "access.disconnect",
            "ipam.view",
            "provisioning.view",
            "provisioning.heal",
        ),
    ),
    Template(
        "technician",
        gettext_noop("Technician"),
        _("Installs and repairs: creates subscribers and their lines."),
        (
            "subscribers.view",
            "subscribers.create",
            "subscribers.edit",
            "subscribers.note",
            "subscriptions.view",
            "subscriptions.sell",
            "subscriptions.sell_add_ons",
            "places.view",
            "catalog.view",
            "files.view",
            "files.add",
            "access.view",
            "usage.view",
            "access.edit",
            "access.sessions",
            "ipam.view",
            "ipam.assign",
        ),
    ),
    Template(
        "support",
        gettext_noop("Support agent"),
        _("Answers subscribers: sees profile and payment status, writes notes."),
        (
            "subscribers.view",
            "subscribers.note",
            "subscriptions.view",
            "places.view",
            "catalog.view",
            "billing.view",
            "payments.view",
            "access.view",
            "usage.view",
            "access.sessions",
            "notices.view",
            "notices.send",
            "dunning.view",
            "files.view",
        ),
    ),
    Template(
        "sales",
        gettext_noop("Sales"),
        _("Brings in leads and turns them into subscribers."),
        (
            "subscribers.view",
            "subscribers.create",
            "subscribers.edit",
            "subscribers.national_id",
            "subscribers.note",
            "subscriptions.view",
            "subscriptions.sell",
            "subscriptions.sell_add_ons",
            "places.view",
            "catalog.view",
            "files.view",
            "files.add",
        ),
    ),
    Template(
        "staff",
        gettext_noop("Staff"),
        _("A beginning: sees subscribers, plans and places."),
        ("subscribers.view", "subscriptions.view", "places.view", "catalog.view"),
    ),
    Template(
        "read_only",
        gettext_noop("Read only"),
        _("Sees everything but the audit log; changes nothing."),
        ("*.view", "access.routers_view", "!audit.*"),
    ),
)

TEMPLATES: dict[str, Template] = {template.code: template for template in _TEMPLATES}


def for_kind(kind: str) -> list[Template]:
    return [template for template in _TEMPLATES if kind in template.kinds]


@cache
def _of_template(kind: str, code: str) -> frozenset[str]:
    return permissions.matching(kind, TEMPLATES[code].patterns)


def granted(kind: str, template: str, chosen: list[str] | None) -> frozenset[str]:
    """What a role permits: what somebody chose for it, else what its template says today."""
    if chosen is not None:
        return frozenset(chosen) & permissions.for_kind(kind)
    return _of_template(kind, template) if template in TEMPLATES else frozenset()
