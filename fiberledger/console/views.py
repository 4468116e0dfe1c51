from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, files, screens
from fiberledger.identity.guards import public, signed_in, staff
from fiberledger.jobs.models import Run
from fiberledger.places.models import Area, Branch
from fiberledger.screens import brand, scope
from fiberledger.screens.registry import Hit, PaletteAction, _may, desk, registry
from fiberledger.tenancy import Refusal
from fiberledger.tenancy import services as tenancy
from fiberledger.tenancy.models import Profile

YEAR = 60 * 60 * 24 * 365
LOGOS = frozenset({"image/png", "image/jpeg"})

# Which dashboards there are, whose roles begin with which, and what one must be permitted to see each.
DESKS = (
    ("owner", gettext_lazy("Overview"), "console.overview"),
    ("cash", gettext_lazy("Cash desk"), "payments.record"),
    ("help", gettext_lazy("Help desk"), "dunning.view"),
    ("network", gettext_lazy("Network"), "access.view"),
)


# --- home -----------------------------------------------------------------------------------------------------


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """The dashboard: figures, then what needs attention now, then charts; one for each kind of day."""
    actor = request.actor
    open_desks = [(code, label) for code, label, permission in DESKS if actor.may(permission)]
    codes = [code for code, _label in open_desks]
    code = request.GET.get("desk", "")
    if code not in codes:
        code = codes[0] if codes else "owner"
    figures, worklists, charts = desk(code, actor)
    work = [item for worklist in worklists for item in worklist.items(request)]
    work.sort(key=_weight)
    context = {
        "title": _("Today"),
        "greeting": _greeting(request),
        "desks": open_desks,
        "desk": code,
        "figures": [(figure, figure.read(request), _href(figure.url)) for figure in figures],
        "work": work[:12],
        "has_worklist": bool(worklists),
    }
    if screens.is_fragment(request, "live"):
        return screens.respond(request, "console/_live.html", context)
    context["charts"] = _worth_drawing(
        [(chart, None if chart.late else chart.data(request), _href(chart.url)) for chart in charts]
    )
    context["quick"] = _quick(actor)
    return screens.respond(request, "console/home.html", context)


def _worth_drawing(charts: list[tuple[Any, Any, str]]) -> list[tuple[Any, Any, str]]:
    """A chart of nothing waits until there is something; one that comes late may yet have it."""
    return [one for one in charts if one[1] is None or any(v for _name, values in one[1].series for v in values)]


@signed_in
def chart(request: HttpRequest, code: str) -> HttpResponse:
    """One chart of the dashboard, for the page that did not wait for it."""
    found = next((one for one in registry.charts if one.code == code and _may(request.actor, one.permission)), None)
    if found is None:
        raise Http404
    charts = [(found, found.data(request), _href(found.url))]
    return render(request, "console/_charts.html", {"charts": charts})


def _weight(item: Any) -> int:
    """The worst first."""
    return {"bad": 0, "warn": 1, "info": 2}.get(item.tone, 3)


def _href(url: Any) -> str:
    if callable(url):
        url = url()
    if not url or url[0] in "/?" or "://" in url:
        return url
    try:
        return reverse(url)
    except NoReverseMatch:
        return ""


def _greeting(request: HttpRequest) -> str:
    hour = calendar.local(calendar.now()).hour
    name = str(request.actor.name).split()[0] if request.actor.name else ""
    if hour < 12:
        return _("Good morning, %(name)s") % {"name": name}
    if hour < 17:
        return _("Good afternoon, %(name)s") % {"name": name}
    return _("Good evening, %(name)s") % {"name": name}


def _quick(actor: Any) -> list[tuple[PaletteAction, str]]:
    """The first actions this actor may run, as buttons: the day starts with one of them. From order 80 on they are seldom."""
    shown = []
    for action in registry.actions:
        if action.url and action.order < 80 and _may(actor, action.permission) and (url := _href(action.url)):
            shown.append((action, url))
    return shown[:4]


# --- the palette ----------------------------------------------------------------------------------------------


