"""Parts of pages: what a router's and a subscriber's tabs show."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fiberledger import screens
from fiberledger.access.models import AccessAccount, Nas
from fiberledger.screens import Column, Fact

from . import services
from .models import Change, ConfigCopy, Difference, LineOnRouter, OnRouter, RouterStep

SHOWN = 40


def search(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    return queryset.filter(name__startswith=text.strip())


def heal_many(request: Any, rows: QuerySet) -> None:
    count = services.heal(list(rows[:1000]), by=request.actor)
    text = ngettext("%(n)d router is being looked at.", "%(n)d routers are being looked at.", count) % {"n": count}
    screens.toast(request, text, "info")


def take_over_many(request: Any, rows: QuerySet) -> None:
    count = 0
    for found in rows.filter(what=Difference.What.TAKEN)[:1000]:
        services.take_over(found, by=request.actor)
        count += 1
    text = ngettext("%(n)d entry is being taken over.", "%(n)d entries are being taken over.", count) % {"n": count}
    screens.toast(request, text, "info")


def lines_on(request: Any, nas: Nas) -> dict[str, Any]:
    """What we keep on this router, how it goes, what differs and what was done."""
    kept = OnRouter.objects.filter(pk=nas.pk).first()
    facts: list[Fact] = []
    if kept is not None and kept.mode != OnRouter.Mode.OFF:
        facts = [
            Fact(_("Kept on it"), kept.get_mode_display()),
            Fact(_("As they should be"), _("%(right)s of %(lines)s lines") % {"right": f"{kept.right:,}", "lines": f"{kept.lines:,}"},
                 tone="good" if kept.right == kept.lines else "warn"),
            Fact(_("Last read"), kept.good_at or _("not yet")),
        ]  # fmt: skip
        if kept.problem:
            facts += [Fact(_("Problem"), kept.problem, tone="bad"), Fact(_("Asked again"), kept.next_at)]
        if kept.queues:
            full = kept.queues * 10 >= kept.most_queues * 8
            text = _("%(n)s of %(most)s") % {"n": f"{kept.queues:,}", "most": f"{kept.most_queues:,}"}
            facts.append(Fact(_("Queues"), text, tone="warn" if full else ""))
    differences = Difference.objects.filter(nas=nas).order_by("since", "pk")[:SHOWN]
    steps = RouterStep.objects.filter(nas=nas).order_by("-pk")[:SHOWN]
    return {
        "nas": nas,
        "kept": kept,
        "said": facts,
        "may_keep": request.actor.may("provisioning.routers"),
        "may_heal": request.actor.may("provisioning.heal"),
        "may_bring": request.actor.may("provisioning.routers") and request.actor.may("imports.take"),
        "differences": screens.table(
            [Column("name", kind="code"), Column("kind", value=kind_word), Column("what", kind="badge"), "has", "wants",
             Column("state", kind="badge"), Column("since", kind="ago")],
            differences, model=Difference, url=lambda row: "", caption=_("What differs"),
            empty=_("The router has what its lines should have."),
        ),
        "steps": screens.table(
            [Column("name", kind="code"), "verb", Column("kind", value=kind_word), "detail", Column("state", kind="badge"), "answer",
             Column("done_at", kind="ago")],
            steps, model=RouterStep, url=lambda row: "", caption=_("What was done"), empty=_("Nothing was done on it yet."),
        ),
    }  # fmt: skip


def configuration(request: Any, nas: Nas) -> dict[str, Any]:
    """Copies of the router's configuration, and changes that were made with a way back."""
    may = request.actor.may("provisioning.routers")
    copies = ConfigCopy.objects.filter(nas=nas).defer("text").order_by("-pk")[:SHOWN]
    changes = Change.objects.filter(nas=nas).order_by("-pk")[:SHOWN]
    return {
        "nas": nas,
        "may_keep": may,
        "copies": screens.table(
            [Column("taken_at", kind="moment"), "why", "lines", Column("seen_at", kind="ago")], copies, model=ConfigCopy,
            url=lambda row: reverse("provisioning:copy", args=[row.pk]) if may else "", caption=_("Copies"),
            empty=_("There is no copy yet. One is made every night, and before every change."),
        ),
        "changes": screens.table(
            [Column("kind", value=lambda row: row.get_kind_display()), Column("state", kind="badge"), "problem", "asked_by",
             Column("asked_at", kind="ago")],
            changes, model=Change, url=lambda row: reverse("provisioning:change", args=[row.pk]), caption=_("Changes"),
            empty=_("Nothing was changed from here yet."),
        ),
    }  # fmt: skip


def kind_word(row: Any) -> str:
    return {
        "profile": _("PPP profile"), "secret": _("PPP secret"), "hotspot-profile": _("Hotspot profile"),
        "hotspot-user": _("Hotspot user"), "queue": _("Queue"), "lease": _("DHCP lease"), "list": _("Address list"),
    }.get(row.kind, _("Line"))  # fmt: skip


def card(request: Any, subscriber: Any) -> dict[str, Any]:
    """A subscriber's lines on routers: what was last read back."""
    accounts = {
        account.pk: account for account in AccessAccount.objects.filter(subscription__subscriber=subscriber).order_by("-pk")[:8]
    }  # fmt: skip
    lines = list(LineOnRouter.objects.filter(account__in=list(accounts)).select_related("nas"))
    if not lines:
        return {}
    return {
        "lines": [(accounts[line.account_id], line) for line in lines],
        "differences": Difference.objects.filter(account__in=list(accounts)).order_by("since")[:8],
    }
