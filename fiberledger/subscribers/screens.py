from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger import screens
from fiberledger.places.models import Area, Branch
from fiberledger.screens import Bulk, Button, Card, Column, Empty, Fact, Filter, Screen, Tab, View
from fiberledger.tenancy import current_tenant

from . import documents, lists, national_ids, phones, services
from .forms import AreaForm, BranchForm, SubscriberForm, TagForm
from .models import Subscriber, SubscriberTag, Tag
from .states import LIVE, OVER, Status


def _shown(name: str) -> Callable[[Subscriber], str]:
    """A phone as the tenant's country writes it."""
    return lambda subscriber: phones.show(getattr(subscriber, name), current_tenant().country)


def _national_id(subscriber: Subscriber) -> str:
    return national_ids.show(subscriber.national_id, current_tenant().country)


def _tag_names(subscriber: Subscriber) -> str:
    return ", ".join(tag.name for tag in subscriber.tags.all())


def _tag_choices(request: Any) -> list[tuple[Any, Any]]:
    return list(Tag.objects.values_list("pk", "name"))


def _tagged(queryset: QuerySet, values: list[str]) -> QuerySet:
    ids = [int(value) for value in values if value.isdecimal() and len(value) < 19]
    return queryset.filter(Exists(SubscriberTag.objects.filter(subscriber=OuterRef("pk"), tag__in=ids)))


def _reseller_choices(request: Any) -> list[tuple[Any, Any]]:
    return [(name, name) for name in services.reseller_names()]


def _of_resellers(queryset: QuerySet, values: list[str]) -> QuerySet:
    return queryset.filter(reseller_name__in=values)


def _inside_areas(queryset: QuerySet, values: list[str]) -> QuerySet:
    ids = [int(value) for value in values if value.isdecimal() and len(value) < 19]
    inside = Area.objects.inside(*Area.objects.filter(pk__in=ids)).values_list("pk", flat=True)
    return queryset.filter(area__in=list(inside))


def _area_choices(request: Any) -> list[tuple[Any, Any]]:
    return list(Area.objects.in_tree_order().values_list("pk", "path_names")[:500])


def _tag_rows(request: Any, rows: QuerySet) -> Any:
    name = request.POST.get("name", "").strip()
    if not name:
        request.session["rows_to_tag"] = list(rows.order_by().values_list("pk", flat=True)[:20_000])
        from django.shortcuts import redirect

        return redirect("subscribers:tag-rows")
    count = services.tag(rows.order_by().values_list("pk", flat=True), name, by=request.actor)
    screens.toast(request, _now("%(n)d subscribers tagged “%(tag)s”.") % {"n": count, "tag": name})
    return None


def _notes(request: Any, subscriber: Subscriber) -> dict[str, Any]:
    return {
        "notes": subscriber.notes.order_by("-is_pinned", "-written_at")[:50],
        "may_write": request.actor.may("subscribers.note"),
    }


def _contacts(request: Any, subscriber: Subscriber) -> dict[str, Any]:
    country = request.tenant.country
    may_see = request.actor.may("subscribers.national_id")
    stored = subscriber.national_id
    return {
        "phones": [
            (label, phones.show(value, country), value, phones.wa_me(value))
            for label, value in (
                (_("Phone"), subscriber.phone),
                (_("Second"), subscriber.phone2),
                (_("WhatsApp"), subscriber.whatsapp),
            )
            if value
        ],
        "id_label": national_ids.kind(country).label,
        "national_id": national_ids.show(stored, country) if may_see else national_ids.mask(stored),
        "tags": subscriber.tags.all()[:50],
        "pinned": subscriber.notes.filter(is_pinned=True).order_by("-written_at")[:3],
    }


_live = "&".join(f"status={status}" for status in Status.values if Status(status) in LIVE)
_over = "&".join(f"status={status}" for status in Status.values if Status(status) in OVER)

