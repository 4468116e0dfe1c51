"""`Screen`: what a list, a record and a form of one model consist of, checked when the module is imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import (
    BooleanField,
    DateField,
    DateTimeField,
    DecimalField,
    Field,
    FloatField,
    GenericIPAddressField,
    IntegerField,
    Model,
    QuerySet,
)
from django.forms import ModelForm
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from fiberledger.money import AmountField

from . import cells, keyset
from .paths import follow, relations
from .registry import Button, Card, Fact, Tab

KINDS = ("text", "money", "number", "date", "moment", "ago", "badge", "choice", "flag", "code", "who")


class ScreenError(Exception):
    """A Screen that names something its model does not have."""


@dataclass(frozen=True)
class Column:
    """One column of a list.

    `name` is a field, a path (`plan__tax__name`), a property or a method of the model; or any word when `value(row)`
    is given. `sort` is the lookup to sort by, False for never; a stored field sorts by itself. `needs` names keys
    to join for a property (`"plan"`). `currency` is the attribute path of a money column's currency. Who lacks
    `permission` neither sees nor exports the column.
    """

    name: str
    label: Any = ""
    _: KW_ONLY
    kind: str = ""
    sort: str | bool = True
    hidden: bool = False
    value: Callable[[Any], Any] | None = None
    url: Callable[[Any], str] | None = None
    needs: tuple[str, ...] | str = ()
    currency: str = "currency"
    permission: str = ""


@dataclass(frozen=True)
class Filter:
    """One filter chip.

    A stored choice, key, date, number or boolean needs only its name. `test(queryset)` makes an on/off chip;
    `choices` with `apply(queryset, values)` makes a list of one's own (`choices` may be a function of the request).
    """

    name: str
    label: Any = ""
    _: KW_ONLY
    lookup: str = ""
    test: Callable[[QuerySet], QuerySet] | None = None
    choices: Sequence[tuple[Any, Any]] | Callable[[Any], Sequence[tuple[Any, Any]]] | None = None
    apply: Callable[[QuerySet, list[str]], QuerySet] | None = None
    icon: str = ""


@dataclass(frozen=True)
class View:
    """A tab above the list that comes with the product: a name for a query ("status=active&sort=-price")."""

    code: str
    label: Any
    query: str


@dataclass(frozen=True)
class Bulk:
    """An action on many rows. `run(request, queryset)` does it and returns a response, or None to come back here.

    The queryset is the ticked rows, or everything that matches, always within what the actor may see. `confirm` is
    shown first in a dialog; `%(count)s` in it is the number of rows.
    """

    code: str
    label: Any
    run: Callable[[Any, QuerySet], Any]
    icon: str = ""
    permission: str = ""
    confirm: Any = ""
    tone: str = ""


@dataclass(frozen=True)
class Empty:
    """What a list says when there is nothing in it yet: what this is, and what to do first."""

    title: Any
    text: Any = ""
    icon: str = "inbox"
    url: str = ""
    label: Any = ""
    other: tuple[str, Any, str] | None = None  # another way to begin: url name, label, the permission it needs


@dataclass(frozen=True)
class BoundColumn:
    """A Column that has found its model."""

    name: str
    label: Any
    kind: str
    sort: str
    hidden: bool
    joins: tuple[str, ...]
    read: Callable[[Any], Any]
    currency: str
    url: Callable[[Any], str] | None
    choices: dict[str, Any] | None
    permission: str = ""
    unit: Any = ""

    @property
    def title(self) -> str:
        return capfirst(str(self.label))

    @property
    def end(self) -> bool:
        """Whether the column stands at the end of its cell: numbers and money."""
        return self.kind in ("money", "number")

    def value(self, row: Any) -> Any:
        """The value itself, for exports."""
        return self.read(row)

    def text(self, row: Any) -> str:
        value = self.read(row)
        if self.kind == "money" and value is not None and not hasattr(value, "currency"):
            return str(value)
        if self.choices is not None:
            return str(self.choices.get(value, value or ""))
        return cells.text(value)

    def html(self, row: Any) -> SafeString:
        value = self.read(row)
        kind = self.kind
        if kind == "text":
            return cells.plain(value) if isinstance(value, str) else cells.show(value)
        if kind == "money":
            return cells.money(value, _walk(row, self.currency) or "") if value is not None else cells.DASH
        if kind == "badge":
            return cells.badge(value, self.choices.get(value) if self.choices else None)
        if kind == "choice":
            return cells.plain(self.choices.get(value, value) if self.choices else value)
        if kind == "number":
            return (
                mark_safe(f"{cells.number(value)} {escape(self.unit)}") if self.unit and value else cells.number(value)
            )
        if kind == "date":
            return cells.day(value)
        if kind == "moment":
            return cells.moment(value)
        if kind == "ago":
            return cells.ago(value)
        if kind == "flag":
            return cells.flag(value)
        if kind == "who":
            return cells.who(value)
        return mark_safe(f"<bdi class=code>{escape(str(value))}</bdi>") if value not in (None, "") else cells.DASH


@dataclass(frozen=True)
class BoundFilter:
    name: str
    label: Any
    kind: str  # choices, key, date, number, flag, test, own
    lookup: str
    field: Field | None
    spec: Filter

    @property
    def title(self) -> str:
        return capfirst(str(self.label))


def _walk(row: Any, path: str) -> Any:
    for step in path.split("__"):
        if row is None:
            return None
        row = getattr(row, step, None)
    return row


def _kind_of(field: Field | None) -> str:
    if field is None:
        return "text"
    if isinstance(field, AmountField):
        return "money"
    if field.choices:
        words = [str(value) for value, _label in field.flatchoices]
        # A status is a badge; a mere kind (monthly, yearly) is a word.
        return "badge" if sum(word in cells.LOOKS for word in words) * 2 >= len(words) else "choice"
    if isinstance(field, BooleanField):
        return "flag"
    if isinstance(field, DateTimeField):
        return "moment"
    if isinstance(field, DateField):
        return "date"
    if isinstance(field, GenericIPAddressField):
        return "code"
    if isinstance(field, IntegerField | DecimalField | FloatField) and not field.is_relation:
        return "number"
    return "text"


def _label_of(model: type[Model], name: str, steps: list[Field]) -> Any:
    if steps:
        # "plan__name" is called Plan, not Name: the key says whose name it is.
        last = steps[-1]
        return (
            steps[-2].verbose_name if len(steps) > 1 and last.name in ("name", "number", "code") else last.verbose_name
        )
    attribute = getattr(model, name, None)
    attribute = getattr(attribute, "fget", attribute)
    return getattr(attribute, "short_description", None) or name.replace("_", " ")


def _reader(name: str) -> Callable[[Any], Any]:
    steps = name.split("__")
    if len(steps) == 1:

        def read(row):
            value = getattr(row, name)
            return value() if callable(value) and not isinstance(value, Model) else value
    else:
        last = steps[-1]

        def read(row):
            for step in steps[:-1]:
                row = getattr(row, step)
                if row is None:
                    return None
            value = getattr(row, last)
            return value() if callable(value) and not isinstance(value, Model) else value

    return read


def bind_column(model: type[Model], column: str | Column) -> BoundColumn:
    """Find what a column names. Raises ScreenError when the model has no such thing."""
    if isinstance(column, str):
        column = Column(column)
    steps = follow(model, column.name)
    if not steps and column.value is None:
        *way, last = column.name.split("__")
        owner: Any = model
        if way:
            way_steps = follow(model, "__".join(way))
            owner = way_steps[-1].related_model if way_steps and way_steps[-1].is_relation else None
        if owner is None or not hasattr(owner, last):
            raise ScreenError(f"{model.__name__} has no {column.name!r} to show in a column")
    if column.kind and column.kind not in KINDS:
        raise ScreenError(f"column {column.name!r}: there is no kind {column.kind!r}; choose from {', '.join(KINDS)}")
    field = steps[-1] if steps else None
    needs = (column.needs,) if isinstance(column.needs, str) else tuple(column.needs)
    for need in needs:
        need_steps = follow(model, need)
        if not need_steps or not all(step.is_relation for step in need_steps):
            raise ScreenError(f"column {column.name!r} needs {need!r}, which is not a key of {model.__name__}")
    joins = needs
    if steps and relations(steps):
        joins += (relations(steps),)
    elif not steps and "__" in column.name and column.value is None:
        joins += (column.name.rpartition("__")[0],)
    sort = ""
    if isinstance(column.sort, str):
        sort = column.sort
        keyset.order_by(model, sort)
    elif column.sort and steps and len(steps) == 1 and field is not None and field.concrete and not field.is_relation:
        sort = column.name
    kind = column.kind or ("text" if column.value and not steps else _kind_of(field))
    # A model's UNITS say what its numbers count; None is for a number that counts nothing, such as a port.
    unit = getattr(model, "UNITS", {}).get(column.name, "")
    if unit is None:
        kind = "code"
    return BoundColumn(
        name=column.name,
        label=column.label or _label_of(model, column.name, steps),
        kind=kind,
        sort=sort,
        hidden=column.hidden,
        joins=joins,
        read=column.value or _reader(column.name),
        currency=column.currency if len(steps) < 2 else "__".join([*column.name.split("__")[:-1], column.currency]),
        url=column.url,
        unit=unit or "",
        choices=dict(field.flatchoices) if field is not None and field.choices else None,
        permission=column.permission,
    )


def _bind_filter(model: type[Model], spec: str | Filter) -> BoundFilter:
    if isinstance(spec, str):
        spec = Filter(spec)
    if spec.test is not None:
        return BoundFilter(spec.name, spec.label or spec.name.replace("_", " "), "test", "", None, spec)
    if spec.apply is not None:
        if spec.choices is None:
            raise ScreenError(f"filter {spec.name!r} applies something but offers no choices")
        return BoundFilter(spec.name, spec.label or spec.name.replace("_", " "), "own", "", None, spec)
    lookup = spec.lookup or spec.name
    steps = follow(model, lookup)
    if not steps:
        raise ScreenError(f"{model.__name__} has no {lookup!r} to filter by")
    field = steps[-1]
    if field.is_relation:
        kind = "key"
    elif field.choices or spec.choices:
        kind = "choices"
    elif isinstance(field, BooleanField):
        kind = "flag"
    elif isinstance(field, DateField):
        kind = "date"
    elif isinstance(field, DecimalField | IntegerField | FloatField):
        kind = "number"
    else:
        raise ScreenError(f"{model.__name__}.{lookup} is free text: put it in search, or give the filter choices")
    return BoundFilter(spec.name, spec.label or _label_of(model, lookup, steps), kind, lookup, field, spec)


_screens: dict[str, Screen] = {}


@dataclass(frozen=True)
class Screen:
    """The list, record and form of one model. See the package's docstring for an example.

    `permission` is the prefix of its permission names: "plans" asks for plans.view and plans.edit; say
    `view_needs`, `edit_needs`, `create_needs` where they are called otherwise, and "-" for what nobody does here.
    `rows` names a queryset method that adds what the columns show; if it takes `columns`, it is told their names. `search` is a tuple of lookups, or a
    function (queryset, text, actor) -> queryset. `facts(request, obj)`, `buttons`, `tabs`, `cards` furnish the record page;
    `sections` are [(title, [field or property, ...]), ...] of its overview, all form fields when left out;
    `number`, `heading` and `status` name the attributes that its head shows.
    """

    model: type[Model]
    _: KW_ONLY
    columns: Sequence[str | Column]
    form: type[ModelForm] | None = None
    filters: Sequence[str | Filter] = ()
    search: Sequence[str] | Callable[[QuerySet, str, Any], QuerySet] = ()
    search_hint: Any = ""
    permission: str = ""
    view_needs: str = ""
    edit_needs: str = ""
    create_needs: str = ""
    name: str = ""
    namespace: str = ""
    title: Any = ""
    one: Any = ""
    icon: str = "table"
    order: str = "-pk"
    rows: str = ""
    views: Sequence[View] = ()
    bulk: Sequence[Bulk] = ()
    list_buttons: Sequence[Button] = ()
    buttons: Sequence[Button] = ()
    facts: Callable[[Any, Any], Sequence[Fact]] | None = None
    tabs: Sequence[Tab] = ()
    cards: Sequence[Card] = ()
    sections: Sequence[tuple[Any, Sequence[str]]] = ()
    status: str = "status"
    number: str = ""
    heading: str = ""
    empty: Empty | None = None
    help: Any = ""
    new_label: Any = ""
    page_size: int = 50
    exports: bool = True
    record: bool = True
    bound_columns: tuple[BoundColumn, ...] = field(init=False, repr=False, compare=False)
    bound_filters: tuple[BoundFilter, ...] = field(init=False, repr=False, compare=False)
    default_order: keyset.Order = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        def let(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        meta = self.model._meta
        let("name", self.name or str(meta.model_name))
        let("namespace", self.namespace or meta.app_label)
        let("title", self.title or meta.verbose_name_plural)
        let("one", self.one or meta.verbose_name)
        if not self.columns:
            raise ScreenError(f"the screen of {self.model.__name__} has no columns")
        let("bound_columns", tuple(bind_column(self.model, column) for column in self.columns))
        let("bound_filters", tuple(_bind_filter(self.model, spec) for spec in self.filters))
        let("default_order", keyset.order_by(self.model, self.order))
        if not callable(self.search):
            for lookup in self.search:
                if not _searchable(self.model, lookup):
                    raise ScreenError(f"{self.model.__name__} has no {lookup!r} to search in")
        if self.rows and not hasattr(self.model._default_manager, self.rows):
            raise ScreenError(f"{self.model.__name__}.objects has no {self.rows}()")
        if self.number and not self.heading and hasattr(self.model, "name"):
            let("heading", "name")  # the number stands beside it
        for name in ("number", "heading"):
            if getattr(self, name) and not hasattr(self.model, getattr(self, name)):
                raise ScreenError(f"{self.model.__name__} has no {getattr(self, name)!r}")
        for _title, names in self.sections:
            for name in names:
                bind_column(self.model, name)
        key = self.key
        if key in _screens and _screens[key].model is not self.model:
            raise ScreenError(f"two screens are called {key!r}: give one a name")
        _screens[key] = self

    @property
    def key(self) -> str:
        return f"{self.namespace}:{self.name}"

    def needs(self, what: str) -> str:
        """The permission for "view", "edit" or "create"; "-" when nobody may."""
        if what == "create":
            return self.create_needs or (self.needs("edit"))
        said = self.view_needs if what == "view" else self.edit_needs
        if said:
            return said
        if what == "edit" and self.form is None:
            return "-"
        return f"{self.permission}.{what}" if self.permission else "-"

    def may(self, actor: Any, what: str) -> bool:
        need = self.needs(what)
        return need != "-" and actor.may(need)

    def url(self, what: str = "list", *args: Any) -> str:
        """The address of its list, of a record (url("one", pk)), or of new, edit, menu, export…"""
        name = self.name if what == "one" else f"{self.name}-{what}"
        return reverse(f"{self.namespace}:{name}", args=args)

    def columns_for(self, actor: Any) -> list[BoundColumn]:
        """The columns that this actor may see."""
        return [column for column in self.bound_columns if not column.permission or actor.may(column.permission)]

    def column(self, name: str) -> BoundColumn | None:
        return next((column for column in self.bound_columns if column.name == name), None)

    def urls(self, *, record: Any = None, new: Any = None, edit: Any = None) -> list:
        """The url patterns. A page that is special is given as a view of your own, which must be guarded itself."""
        from .addresses import screen_urls

        return screen_urls(self, record=record, new=new, edit=edit)


def _searchable(model: type[Model], lookup: str) -> bool:
    path = lookup.lstrip("^=")
    for suffix in ("__istartswith", "__startswith", "__icontains", "__iexact", "__exact", "__contains"):
        path = path.removesuffix(suffix)
    return bool(follow(model, path))


def all_screens() -> dict[str, Screen]:
    return dict(_screens)


def find_screen(key: str | type[Model]) -> Screen | None:
    """The screen called "catalog:plan", or the first one of a model."""
    if isinstance(key, str):
        return _screens.get(key)
    return next((screen for screen in _screens.values() if screen.model is key), None)


def url_of(obj: Any) -> str:
    """Where an object is shown: its get_absolute_url, else the record page of its Screen, else ""."""
    if obj is None:
        return ""
    if hasattr(obj, "get_absolute_url"):
        return obj.get_absolute_url()
    screen = find_screen(type(obj)) if isinstance(obj, Model) else None
    if screen is None or not screen.record:
        return ""
    try:
        return screen.url("one", obj.pk)
    except NoReverseMatch:
        return ""


def has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


EXPORT_FORMATS = (("csv", _("CSV")), ("xlsx", _("Excel")), ("pdf", _("PDF")))
