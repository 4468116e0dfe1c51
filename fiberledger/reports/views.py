from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import date as as_date
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fiberledger import paper
from fiberledger.exports import sheets
from fiberledger.identity.guards import staff
from fiberledger.money import Money
from fiberledger.screens import Column, table
from fiberledger.screens.cells import amount_text, money
from fiberledger.screens.scope import current
from fiberledger.tenancy import current_tenant
from fiberledger.tenancy.models import Profile

from .forms import Span
from .questions import Answer, Heading, Question, Report


def page_of(report: Report) -> Any:
    """The view of one report, guarded by the report's own permission."""

    @staff(report.permission)
    def page(request: HttpRequest) -> HttpResponse:
        return show_report(request, report)

    return page


SHOWN = 300  # rows on the screen; totals count all, and files hold all


def show_report(request: HttpRequest, report: Report) -> HttpResponse:
    """A report on the screen, or with ?as=csv|xlsx|pdf as a file."""
    form = Span(report, request.GET)
    form_is_valid = form.is_valid()
    answer = None
    if form_is_valid:
        question = _question(request, form.cleaned_data)
        answer = report.answer(question)
        if wanted := request.GET.get("as"):
            if not request.actor.may("reports.export"):
                raise PermissionDenied
            return _as_file(report, question, answer, wanted)
    context = {
        "report": report,
        "title": report.title,
        "help": report.text,
        "form": form,
        "answer": answer,
        "table": answer and _table(answer, question.currency),
        "more": len(answer.rows) - SHOWN if answer else 0,
        "chart": answer and answer.rows and answer.chart,
        "formats": [("csv", "CSV"), ("xlsx", "XLSX"), ("pdf", "PDF")] if request.actor.may("reports.export") else [],
    }
    return render(request, "reports/report.html", context, status=200 if form_is_valid else 422)


def _question(request: HttpRequest, asked: dict[str, Any]) -> Question:
    return Question(
        since=asked.get("since") or date.min,
        until=asked["until"] + timedelta(days=1) if asked.get("until") else date.max,
        by=asked["by"],
        currency=current_tenant().currency,
        actor=request.actor,
        scope=current(request),
    )


def _words(heading: Heading, value: Any, currency: str) -> str:
    if isinstance(value, date):
        return as_date(value, "SHORT_DATE_FORMAT")
    if heading.kind == "money" and value != "":
        return amount_text(value, currency)
    return f"{value:,}" if heading.kind == "count" and value != "" else str(value)


def _table(answer: Answer, currency: str) -> Any:
    def column(place: int, heading: Heading) -> Column:
        kind = {"money": "money", "count": "number"}.get(heading.kind, "text")

        def value(row: Any) -> Any:
            cell = row[place]
            return (
                Money(cell, currency)
                if kind == "money"
                else cell
                if kind == "number"
                else _words(heading, cell, currency)
            )

        return Column(str(place), heading.label, value=value, kind=kind)

    footer = [
        money(cell, currency) if heading.kind == "money" else _words(heading, cell, currency)
        for heading, cell in zip(answer.headings, answer.totals, strict=False)
    ]
    return table(
        [column(place, heading) for place, heading in enumerate(answer.headings)],
        answer.rows[:SHOWN],
        url=None,
        footer=footer,
    )


def _as_file(report: Report, question: Question, answer: Answer, wanted: str) -> HttpResponse:
    name = slugify(f"{report.code}-{question.by}") + (
        f"-{question.since:%Y%m%d}-{question.until - timedelta(days=1):%Y%m%d}" if report.asks == "days" else ""
    )
    if wanted == "pdf":
        body = paper.render(_as_paper(report, question, answer), language=get_language() or "en")
        kind = "application/pdf"
    elif wanted in sheets.WRITERS:
        rows = [*answer.rows, *([answer.totals] if answer.totals else [])]
        body, kind = sheets.write(wanted, [str(heading.label) for heading in answer.headings], rows)
    else:
        raise Http404
    response = HttpResponse(body, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}.{wanted}"'
    return response


def _as_paper(report: Report, question: Question, answer: Answer) -> paper.Report:
    profile = Profile.objects.first()
    facts = [(_("Currency"), question.currency)]
    if report.asks == "days":
        facts.insert(0, (_("To"), as_date(question.until - timedelta(days=1), "DATE_FORMAT")))
        facts.insert(0, (_("From"), as_date(question.since, "DATE_FORMAT")))
    if question.scope:
        facts.append((_("Within"), question.scope.label))

    def cells(row: Any) -> tuple[str, ...]:
        return tuple(
            _words(heading, cell, question.currency) for heading, cell in zip(answer.headings, row, strict=True)
        )

    return paper.Report(
        title=str(report.title),
        seller=paper.Party(
            profile.legal_name if profile else current_tenant().name, color=profile.brand_color if profile else ""
        ),
        columns=tuple(paper.Column(str(heading.label), heading.is_number) for heading in answer.headings),
        rows=tuple(cells(row) for row in answer.rows),
        facts=tuple(facts),
        totals=cells(answer.totals) if answer.totals else (),
        footer=answer.note,
        landscape=len(answer.headings) > 6,
    )