subscribers = Screen(
    model=Subscriber,
    page_size=40,  # with every column and long names the page still keeps to its 60 kB
    form=SubscriberForm,
    permission="subscribers",
    create_needs="-",
    name="subscriber",
    icon="users",
    number="number",
    heading="name",
    rows="listed",
    columns=(
        Column("name", sort="name_key"),
        Column("number", kind="code"),
        Column("shown_phone", _("Phone"), sort=False, kind="code"),
        *lists.added("COLUMNS"),
        Column("owed", _("Owes"), kind="money", sort=False, needs="receivable", permission="billing.view"),
        "status",
        Column("area", sort=False),
        Column("place", _("Area, in full"), sort=False, hidden=True, needs="area"),
        Column("branch", sort=False, hidden=True),
        Column("reseller_name", sort=False, hidden=True),
        Column("collector__user__name", _("Collector"), sort=False, hidden=True),
        Column("guardian", sort=False, hidden=True),
        Column(
            "national_id",
            kind="code",
            value=_national_id,
            sort=False,
            hidden=True,
            permission="subscribers.national_id",
        ),
        Column("phone2", kind="code", value=_shown("phone2"), sort=False, hidden=True),
        Column("whatsapp", kind="code", value=_shown("whatsapp"), sort=False, hidden=True),
        Column("email", sort=False, hidden=True),
        Column("address", sort=False, hidden=True),
        Column("street_house", sort=False, hidden=True),
        Column("latitude", kind="code", sort=False, hidden=True),
        Column("longitude", kind="code", sort=False, hidden=True),
        Column("is_vip", sort=False, hidden=True),
        Column("tags", value=_tag_names, sort=False, hidden=True),
        Column("language", sort=False, hidden=True),
        Column("kyc", sort=False, hidden=True),
        Column("installed_on", sort=False, hidden=True),
        Column("created_at", sort="created_at", hidden=True),
    ),
    filters=(
        "status",
        Filter("area", _("Area"), choices=_area_choices, apply=_inside_areas),
        "branch",
        *lists.added("FILTERS"),
        Filter("tag", _("Tag"), choices=_tag_choices, apply=_tagged),
        Filter("reseller", _("Reseller"), choices=_reseller_choices, apply=_of_resellers),
        Filter("owing", _("Owes money"), test=lambda rows: rows.filter(receivable__balance__gt=0)),
        "is_vip",
        "created_at",
    ),
    search=services.matching,
    search_hint=_("Name, any part of a phone, number, ID, username"),
    order="name_key",
    views=(
        View("active", Status.ACTIVE.label, "status=active"),
        View("overdue", Status.OVERDUE.label, "status=overdue"),
        View("suspended", Status.SUSPENDED.label, "status=suspended"),
        View("new", _("New this month"), "created_at=this-month&sort=-created_at"),
        View("leads", _("Leads and pending"), "status=lead&status=pending"),
        View("left", _("Archive"), _over),
        *lists.added("VIEWS"),
    ),
    bulk=(
        *lists.added("BULK"),
        Bulk("tag", _("Tag"), _tag_rows, "tag", "subscribers.edit"),
    ),
    sections=(
        (_("Who"), ("name", "guardian", "shown_phone", "email", "language", "kyc", "consent_at")),
        (_("Where"), ("place", "street_house", "address", "branch", "latitude", "longitude")),
        (_("Account"), ("number", "installed_on", "created_at", "is_vip", "reseller_name", "collector")),
    ),
    tabs=(
        Tab(
            "documents",
            _("Documents"),
            "subscribers/_documents.html",
            documents.context,
            "files.view",
            order=70,
            icon="file-text",
        ),
        Tab("notes", _("Notes"), "subscribers/_notes.html", _notes, order=80, icon="sticky-note"),
    ),
    cards=(Card("subscribers/_contacts.html", _contacts, order=10, title=_("Contact")),),
    buttons=(
        Button(_("Add a note"), "subscribers:note-new", "sticky-note", "subscribers.note", order=60),
        Button(_("Add a document"), "subscribers:document-new", "file-plus", "files.add", order=61),
        Button(_("Tags"), "subscribers:tags", "tag", "subscribers.edit", order=62),
    ),
    list_buttons=lists.added("LIST_BUTTONS"),
    empty=Empty(
        _("No subscribers yet"),
        _("Register the first one, or bring your spreadsheet in: every row is checked before anything is stored."),
        "users",
        *(lists.added("EMPTY") or ["", ""]),
        other=("imports:new", _("Import a spreadsheet"), "imports.take"),
    ),
)

