"""Filters: from the address bar to a queryset, and back to words on a chip. Nonsense in the address filters nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import calendar

from . import cells
from .screen import BoundFilter, Screen, find_screen

PERIODS = (
    ("today", gettext_lazy("Today")),
    ("yesterday", gettext_lazy("Yesterday")),
    ("last-7", gettext_lazy("Last 7 days")),
    ("last-30", gettext_lazy("Last 30 days")),
    ("this-month", gettext_lazy("This month")),
    ("last-month", gettext_lazy("Last month")),
    ("this-year", gettext_lazy("This year")),
)
MOST_OPTIONS = 60


def period(code: str) -> tuple[date | None, date | None] | None:
    """First and last day of "this-month" or "2026-01-01..2026-01-31"; either end may be open. None for nonsense."""
    today = calendar.today()
    first = today.replace(day=1)
    named = {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
        "last-7": (today - timedelta(days=6), today),
        "last-30": (today - timedelta(days=29), today),
        "this-month": (first, calendar.add_months(first, 1, 1) - timedelta(days=1)),
        "last-month": (calendar.add_months(first, -1, 1), first - timedelta(days=1)),
        "this-year": (today.replace(month=1, day=1), today.replace(month=12, day=31)),
    }
    if code in named:
        return named[code]
    start, dots, end = code.partition("..")
    if not dots:
        return None
    try:
        days = (date.fromisoformat(start) if start else None, date.fromisoformat(end) if end else None)
    except ValueError:
        return None
    return days if any(days) else None


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**15 else None


def _range(code: str) -> tuple[Decimal | None, Decimal | None] | None:
    low, dots, high = code.partition("..")
    ends = (_number(low) if low else None, _number(high) if high else None)
    return ends if dots and any(end is not None for end in ends) else None


def values_of(spec: BoundFilter, params: QueryDict) -> list[str]:
    """What the address asks of this filter. A date or number may come as two fields, name_from and name_to."""
    values = [value for value in params.getlist(spec.name) if value]
    if spec.kind in ("date", "number"):
        low, high = params.get(f"{spec.name}_from", ""), params.get(f"{spec.name}_to", "")
        if low or high:
            return [f"{low}..{high}"]
    return values


def is_lazy(spec: BoundFilter) -> bool:
    """Whether what it offers is fetched only when its chip is opened: keys, and lists that a function makes."""
    return spec.kind == "key" or callable(spec.spec.choices)


def options_of(spec: BoundFilter, request: Any = None, text: str = "", actor: Any = None) -> list[tuple[str, Any]]:
    """What one can choose from; of a long list the first, or those that contain the text."""
    if spec.kind == "key":
        return [(str(pk), label) for pk, label in _keys(spec, actor or request.actor, text)]
    choices = (
        spec.spec.choices if spec.spec.choices is not None else spec.field.flatchoices if spec.field is not None else ()
    )
    if callable(choices):
        choices = choices(request)
    return [(str(value), label) for value, label in choices if not text or text.lower() in str(label).lower()]


def _related(spec: BoundFilter, actor: Any) -> QuerySet:
    model: Any = spec.field.related_model  # type: ignore[union-attr]
    queryset = model._default_manager.all()
    return queryset.visible_to(actor) if hasattr(queryset, "visible_to") else queryset


def _keys(spec: BoundFilter, actor: Any, text: str) -> Iterable[tuple[Any, str]]:
    return [(row.pk, str(row)) for row in matching(_related(spec, actor), text, actor)[:MOST_OPTIONS]]


def matching(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """Those that one can choose by this text, in an order: found as the model's own list finds them, else by name."""
    model = queryset.model
    screen = find_screen(model)
    if screen is not None and screen.search:
        queryset = search(screen, queryset, text, actor)
    elif _has_name(model):
        queryset = _with_words(queryset, text, ["name__icontains"])
    return queryset if queryset.ordered else queryset.order_by("name" if _has_name(model) else "pk")


def _has_name(model: Any) -> bool:
    return any(f.name == "name" for f in model._meta.concrete_fields)


