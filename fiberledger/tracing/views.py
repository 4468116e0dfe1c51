from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import paper, screens
from fiberledger.identity.guards import staff
from fiberledger.screens import Button, Column, Fact, Tab
from fiberledger.screens import cells as show
from fiberledger.tenancy import Refusal, current_tenant
from fiberledger.tenancy.models import Profile

from . import services
from .forms import RefuseForm
from .models import TraceCase


def _sources() -> dict[str, str]:
    return {"session": _("Session"), "fixed": _("Fixed address")}


def _columns() -> list[tuple[str, str]]:
    return [
        ("subscriber", _("Name")), ("number", _("Number")), ("national_id", _("National ID")), ("phone", _("Phone")),
        ("place", _("Address")), ("username", _("Username")), ("device", _("Device")), ("inside", _("Inside address")),
        ("began_at", _("From")), ("ended_at", _("To")), ("source", _("Known from")),
    ]  # fmt: skip


def _answer(request: HttpRequest, case: TraceCase) -> dict[str, Any]:
    """What was disclosed; whoever opens it is written down."""
    found = services.look(case, by=request.actor)
    columns = [
        Column(code, label, value=lambda row, code=code: _sources().get(row[code], row[code]))
        for code, label in _columns()
    ]
    return {
        "case": case,
        "table": screens.table(columns, found, url=None, empty=_("Nobody held it at that time, as far as is known."))
        if case.state == TraceCase.State.ANSWERED
        else None,
    }


@staff("tracing.open")
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """A case file: who asked, who approved, what was disclosed."""
    found = get_object_or_404(TraceCase.objects.all(), pk=pk)
    facts = [
        Fact(_("Address"), found.what, icon="network"),
        Fact(_("At that time"), found.at),
        Fact(_("Authority"), found.authority),
        Fact(_("Their reference"), found.reference),
        Fact(_("Date of their letter"), found.requested_on),
        Fact(_("On what ground"), found.reason),
        Fact(_("Asked by"), show.who(found.asked_by), hint=f"{found.asked_at:%Y-%m-%d %H:%M}"),
    ]
    if found.decided_by:
        facts.append(Fact(_("Decided by"), show.who(found.decided_by)))
    facts.append(Fact(_("Keep until"), found.keep_until))
    return screens.record_page(
        request, found, title=found.number, kind=_("Case file"), status="state", facts=facts,
        buttons=[
            Button(
                _("Approve and look it up"), "tracing:approve", "file-check", "tracing.approve", primary=True, post=True,
                confirm=_("Approve? Who held the address is then looked up, kept in this file, and may be handed over."),
                when=lambda one: one.state == "asked" and one.asker_id != request.actor.user_id,
            ),
            Button(_("Refuse"), "tracing:refuse", "ban", "tracing.approve", when=lambda one: one.state == "asked", order=20),
            Button(_("Print"), "tracing:print", "printer", primary=True, when=lambda one: one.state == "answered", order=30),
        ],
        tabs=[Tab("overview", _("What was disclosed"), "tracing/_answer.html", _answer, icon="file-search")],
    )  # fmt: skip


@staff("tracing.approve")
@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(TraceCase.objects.all(), pk=pk)
    try:
        services.approve(found, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    else:
        screens.toast(request, _("Approved: what was found is in the file."))
    return redirect("tracing:tracecase", pk=pk)


@staff("tracing.approve")
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Disclose nothing, and say why."""
    found = get_object_or_404(TraceCase.objects.all(), pk=pk)
    back = reverse("tracing:tracecase", args=[pk])
    form = RefuseForm(request.POST or None)
    if form.is_valid():
        try:
            services.refuse(found, why=form.cleaned_data["why"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("Refused: nothing was looked up."))
            return redirect(back)
    return screens.form_page(
        request,
        form,
        title=_("Refuse %(number)s") % {"number": found},
        submit=_("Refuse"),
        back=back,
        template="screens/task.html",
    )


@staff("tracing.open")
def print_case(request: HttpRequest, pk: int) -> HttpResponse:
    """The case file as a paper to hand over."""
    found = get_object_or_404(TraceCase.objects.all(), pk=pk)
    if found.state != TraceCase.State.ANSWERED:
        raise Http404
    rows = services.look(found, by=request.actor)
    profile = Profile.objects.first()
    body = paper.render(
        paper.Report(
            title=_("Holder of an address: %(number)s") % {"number": found.number},
            seller=paper.Party(
                profile.legal_name if profile else current_tenant().name, color=profile.brand_color if profile else ""
            ),
            columns=tuple(paper.Column(label) for _code, label in _columns()),
            rows=tuple(tuple(_sources().get(row[code], row[code]) for code, _label in _columns()) for row in rows),
            facts=(
                (_("Address"), found.what),
                (_("At that time"), show.text(found.at)),
                (_("Authority"), found.authority),
                (_("Their reference"), found.reference),
                (_("Date of their letter"), str(found.requested_on)),
                (_("On what ground"), found.reason),
                (_("Asked by"), found.asked_by),
                (_("Approved by"), found.decided_by),
            ),
            footer=_("Kept until %(day)s, then deleted.") % {"day": found.keep_until},
            landscape=True,
        ),
        language=get_language() or "en",
    )
    response = HttpResponse(body, content_type="application/pdf", headers={"Cache-Control": "no-store"})
    response["Content-Disposition"] = f'inline; filename="{found.number}.pdf"'
    return response
