"""The form page: 200 when shown, 422 when it came back with errors, everything typed kept."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import audit
from fiberledger.tenancy import Refusal

from .answering import back_to, respond, toast
from .rows import base_rows
from .screen import Screen, url_of

CREATED, CHANGED = gettext_lazy("%(what)s was added."), gettext_lazy("Changes to %(what)s were saved.")


def make_form(form_class: type[BaseForm], request: HttpRequest, **kwargs: Any) -> Any:
    """The form, bound when something was sent. `actor` is handed to forms that ask for it."""
    if "actor" in inspect.signature(form_class.__init__).parameters:
        kwargs["actor"] = request.actor
    if request.method == "POST":
        return form_class(request.POST, request.FILES, **kwargs)
    return form_class(**kwargs)


def edit(request: HttpRequest, screen: Screen, pk: int | None = None, **context: Any) -> HttpResponse:
    """A Screen's form, for a new row or an old one. Saving is noted in the audit log."""
    form_class = screen.form
    if form_class is None:
        raise Http404
    actor = request.actor
    obj = get_object_or_404(base_rows(screen, actor), pk=pk) if pk is not None else None
    before = audit.snapshot(obj) if obj is not None else None
    initial = {} if obj is not None else {k: v for k, v in request.GET.items() if k in form_class.base_fields}
    form = make_form(form_class, request, instance=obj, initial=initial)
    if form.is_valid():
        try:
            with transaction.atomic():
                if hasattr(form, "save_as"):
                    saved = form.save_as(actor) or form.instance
                else:
                    saved = form.save()
                    audit.note(
                        actor,
                        f"{screen.model._meta.model_name}.{'changed' if pk else 'created'}",
                        saved,
                        before,
                        audit.snapshot(saved),
                    )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            toast(request, (CHANGED if pk else CREATED) % {"what": saved})
            if "another" in request.POST and not pk:
                return redirect(request.get_full_path())
            return redirect(back_to(request, url_of(saved) or screen.url("list")))
    one = str(screen.one)
    if obj is None:
        title = screen.new_label or _("New %(what)s") % {"what": one}
        back = (capfirst(str(screen.title)), screen.url("list"))
    else:
        title = _("Edit %(what)s") % {"what": obj}
        back = (str(obj), url_of(obj) or screen.url("list"))
    return form_page(
        request, form, title=title, back=back, another=obj is None, help=screen.help if obj is None else "", **context
    )


@dataclass
class FormSection:
    title: Any
    fields: list[Any]
    help: Any = ""


def form_sections(form: Any) -> list[FormSection]:
    """The form's visible fields in the sections its class declares; whatever it forgot comes last."""
    declared = getattr(form, "sections", None)
    visible = {bound.name: bound for bound in form.visible_fields()}
    if not declared:
        return [FormSection("", list(visible.values()))]
    shown, used = [], set()
    for title, names, *more in declared:
        bound = [visible[name] for name in names if name in visible]
        used |= set(names)
        if bound:
            shown.append(FormSection(title, bound, more[0] if more else ""))
    rest = [bound for name, bound in visible.items() if name not in used]
    if rest:
        shown.append(FormSection("" if not shown else _("More"), rest))
    return shown


def form_page(
    request: HttpRequest,
    form: Any,
    *,
    title: Any = "",
    submit: Any = "",
    back: tuple[Any, str] | str | None = None,
    template: str = "screens/form.html",
    another: bool = False,
    **context: Any,
) -> HttpResponse:
    """A page with a form: 200 when shown, 422 when it came back with errors, everything typed kept."""
    if isinstance(back, str):
        back = (_("Back"), back)
    form_template = template
    context = {
        "form": form,
        "title": title,
        "submit": submit or _("Save"),
        "back": back,
        "cancel_url": back_to(request, back[1] if back else ""),
        "another": another,
        "next": request.POST.get("next") or request.GET.get("next") or "",
    } | context
    if isinstance(form, BaseForm):
        context.setdefault("sections", form_sections(form))
        prepare(form)
        status = 422 if form.is_bound and not form.is_valid() else 200
    else:
        status = 200
    return respond(request, form_template, context, status)


def prepare(form: Any) -> Any:
    """Put the focus where typing should begin: the first field with an error, else the first empty one."""
    fields = form.visible_fields()
    for bound in fields:
        if getattr(bound.field, "empty_label", None) == "---------":
            bound.field.empty_label = "–"
        elif isinstance(choices := getattr(bound.field, "choices", None), list) and choices[:1] == [("", "---------")]:
            bound.field.choices = [("", "–"), *choices[1:]]
    wrong = next((bound for bound in fields if form.is_bound and bound.errors), None)
    kept = getattr(getattr(form, "instance", None), "pk", None)  # who came to change one thing finds it themselves
    first = wrong or (None if kept else next((bound for bound in fields if not bound.value()), None))
    if first is not None and not form.errors.get("__all__"):
        first.field.widget.attrs.setdefault("autofocus", True)
    return form
