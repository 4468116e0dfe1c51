from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.audit.models import Proof
from fiberledger.screens import WorkItem, Worklist

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


FIGURES = [Worklist("proofs", gettext_lazy("Proofs"), _faults, "audit.view", ("owner",), order=1)]