def search(screen: Screen, queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """The rows that match. A search of the screen's own is given the actor, so that it looks only among what they see."""
    if callable(screen.search):
        text = _tidy(text)
        return screen.search(queryset, text, actor) if text else queryset
    return _with_words(queryset, text, [_lookup(said) for said in screen.search])


def _tidy(text: str) -> str:
    return text.replace("\x00", "").strip()[:100]


def _lookup(said: str) -> str:
    """A lookup as a screen says it ("name", "^code", "=number", "name__iexact") as Django does."""
    if said.startswith("^"):
        return f"{said[1:]}__istartswith"
    if said.startswith("="):
        return f"{said[1:]}__iexact"
    last = said.rpartition("__")[2]
    return (
        said
        if last in ("istartswith", "startswith", "icontains", "iexact", "exact", "contains")
        else f"{said}__icontains"
    )


def _with_words(queryset: QuerySet, text: str, lookups: Iterable[str]) -> QuerySet:
    """Those in which every word of the text is found somewhere."""
    lookups = list(lookups)
    for word in _tidy(text).split()[:6]:
        queryset = queryset.filter(reduce(or_, (Q(**{lookup: word}) for lookup in lookups)))
    return queryset


def apply(spec: BoundFilter, queryset: QuerySet, values: list[str], actor: Any = None) -> QuerySet:
    lookup = spec.lookup
    values = [value for value in values if "\x00" not in value]
    if not values:
        return queryset
    if spec.kind == "test":
        return spec.spec.test(queryset) if values[0] in ("1", "yes", "on") else queryset  # type: ignore[misc]
    if spec.kind == "own":
        return spec.spec.apply(queryset, values)  # type: ignore[misc]
    if spec.kind == "flag":
        return queryset.filter(**{lookup: values[0] == "yes"}) if values[0] in ("yes", "no") else queryset
    if spec.kind == "key":
        ids = [int(value) for value in values if value.isdecimal() and len(value) < 19]
        empty = Q(**{f"{lookup}__isnull": True}) if "none" in values else Q()
        if not ids and "none" not in values:
            return queryset
        return queryset.filter((Q(**{f"{lookup}__in": ids}) if ids else Q()) | empty if ids else empty)
    if spec.kind == "choices":
        return queryset.filter(**{f"{lookup}__in": values})
    if spec.kind == "number":
        ends = _range(values[0])
        if ends is None:
            return queryset
        if ends[0] is not None:
            queryset = queryset.filter(**{f"{lookup}__gte": ends[0]})
        if ends[1] is not None:
            queryset = queryset.filter(**{f"{lookup}__lte": ends[1]})
        return queryset
    days = period(values[0])
    if days is None:
        return queryset
    start, end = days
    if isinstance(spec.field, DateTimeField):
        if start:
            queryset = queryset.filter(**{f"{lookup}__gte": calendar.start_of_day(start)})
        if end:
            queryset = queryset.filter(**{f"{lookup}__lt": calendar.start_of_day(end + timedelta(days=1))})
        return queryset
    if start:
        queryset = queryset.filter(**{f"{lookup}__gte": start})
    if end:
        queryset = queryset.filter(**{f"{lookup}__lte": end})
    return queryset


@dataclass
class Chip:
    """A filter as the page shows it."""

    name: str
    title: str
    kind: str
    icon: str
    values: list[str]
    summary: str = ""
    options: list[tuple[str, Any]] = field(default_factory=list)
    low: str = ""
    high: str = ""
    lazy: bool = False

    @property
    def active(self) -> bool:
        return bool(self.values)


def chips(screen: Screen, request: Any) -> list[Chip]:
    """Every filter of the list with what is chosen, in words. Keys are offered when the chip is opened."""
    shown = []
    for spec in screen.bound_filters:
        values = values_of(spec, request.GET)
        chip = Chip(spec.name, spec.title, spec.kind, spec.spec.icon, values)
        if spec.kind in ("choices", "own"):
            chip.lazy = is_lazy(spec)
            chip.options = options_of(spec, request) if values or not chip.lazy else []
            labels = dict(chip.options)
            if chip.lazy:
                chip.options = [(value, label) for value, label in chip.options if value in values]
            chip.values = values = [value for value in values if value in labels]
            chip.summary = _some([str(labels[value]) for value in values])
        elif spec.kind == "key":
            chip.lazy = True
            ids = [int(value) for value in values if value.isdecimal() and len(value) < 19]
            if ids:
                chip.options = [(str(row.pk), str(row)) for row in _related(spec, request.actor).filter(pk__in=ids)]
            if "none" in values:
                chip.options.append(("none", _("None")))
            chip.values = [value for value, _label in chip.options]
            chip.summary = _some([str(label) for _value, label in chip.options])
        elif spec.kind == "flag":
            chip.options = [("yes", _("Yes")), ("no", _("No"))]
            chip.values = [value for value in values if value in ("yes", "no")][:1]
            chip.summary = dict(chip.options).get(chip.values[0], "") if chip.values else ""
        elif spec.kind == "test":
            chip.values = ["1"] if values and values[0] in ("1", "yes", "on") else []
        elif spec.kind == "date":
            _describe_date(chip)
        elif spec.kind == "number":
            _describe_number(chip)
        shown.append(chip)
    return shown


def _some(labels: list[str]) -> str:
    if len(labels) > 2:
        return _("%(first)s and %(n)s more") % {"first": labels[0], "n": len(labels) - 1}
    return ", ".join(labels)


def _describe_date(chip: Chip) -> None:
    chip.options = list(PERIODS)
    days = period(chip.values[0]) if chip.values else None
    if days is None:
        chip.values = []
        return
    named = dict(PERIODS).get(chip.values[0])
    start, end = days
    if named:
        chip.summary = str(named)
        return
    chip.low, chip.high = start.isoformat() if start else "", end.isoformat() if end else ""
    if start and end:
        chip.summary = f"{cells.day_text(start)} – {cells.day_text(end)}"
    elif start:
        chip.summary = _("from %(day)s") % {"day": cells.day_text(start)}
    elif end:
        chip.summary = _("until %(day)s") % {"day": cells.day_text(end)}


def _describe_number(chip: Chip) -> None:
    ends = _range(chip.values[0]) if chip.values else None
    if ends is None:
        chip.values = []
        return
    low, high = ends
    chip.low, chip.high = "" if low is None else f"{low:f}", "" if high is None else f"{high:f}"
    if low is not None and high is not None:
        chip.summary = f"{low:,f} – {high:,f}"
    elif low is not None:
        chip.summary = f"≥ {low:,f}"
    else:
        chip.summary = f"≤ {high:,f}"
