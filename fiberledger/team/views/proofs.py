from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import jobs, screens
from fiberledger.audit.models import Proof
from fiberledger.identity.guards import staff
from fiberledger.screens import Button, Fact, Tab

_PROVERS = {Proof.What.BOOKS: "ledger.prove", Proof.What.LOG: "audit.prove"}


@staff("audit.view")
def proof(request: HttpRequest, pk: int) -> HttpResponse:
    """What the last proof of one thing found."""
    found = get_object_or_404(Proof.objects, pk=pk)
    return screens.record_page(
        request,
        found,
        title=str(found),
        status="",
        facts=[
            Fact(_("Proven"), found.at),
            Fact(_("Faults"), found.count, tone="bad" if found.count else "good"),
        ],
        tabs=(Tab("faults", _("Faults"), "team/_proof.html", lambda request, found: {"proof": found}),),
        buttons=(
            Button(
                _("Prove again"), "team:proof-again", "rotate-ccw", "audit.view", primary=True, post=True,
                when=lambda found: bool(found.count),
            ),
        ),
    )  # fmt: skip


@staff("audit.view")
@require_POST
def prove_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Now, instead of in the coming night."""
    found = get_object_or_404(Proof.objects, pk=pk)
    name = _PROVERS[Proof.What(found.what)]
    jobs.enqueue(name, queueing_lock=f"{name}.again", again=True)
    screens.toast(request, _("It is being proven; this page shows the outcome."))
    return redirect("team:proof", pk)