tags = Screen(
    model=Tag,
    form=TagForm,
    view_needs="subscribers.view",
    edit_needs="subscribers.settings",
    icon="tag",
    columns=("name", "colour"),
    search=("name",),
    order="name",
    record=False,
    empty=Empty(_("No tags yet"), _("Tags group subscribers: “VIP shop”, “fibre only”, “call first”."), "tag"),
)


# --- branches and areas: their room lies below the pages ------------------------------------------------------------


def _branch_facts(request: Any, branch: Branch) -> list[Fact]:
    found = services.status_counts(Subscriber.objects.visible_to(request.actor).filter(branch=branch))
    url = f"{reverse('subscribers:subscriber-list')}?branch={branch.pk}"
    return _place_facts(found, url)


def _area_facts(request: Any, area: Area) -> list[Fact]:
    inside = list(Area.objects.inside(area).values_list("pk", flat=True))
    found = services.status_counts(Subscriber.objects.visible_to(request.actor).filter(area__in=inside))
    return _place_facts(found, f"{reverse('subscribers:subscriber-list')}?area={area.pk}")


def _place_facts(found: dict[str, int], url: str) -> list[Fact]:
    live = sum(n for status, n in found.items() if Status(status) in LIVE)
    return [
        Fact(_("Subscribers"), f"{live:,}", url=url, icon="users"),
        Fact(_("Active"), f"{found.get(Status.ACTIVE, 0):,}", url=f"{url}&status=active", tone="good"),
        Fact(
            _("Overdue or suspended"),
            f"{found.get(Status.OVERDUE, 0) + found.get(Status.SUSPENDED, 0):,}",
            url=f"{url}&status=overdue&status=suspended",
            tone="warn",
        ),
    ]


def _below(request: Any, area: Area) -> dict[str, Any]:
    return {
        "table": screens.table(
            ["name", "level", "branch"],
            area.children.select_related("branch").order_by("name")[:100],
            model=Area,
            empty=_("Nothing lies inside it."),
        ),
        "area": area,
        "more_url": f"{reverse('subscribers:area-list')}?{urlencode({'q': area.path_names})}",
        "may_edit": request.actor.may("places.edit"),
    }


def _areas_of(request: Any, branch: Branch) -> dict[str, Any]:
    return {
        "table": screens.table(
            [Column("path_names", _("Area")), "level"],
            branch.areas.in_tree_order()[:100],
            model=Area,
            empty=_("No area is assigned to this branch."),
        ),
        "more_url": f"{reverse('subscribers:area-list')}?branch={branch.pk}",
    }


branches = Screen(
    model=Branch,
    form=BranchForm,
    permission="places",
    namespace="subscribers",
    name="branch",
    icon="building-2",
    number="code",
    columns=("name", Column("code", kind="code"), "manager_name", "phone", "is_active"),
    filters=("is_active",),
    search=("name", "code"),
    order="name",
    facts=_branch_facts,
    status="",
    tabs=(Tab("areas", _("Areas"), "subscribers/_table_tab.html", _areas_of),),
    empty=Empty(
        _("No branches yet"),
        _("A branch has its own areas, staff and subscribers."),
        "building-2",
        "subscribers:branch-new",
        _("Add a branch"),
    ),
)

areas = Screen(
    model=Area,
    form=AreaForm,
    permission="places",
    namespace="subscribers",
    name="area",
    icon="map-pin",
    status="",
    columns=(
        Column("path_names", _("Area")),
        "level",
        Column("branch", sort=False),
        Column("reseller_name", sort=False),
        "is_active",
    ),
    filters=("level", "branch", "is_active"),
    search=("path_names",),
    order="path_names",
    facts=_area_facts,
    tabs=(Tab("below", _("Inside"), "subscribers/_area_below.html", _below),),
    list_buttons=(Button(_("Tree"), "subscribers:area-tree", "list-tree", order=10),),
    empty=Empty(
        _("No areas yet"),
        _("City, town, area, block, street: every subscriber lives in one."),
        "map-pin",
        "subscribers:area-new",
        _("Add an area"),
    ),
)
