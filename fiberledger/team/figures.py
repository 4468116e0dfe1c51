from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger.audit.models import Proof
from fiberledger.screens import WorkItem, Worklist
from fiberledger.vault import services as vault
from fiberledger.vault.models import Kept

_TITLES = {
    Proof.What.BOOKS: gettext_lazy("The books do not add up"),
    Proof.What.LOG: gettext_lazy("The audit log was tampered with"),
}


def _faults(request: Any) -> Iterable[WorkItem]:
    for proof in Proof.objects.filter(count__gt=0).order_by("what"):
        yield WorkItem(
            _TITLES[Proof.What(proof.what)],
            reverse("team:proof", args=[proof.pk]),
            next(iter(proof.faults), ""),
            icon="shield-alert",
            tone="bad",
            count=proof.count,
            action=_("Look"),
        )


def _secrets(request: Any) -> Iterable[WorkItem]:
    for busy in vault.busy_lookers():
        yield WorkItem(
            _("%(who)s looked at many secrets") % {"who": busy["who"]},
            reverse("team:look-list"),
            _("%(n)d within one hour of the last day. Is that their work?") % {"n": busy["n"]},
            icon="eye",
            tone="bad",
            count=busy["n"],
            action=_("Look"),
        )
    if count := Kept.objects.due(vault.policy()).count():
        text = ngettext("%(n)d secret is due to be changed", "%(n)d secrets are due to be changed", count) % {
            "n": count
        }
        yield WorkItem(
            text, f"{reverse('team:kept-list')}?due=1", _("It has been the same for longer than you want it to be."),
            icon="calendar-clock", count=count, action=_("Look"),
        )  # fmt: skip


FIGURES = [
    Worklist("proofs", gettext_lazy("Proofs"), _faults, "audit.view", ("owner",), order=1),
    Worklist("secrets", gettext_lazy("Secrets"), _secrets, "vault.view", ("owner", "network"), order=60),
]