@signed_in
def palette(request: HttpRequest) -> HttpResponse:
    """What the palette shows for what was typed: things found, then things one can do, then places to go."""
    actor = request.actor
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:100]
    groups: list[tuple[str, list[dict[str, Any]]]] = []
    if text:
        found: list[Hit] = []
        verb_hits = _verb_hits(actor, text)
        for finder in registry.finders:
            found += finder(actor, text)
            if len(found) >= 12:
                break
        if verb_hits:
            groups.append((_("Do"), [_hit(hit) for hit in verb_hits[:8]]))
        if found:
            groups.append((_("Found"), [_hit(hit) for hit in found[:12]]))
    actions = [
        _action(action)
        for action in registry.actions
        if _may(actor, action.permission) and _matches(text, action.label, *action.words)
    ]
    if actions := [action for action in actions if action]:
        groups.append((_("Actions"), actions[: 8 if not text else 6]))
    places = []
    for entry in registry.entries:
        if _may(actor, entry.permission) and _matches(text, entry.label) and (url := _href(entry.url)):
            places.append({"title": entry.label, "url": url, "icon": entry.icon, "keys": entry.keys})
    if places and (text or not groups):
        groups.append((_("Go to"), places[:6]))
    number = 0
    for _label, hits in groups:
        for hit in hits:
            hit["id"] = f"hit-{number}"
            hit["first"] = number == 0
            number += 1
    return screens.respond(request, "console/_hits.html", {"groups": groups, "text": text})


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "title": hit.title,
        "url": hit.url,
        "detail": hit.detail,
        "icon": hit.icon,
        "status": hit.status,
        "also": hit.also,
        "kind": hit.kind,
    }


def _action(action: PaletteAction) -> dict[str, Any] | None:
    url = _href(action.url)
    if not url and not action.hits:
        return None
    return {
        "title": action.label,
        "url": url or "#",
        "icon": action.icon,
        "keys": action.keys,
        "fill": f"{action.words[0]} " if action.hits and action.words else "",
    }


def _matches(text: str, *labels: Any) -> bool:
    if not text:
        return True
    words = text.lower().split()
    said = " ".join(str(label) for label in labels).lower()
    return all(word in said for word in words)


def _verb_hits(actor: Any, text: str) -> list[Hit]:
    """«collect 0300…»: the action whose word the text begins with is handed the rest."""
    low = text.lower()
    for action in registry.actions:
        if action.hits is None or not _may(actor, action.permission):
            continue
        for word in action.words:
            if low.startswith(f"{word.lower()} ") and (rest := text[len(word) :].strip()):
                return action.hits(actor, rest)
    return []


# --- pieces of the top bar ------------------------------------------------------------------------------------


def _attention(request: HttpRequest) -> list[Any]:
    """What needs attention, from every desk the actor has, the worst first."""
    items, seen = [], set()
    for code, _label, permission in DESKS:
        if not request.actor.may(permission):
            continue
        for worklist in desk(code, request.actor)[1]:
            if worklist.code not in seen:
                seen.add(worklist.code)
                items += list(worklist.items(request))
    return sorted(items, key=_weight)


@signed_in
def alerts(request: HttpRequest) -> HttpResponse:
    return screens.respond(request, "console/_alerts.html", {"work": _attention(request)[:10]})


@signed_in
def pulse(request: HttpRequest) -> HttpResponse:
    """What the top bar keeps fresh: the jobs that go on now, and how many things need attention."""
    runs = list(Run.objects.going_on().order_by("-id")[:6])
    waiting = None if request.GET.get("jobs") and runs else len(_attention(request))
    return screens.respond(request, "console/_pulse.html", {"runs": runs, "waiting": waiting})


