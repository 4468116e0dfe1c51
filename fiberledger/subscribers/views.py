from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.places.models import Area
from fiberledger.tenancy import Refusal, current_tenant

from . import phones, services
from .forms import BulkTagForm, DocumentForm, NoteForm, RegistrationPolicyForm, TagsForm
from .models import Document, Note, Subscriber, Tag


def mine(request: Any, pk: int) -> Subscriber:
    """The subscriber, if this actor may know of them."""
    found = Subscriber.objects.visible_to(request.actor).select_related("receivable", "area", "branch")
    return get_object_or_404(found, pk=pk)


def page_of(subscriber: Subscriber, tab: str = "") -> str:
    return reverse("subscribers:subscriber", args=[subscriber.pk]) + (f"?tab={tab}" if tab else "")


@staff("subscribers.note")
def new_note(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    form = NoteForm(request.POST or None)
    if form.is_valid():
        services.add_note(
            subscriber, form.cleaned_data["text"], pinned=form.cleaned_data["is_pinned"], by=request.actor
        )
        screens.toast(request, _("Note kept."))
        return redirect(page_of(subscriber, "notes"))
    return screens.form_page(
        request, form, title=_("Note about %s") % subscriber.name, back=(subscriber.name, page_of(subscriber, "notes"))
    )


@staff("subscribers.note")
@require_POST
def remove_note(request: Any, pk: int) -> HttpResponse:
    note = get_object_or_404(Note.objects.select_related("subscriber"), pk=pk)
    mine(request, note.subscriber_id)
    if note.author_name != request.actor.name and not request.actor.may("subscribers.edit"):
        screens.toast(request, _("Only its author can remove this note."), "bad")
    else:
        services.remove_note(note, by=request.actor)
        screens.toast(request, _("Note removed; the history keeps it."))
    return redirect(page_of(note.subscriber, "notes"))


@staff("files.add")
def new_document(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    initial = {"kind": request.GET.get("kind", Document.Kind.PHOTO)}
    form = DocumentForm(request.POST or None, request.FILES or None, initial=initial)
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.add_document(subscriber, data["file"], kind=data["kind"], note=data["note"], by=request.actor)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
        else:
            screens.toast(request, _("Document kept."))
            return redirect(page_of(subscriber, "documents"))
    return screens.form_page(
        request,
        form,
        title=_("Document of %s") % subscriber.name,
        submit=_("Upload"),
        back=(subscriber.name, page_of(subscriber, "documents")),
        multipart=True,
    )


@staff("files.add")
@require_POST
def remove_document(request: Any, pk: int) -> HttpResponse:
    document = get_object_or_404(Document.objects.select_related("subscriber", "file"), pk=pk)
    mine(request, document.subscriber_id)
    services.remove_document(document, by=request.actor)
    screens.toast(request, _("Document put away."))
    return redirect(page_of(document.subscriber, "documents"))


@staff("subscribers.edit")
def tags(request: Any, pk: int) -> HttpResponse:
    subscriber = mine(request, pk)
    form = TagsForm(request.POST or None, initial={"tags": list(subscriber.tags.all())})
    if form.is_valid():
        chosen = set(form.cleaned_data["tags"])
        for word in set(subscriber.tags.all()) - chosen:
            services.untag([subscriber], word, by=request.actor)
        for word in chosen:
            services.tag([subscriber], word.name, by=request.actor)
        if form.cleaned_data["new"]:
            services.tag([subscriber], form.cleaned_data["new"], by=request.actor)
        return redirect(page_of(subscriber))
    return screens.form_page(
        request, form, title=_("Tags of %s") % subscriber.name, back=(subscriber.name, page_of(subscriber))
    )


@staff("subscribers.edit")
def tag_rows(request: Any) -> HttpResponse:
    """The rest of the bulk action: the rows are ticked, now the word."""
    ids = request.session.get("rows_to_tag") or []
    rows = Subscriber.objects.visible_to(request.actor).filter(pk__in=ids)
    back = reverse("subscribers:subscriber-list")
    if not ids:
        return redirect(back)
    form = BulkTagForm(request.POST or None)
    if form.is_valid():
        try:
            count = services.tag(rows.values_list("pk", flat=True), form.cleaned_data["name"], by=request.actor)
        except Refusal as refusal:
            form.add_error("name", str(refusal))
        else:
            del request.session["rows_to_tag"]
            screens.toast(request, _("%(n)d subscribers tagged.") % {"n": count})
            return redirect(back)
    known = list(Tag.objects.values_list("name", flat=True))
    return screens.form_page(
        request,
        form,
        title=_("Tag %d subscribers") % len(ids),
        submit=_("Tag"),
        back=(_("Subscribers"), back),
        known=known,
    )


@staff("subscribers.view")
def check_phone(request: Any) -> HttpResponse:
    """Whether a phone is free, while it is typed: the answer stands below the field."""
    text = request.GET.get("phone", "")[:40]
    besides = request.GET.get("besides", "")
    if len(text) < 7:
        return HttpResponse("")
    try:
        e164 = phones.normalise(text, current_tenant().country)
    except phones.NotAPhone:
        return HttpResponse("")
    other = services.taken_phones([e164]).get(e164)
    if other is None or str(other.pk) == besides:
        return HttpResponse(format_html('<span class="quiet">{}</span>', phones.show(e164)))
    fault = services.duplicate_phone(other)
    if Subscriber.objects.visible_to(request.actor).filter(pk=other.pk).exists():
        return HttpResponse(
            format_html(
                '<span class="wrong">{} <a class="link" href="{}">{}</a></span>', fault.text, page_of(other), _("Open")
            )
        )
    return HttpResponse(format_html('<span class="wrong">{}</span>', _("This phone is taken.")))


@staff("subscribers.settings")
def registration_policy(request: Any) -> HttpResponse:
    from fiberledger import audit

    rules = services.policy()
    before = audit.snapshot(rules)
    form = RegistrationPolicyForm(request.POST or None, instance=rules)
    if form.is_valid():
        form.save()
        audit.note(request.actor, "registration_rules.changed", rules, before, audit.snapshot(rules))
        screens.toast(request, _("Registration rules saved."))
        return redirect("subscribers:registration-policy")
    return screens.form_page(request, form, template="screens/settings.html", title=_("Registration rules"))


LARGEST_TREE = 80


@staff("places.view")
def area_tree(request: HttpRequest) -> HttpResponse:
    """The tree with how many live subscribers each place has, itself and below it. Of a large one the upper levels, as
    far as fits on a page; `inside` begins further down."""
    from django.db.models import Count

    from .states import LIVE

    actor = request.actor  # type: ignore[attr-defined]
    own = dict(
        Subscriber.objects.visible_to(actor)
        .filter(status__in=[str(s) for s in LIVE])
        .order_by()
        .values_list("area_id")
        .annotate(Count("id"))
    )
    areas = list(Area.objects.select_related("branch").in_tree_order())
    total: dict[int, int] = {}
    for area in areas:
        for pk in (*area.ancestor_ids, area.pk):
            total[pk] = total.get(pk, 0) + own.get(area.pk, 0)
    below: dict[int | None, list[Area]] = {}
    for area in areas:
        below.setdefault(area.parent_id, []).append(area)

    room = LARGEST_TREE

    def nodes(places: list[Area]) -> list[dict[str, Any]]:
        return [{"area": area, "count": total.get(area.pk, 0), "below": [], "more": 0} for area in places]

    inside = request.GET.get("inside", "")
    top = next((area for area in areas if str(area.pk) == inside), None)
    first = below.get(top.pk if top else None, [])
    tree = waiting = nodes(first[:room])
    room -= len(tree)
    while waiting:
        level, waiting = waiting, []
        for one in level:
            children = below.get(one["area"].pk, [])
            if len(children) <= room:
                one["below"] = nodes(children)
                waiting += one["below"]
                room -= len(children)
            else:
                one["more"] = len(children)

    return render(
        request,
        "subscribers/area_tree.html",
        {
            "title": _("Areas"),
            "tree": tree,
            "top": top,
            "left_out": len(first) - len(tree),
            "may_edit": actor.may("places.edit"),
        },
    )


@staff("subscribers.view")
def photo(request: Any, pk: int) -> HttpResponse:
    """The subscriber's newest photo, by way of a fresh signed address."""
    from fiberledger import files

    subscriber = mine(request, pk)
    newest = (
        Document.objects.kept()
        .filter(subscriber=subscriber, kind=Document.Kind.PHOTO)
        .select_related("file")
        .order_by("-added_at")
        .first()
    )
    if newest is None or not request.actor.may("files.view"):
        raise Http404
    return redirect(files.url_for(newest.file))
