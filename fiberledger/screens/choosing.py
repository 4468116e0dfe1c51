"""Choosing among many: a form's field with more rows than a list shows is searched, and never drawn whole.

The page with the form answers for its fields itself, so what is offered is what the form would accept from this actor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms import BaseForm, BaseFormSet, BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string

from . import filters
from .filters import MOST_OPTIONS

_LISTS = (forms.Select, forms.SelectMultiple, forms.CheckboxSelectMultiple)


def is_long(field: forms.Field) -> bool:
    """Whether it offers more rows than one reads through."""
    if not isinstance(field, forms.ModelChoiceField) or type(field.widget) not in _LISTS:
        return False
    rows: Any = field.queryset
    return rows.order_by()[: MOST_OPTIONS + 1].count() > MOST_OPTIONS


def chosen(bound: BoundField) -> list[tuple[Any, str]]:
    """What stands in the field, as (value, label), as far as it is among what the field offers."""
    field: Any = bound.field
    rows = field.queryset
    value = field.prepare_value(bound.value())
    if isinstance(field, forms.ModelMultipleChoiceField):
        key = field.to_field_name or "pk"
        kept = []
        for one in value or ():
            try:
                kept.append(rows.model._meta.pk.to_python(one) if key == "pk" else one)
            except ValidationError:
                continue
        return _options(field, rows.filter(**{f"{key}__in": kept})) if kept else []
    try:
        row = field.to_python(value)
    except ValidationError:
        return []
    return _options(field, [row]) if row is not None else []


def is_asked(request: HttpRequest) -> bool:
    """Whether a chooser on the page asks what it may offer."""
    return request.method == "GET" and "choose" in request.GET and request.headers.get("HX-Request") == "true"


def answer(request: HttpRequest, *given: Any) -> HttpResponse:
    """The options of the field that is asked for, of whichever of these things is a form with that field."""
    bound = next((one for one in _fields(given) if one.html_name == request.GET["choose"]), None)
    field: Any = bound and bound.field
    if not isinstance(field, forms.ModelChoiceField):
        raise Http404
    rows: Any = field.queryset
    found = filters.matching(rows, request.GET.get("of", "")[:100], request.actor)
    options = _options(field, found[: MOST_OPTIONS + 1])
    context = {
        "bound": bound,
        "options": options[:MOST_OPTIONS],
        "more": len(options) > MOST_OPTIONS,
        "many": isinstance(field, forms.ModelMultipleChoiceField),
    }
    return HttpResponse(
        render_to_string("screens/_found.html", context, request), headers={"Vary": "HX-Request, Cookie"}
    )


def _fields(given: Iterable[Any]) -> Iterator[BoundField]:
    for one in given:
        if isinstance(one, BaseForm):
            yield from one
        elif isinstance(one, BaseFormSet):
            yield from _fields(one.forms)


def _options(field: Any, rows: Iterable[Model]) -> list[tuple[Any, str]]:
    return [(field.prepare_value(row), field.label_from_instance(row)) for row in rows]
