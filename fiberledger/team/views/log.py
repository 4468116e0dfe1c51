from __future__ import annotations

import csv
import io
import json
from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, screens
from fiberledger.audit.models import Entry
from fiberledger.identity.guards import staff
from fiberledger.screens import Fact, Tab
from fiberledger.tenancy import current_tenant

from ..screens import entries

CSV_ROWS = 50_000


@staff("audit.view")
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: who, what, when, from where, and before beside after."""
    found = get_object_or_404(Entry.objects, pk=pk)
    facts = [
        Fact(_("Who"), found.actor_name, hint=found.get_actor_kind_display()),
        Fact(_("When"), found.at),
        Fact(_("From"), found.ip or "–"),
    ]
    if found.on_behalf_of:
        facts.append(Fact(_("On behalf of"), found.on_behalf_of))
    if found.is_critical:
        facts.append(Fact(_("Critical"), _("yes"), tone="bad"))
    return screens.record_page(
        request,
        found,
        title=found.action_label,
        number=str(found.pk),
        status="",
        facts=facts,
        tabs=(Tab("changes", _("What changed"), "team/_entry.html", _changes),),
        history=False,
    )


def _changes(request: HttpRequest, found: Entry) -> dict[str, Any]:
    return {
        "entry": found,
        "differences": [(name, _shown(before), _shown(after)) for name, before, after in found.differences],
        "extra": [(name, _shown(value)) for name, value in (found.extra or {}).items()],
        "target_url": _target_url(found),
    }


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(not isinstance(part, (list, dict)) for part in value):
        return "\n".join(str(part) for part in value)
    return json.dumps(value, ensure_ascii=False, indent=1) if isinstance(value, (list, dict)) else str(value)


def _target_url(found: Entry) -> str:
    try:
        model = apps.get_model(found.target_type)
    except (LookupError, ValueError):
        return ""
    screen = screens.find_screen(model)
    return screen.url("one", found.target_id) if screen and screen.record and found.target_id.isdigit() else ""


@staff("audit.export")
def entries_csv(request: HttpRequest) -> HttpResponse:
    """The entries the list shows, newest first, as a file. That it was taken is itself written down."""
    rows = screens.rows_for(entries, request.actor, request.GET).order_by("-id")[:CSV_ROWS]
    out = io.StringIO()
    out.write("\ufeff")  # Excel takes the file for UTF-8
    write = csv.writer(out).writerow
    write(
        ["id", "at", "who", "kind", "on behalf of", "from", "action", "record", "record id", "name", "before", "after",
         "details"]
    )  # fmt: skip
    count = 0
    for row in rows.iterator(chunk_size=2000):
        count += 1
        write(
            _harmless(cell)
            for cell in (
                row.pk, calendar.local(row.at).isoformat(timespec="seconds"), row.actor_name, row.actor_kind,
                row.on_behalf_of, row.ip or "", row.action, row.target_type, row.target_id, row.target_label,
                _json(row.before), _json(row.after), _json(row.extra),
            )
        )  # fmt: skip
    audit.note(request.actor, "audit.exported", after={"rows": count, "filter": request.GET.urlencode()})
    name = f"audit-{current_tenant().slug}-{calendar.today().isoformat()}.csv"
    return HttpResponse(
        out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _harmless(cell: Any) -> Any:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