@signed_in
def runs(request: HttpRequest) -> HttpResponse:
    """Every long job there was, newest first."""
    before = request.GET.get("before", "")
    found = Run.objects.order_by("-id")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found[:51])
    table = screens.table(
        [
            screens.Column("title", _("Job")),
            screens.Column("state", _("State"), kind="badge"),
            screens.Column("started_by_name", _("Started by"), kind="who"),
            screens.Column("created_at", _("When"), kind="moment"),
            screens.Column("message", _("Message")),
        ],
        rows[:50],
        model=Run,
        url=screens.run_url,
        empty=_("No job has run yet"),
    )
    return screens.respond(
        request,
        "console/runs.html",
        {"title": _("Jobs"), "table": table, "after": f"?before={rows[49].pk}" if len(rows) > 50 else ""},
    )


@signed_in
def scope_panel(request: HttpRequest) -> HttpResponse:
    """The scope picker's content: branches and areas, found by typing. Choosing one reloads the page it was opened on."""
    actor = request.actor
    text = request.GET.get("q", "").replace("\x00", "").strip()[:60]
    path = urlsplit(request.headers.get("HX-Current-URL", "")).path or request.GET.get("path", "/") or "/"
    if not path.startswith("/") or path.startswith("//"):
        path = "/"
    branches = Branch.objects.order_by("name")
    if actor.branch_ids is not None:
        branches = branches.filter(pk__in=actor.branch_ids)
    areas = Area.objects.filter(is_active=True)
    if actor.area_ids is not None:
        areas = areas.filter(pk__in=actor.area_ids)
    if text:
        branches, areas = branches.filter(name__icontains=text), areas.filter(name__icontains=text)
    else:
        areas = areas.filter(level__in=["city", "town", "area"])
    return screens.respond(
        request,
        "console/_scope.html",
        {
            "branches": list(branches[:12]),
            "areas": list(areas.order_by("path_names", "pk")[:40]),
            "now": scope.current(request),
            "path": path,
            "text": text,
            "asked": "q" in request.GET,
        },
    )


@public("a colour in the address and nothing else")
def brand_css(request: HttpRequest, colour: str) -> HttpResponse:
    if not brand.is_colour(f"#{colour}"):
        raise Http404
    response = HttpResponse(brand.style_sheet(f"#{colour}"), content_type="text/css")
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response


# --- company settings -----------------------------------------------------------------------------------------


class CompanyForm(forms.ModelForm):
    sections = (
        (
            gettext_lazy("Company"),
            ["legal_name", "phone", "email", "website", "address"],
            gettext_lazy("Printed on every invoice and receipt."),
        ),
        (
            gettext_lazy("Tax"),
            ["tax_number", "sales_tax_number"],
            gettext_lazy("Printed on invoices issued from now on; issued ones keep theirs."),
        ),
        (
            gettext_lazy("Looks"),
            ["brand_color", "logo", "no_logo"],
            gettext_lazy("Seen by everyone who works here, and on papers. It is made readable by itself."),
        ),
        (
            gettext_lazy("Clock and language"),
            ["timezone", "language"],
            gettext_lazy(
                "Days begin and end by this clock, for everyone; letters and papers are written in this language."
            ),
        ),
        (
            gettext_lazy("Papers"),
            ["invoice_footer", "receipt_footer", "terms"],
            gettext_lazy("Seen by subscribers on invoices and receipts issued from now on."),
        ),
    )

    class Meta:
        model = Profile
        fields = (
            "legal_name",
            "phone",
            "email",
            "website",
            "address",
            "tax_number",
            "sales_tax_number",
            "brand_color",
            "invoice_footer",
            "receipt_footer",
            "terms",
        )
        widgets = {
            "address": forms.Textarea(attrs={"rows": 2}),
            "invoice_footer": forms.Textarea(attrs={"rows": 2}),
            "receipt_footer": forms.Textarea(attrs={"rows": 2}),
            "terms": forms.Textarea(attrs={"rows": 4}),
            "brand_color": forms.TextInput(attrs={"placeholder": "#1d4ed8", "autocomplete": "off"}),
        }

    logo = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        help_text=gettext_lazy("PNG or JPEG. Printed on invoices and receipts issued from now on."),
    )
    no_logo = forms.BooleanField(label=gettext_lazy("Print no logo any more"), required=False)
    timezone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES, required=False)

    def __init__(self, *args: Any, tenant: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"timezone": tenant.timezone, "language": tenant.language}
        super().__init__(*args, **kwargs)
        zones = dict.fromkeys([tenant.timezone, *tenancy.zones_of(tenant.country), "UTC"])
        self.fields["timezone"].choices = [(zone, zone.replace("_", " ")) for zone in zones]
        if not self.instance.logo_file_id:
            del self.fields["no_logo"]


def _take_logo(request: HttpRequest, form: CompanyForm) -> bool:
    """Keep the picture that was sent. Issued invoices keep the one they were issued with."""
    if form.cleaned_data.get("no_logo"):
        form.instance.logo_file_id = None
    if upload := form.cleaned_data.get("logo"):
        try:
            form.instance.logo_file_id = files.store(upload, accept=LOGOS, by=request.actor).pk
        except Refusal as refusal:
            form.add_error("logo", str(refusal))
            return False
    return True


@staff("console.company")
def company(request: HttpRequest) -> HttpResponse:
    """The company profile: what papers and pages say about the tenant."""
    profile = Profile.objects.first() or Profile(legal_name=request.tenant.name)
    before = audit.snapshot(profile)
    tenant = request.tenant
    clock = {"timezone": tenant.timezone, "language": tenant.language}
    form = CompanyForm(request.POST or None, request.FILES or None, instance=profile, tenant=tenant)
    if form.is_valid() and _take_logo(request, form):
        saved = form.save()
        settled = {name: form.cleaned_data[name] or kept for name, kept in clock.items()}
        if settled != clock:
            tenancy.settle_in(**settled)
        audit.note(request.actor, "company.changed", saved, before | clock, audit.snapshot(saved) | settled)
        brand.forget(request.tenant.pk)
        screens.toast(request, _("The company profile was saved."))
        return redirect("console:company")
    return screens.form_page(
        request,
        form,
        template="screens/settings.html",
        title=_("Company"),
        help=_("Who you are on paper and on screen."),
        submit=_("Save"),
    )


# --- when something is wrong ----------------------------------------------------------------------------------


def _error(request: HttpRequest, status: int, template: str, **context: Any) -> HttpResponse:
    """An error page must not fail itself: if the full page cannot be drawn, a plain one is."""
    try:
        html = render_to_string(f"console/{template}", context, request)
    except Exception:  # whatever broke the page may break this one too
        html = render_to_string("console/plain_error.html", {"status": status, "language": get_language() or "en"})
    response = HttpResponse(html, status=status)
    if status == 503:
        response["Retry-After"] = "20"
    return response


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    from fiberledger.identity import permissions

    missing = getattr(request, "permission_missing", "")
    return _error(
        request,
        403,
        "403.html",
        title=_("Not yours to open"),
        missing=permissions.all().get(missing, missing),
        signed_in=_is_staff(request),
    )


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from before the last sign-in, or from elsewhere (Django's CSRF check): nothing was done."""
    return _error(request, 403, "stale.html", title=_("This page is out of date"), signed_in=_is_staff(request))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(request, 404, "404.html", title=_("Nothing here"), signed_in=_is_staff(request))


def broken(request: HttpRequest) -> HttpResponse:
    """500; or 503 when it is the database that does not answer, which heals by itself."""
    import sys

    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DatabaseError) and "connection" in str(error)
    ):
        return unavailable(request)
    html = render_to_string("console/500.html", {"title": _("Something broke")} | _static(request))
    return HttpResponse(html, status=500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database is away. This page asks it nothing, and tries again by itself."""
    html = render_to_string("console/503.html", {"title": _("One moment")} | _static(request))
    return HttpResponse(html, status=503, headers={"Retry-After": "10", "Refresh": "10"})


def _static(request: HttpRequest) -> dict[str, Any]:
    from fiberledger.screens.frame import Frame

    frame = Frame(request)
    frame.tenant = frame.actor = None
    return {"frame": frame}


def _is_staff(request: HttpRequest) -> bool:
    return getattr(getattr(request, "actor", None), "kind", "") == "staff"
