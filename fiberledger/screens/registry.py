"""What a room tells the frame about itself: places to go, things to find, figures to watch, parts of records.

Every room may have these modules; each is found by name when Django starts, and holds one list:

    navigation.py   NAVIGATION = [Entry(...), ...]
    palette.py      def find(actor, text) -> list[Hit]      and      ACTIONS = [PaletteAction(...), ...]
    figures.py      FIGURES = [Figure(...), Worklist(...), Chart(...), ...]
    parts.py        PARTS = [Tab(...), Button(...), Facts(...), Card(...), Trail(...), ...]      each with on="room.model"
    screens.py      Screen(...) at module level; a Screen registers itself

What the actor may not open is never shown to them: `permission` is asked before anything is called. The functions
given here run inside the request's tenant scope and must be cheap: they are part of every page that shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.apps import apps
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

TONES = ("good", "warn", "bad", "info", "quiet", "")

GROUPS = (
    ("today", _("Today"), "sun"),
    ("subscribers", _("Subscribers"), "users"),
    ("money", _("Money"), "wallet"),
    ("network", _("Network"), "network"),
    ("field", _("Field"), "map-pinned"),
    ("resellers", _("Resellers"), "store"),
    ("reports", _("Reports"), "chart-column"),
    ("settings", _("Settings"), "settings"),
)


def _may(actor, permission: str) -> bool:
    return not permission or bool(actor and actor.may(permission))


def _url(url: str | Callable, *args) -> str:
    """A url is a name to reverse, a path, or a function of the object."""
    if callable(url):
        return str(url(*args))
    if not url or url[0] in "/?#" or "://" in url:
        return url
    try:
        return reverse(url, args=[a.pk for a in args])
    except NoReverseMatch:
        if not args:
            raise
        return reverse(url)


@dataclass(frozen=True)
class Entry:
    """A place in the rail. `group` is one of GROUPS; `url` a url name.

    `phone` puts it in the bottom bar on a phone: the four lowest numbers that the actor may open are shown.
    `badge` may return a small number worth seeing from anywhere ("3 to approve"); it costs a query on every page.
    `keys` is a two-key shortcut such as "g s"; `short` a shorter word for the bottom bar.
    """

    group: str
    label: Any
    url: str
    icon: str
    permission: str = ""
    order: int = 50
    phone: int = 0
    badge: Callable[[Any], int] | None = None
    keys: str = ""
    short: Any = ""

    def __post_init__(self):
        if self.group not in {code for code, _label, _icon in GROUPS}:
            raise ValueError(f"Entry({self.url!r}): there is no group {self.group!r} in the rail")


@dataclass(frozen=True)
class Hit:
    """Something the palette found. `status` is shown as a badge; `also` is [(label, url), ...] offered beside it."""

    title: Any
    url: str
    detail: Any = ""
    icon: str = "search"
    status: Any = ""
    also: Sequence[tuple[Any, str]] = ()
    kind: Any = ""


@dataclass(frozen=True)
class PaletteAction:
    """Something the palette can do: "New plan", "Collect from…".

    With `hits`, what is typed after one of `words` is handed to it: "collect 0300" asks `hits(actor, "0300")`, which
    answers with the pages where collecting from those people happens. `keys` is a shortcut such as "n s".
    """

    label: Any
    url: str = ""
    icon: str = "chevron-right"
    permission: str = ""
    words: tuple[str, ...] = ()
    hits: Callable[[Any, str], list[Hit]] | None = None
    keys: str = ""
    order: int = 50


@dataclass(frozen=True)
class Reading:
    """What a Figure says now. `value` is a number, a Money or a text; `before` the same thing a period ago.

    The change is worked out from the two; `rising_is` says whether more is "good" or "bad". `trend` is a short
    list of numbers drawn as a sparkline, oldest first.
    """

    value: Any
    before: Any = None
    note: Any = ""
    tone: str = ""
    trend: Sequence[float] = ()
    rising_is: str = "good"


@dataclass(frozen=True)
class Figure:
    """One number on a dashboard. `desks` are the dashboards it belongs to: owner, cash, help, network."""

    code: str
    label: Any
    read: Callable[[Any], Reading]
    url: str | Callable = ""
    icon: str = ""
    permission: str = ""
    desks: tuple[str, ...] = ("owner",)
    order: int = 50


@dataclass(frozen=True)
class WorkItem:
    """One thing that needs somebody: "12 lines will be cut tonight". `count` is shown large when given."""

    title: Any
    url: str
    detail: Any = ""
    icon: str = "circle-alert"
    tone: str = "warn"
    count: Any = None
    action: Any = ""


@dataclass(frozen=True)
class Worklist:
    """What needs attention now, most urgent first. Several rooms add to one list; `order` decides between them."""

    code: str
    label: Any
    items: Callable[[Any], Iterable[WorkItem]]
    permission: str = ""
    desks: tuple[str, ...] = ("owner",)
    order: int = 50


@dataclass(frozen=True)
class ChartData:
    """A chart's content, and the table behind it: `series` is [(name, [numbers])], one number per label.

    kind: line, bar, stacked, donut; across for bars that lie beside their names. `summary` is one sentence that says what the chart shows; it is read to who
    cannot see it and stands under the title for who can. `unit` is a currency code or a short word.
    """

    labels: Sequence[Any]
    series: Sequence[tuple[Any, Sequence[Any]]]
    summary: Any = ""
    kind: str = "line"
    unit: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart on a dashboard. `late`: it takes long to add up, so the page asks for it once it stands itself."""

    code: str
    label: Any
    data: Callable[[Any], ChartData]
    permission: str = ""
    desks: tuple[str, ...] = ("owner",)
    order: int = 50
    wide: bool = False
    url: str = ""
    late: bool = False


@dataclass(frozen=True)
class Fact:
    """One of the facts in a record's header. `url` opens what it is made of."""

    label: Any
    value: Any
    url: str = ""
    tone: str = ""
    hint: Any = ""
    icon: str = ""


@dataclass(frozen=True)
class Facts:
    """Facts another room adds to a record's header: `read(request, obj)` returns a list of Fact."""

    on: str
    read: Callable[[Any, Any], Iterable[Fact]]
    permission: str = ""
    order: int = 50


@dataclass(frozen=True)
class Button:
    """Something one can do with a record. `url` is a url name taking the pk, or a function of the object.

    The first `primary` button that the actor may press and whose `when(obj)` holds is the page's one primary
    button; the others wait in the menu. With `post` it is a small form; `confirm` asks first, in a dialog, and
    says what will happen.
    """

    label: Any
    url: str | Callable
    icon: str = ""
    permission: str = ""
    on: str = ""
    primary: bool = False
    post: bool = False
    confirm: Any = ""
    tone: str = ""
    when: Callable[[Any], bool] | None = None
    order: int = 50
    keys: str = ""

    def href(self, obj=None) -> str:
        return _url(self.url, *([obj] if obj is not None else []))


@dataclass(frozen=True)
class Tab:
    """A tab of a record: a template and a function `context(request, obj) -> dict`, called only when it is open.

    `count(request, obj)` may give a number to show beside the label; leave it out unless it is free.
    """

    code: str
    label: Any
    template: str
    context: Callable[[Any, Any], dict] | None = None
    permission: str = ""
    on: str = ""
    order: int = 50
    icon: str = ""
    count: Callable[[Any, Any], int] | None = None


@dataclass(frozen=True)
class Card:
    """A card in a record's right-hand column; one that has nothing to say is left out."""

    template: str
    context: Callable[[Any, Any], dict] | None = None
    permission: str = ""
    on: str = ""
    order: int = 50
    title: Any = ""


@dataclass(frozen=True)
class Trail:
    """More of a record's history: what happened to rows that belong to it. `ids(obj)` are their numbers, at most a hundred.

    A payment is noted on the payment; its subscriber's History tells of it all the same.
    """

    on: str
    target: str
    ids: Callable[[Any], Iterable[int]]
    permission: str = ""
    order: int = 50


@dataclass
class _Registry:
    entries: list[Entry] = field(default_factory=list)
    finders: list[Callable] = field(default_factory=list)
    actions: list[PaletteAction] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    worklists: list[Worklist] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    parts: dict[str, list] = field(default_factory=dict)


registry = _Registry()


def discover() -> None:
    """Read every room's navigation, palette, figures, parts and screens. Called once, when all models are loaded."""
    registry.__init__()
    for config in apps.get_app_configs():
        if not config.name.startswith("fiberledger."):
            continue
        found = {
            name: import_module(f"{config.name}.{name}")
            for name in ("navigation", "palette", "figures", "parts", "screens")
            if module_has_submodule(config.module, name)
        }
        if module := found.get("navigation"):
            registry.entries += module.NAVIGATION
        if module := found.get("palette"):
            registry.actions += getattr(module, "ACTIONS", [])
            if hasattr(module, "find"):
                registry.finders.append(module.find)
        if module := found.get("figures"):
            for item in module.FIGURES:
                lists: dict[type, list] = {
                    Figure: registry.figures,
                    Worklist: registry.worklists,
                    Chart: registry.charts,
                }
                lists[type(item)].append(item)
        if module := found.get("parts"):
            for part in module.PARTS:
                if not part.on:
                    raise ValueError(f"{config.name}.parts: {part!r} does not say which model it is on")
                registry.parts.setdefault(part.on.lower(), []).append(part)
    for items in (registry.entries, registry.actions, registry.figures, registry.worklists, registry.charts):
        items.sort(key=lambda item: item.order)
    for parts in registry.parts.values():
        parts.sort(key=lambda part: part.order)


def parts_of(model_label: str, kind: type[Any], actor) -> list:
    """The parts of one kind that other rooms put on this model's record, for this actor."""
    return [
        part
        for part in registry.parts.get(model_label.lower(), ())
        if isinstance(part, kind) and _may(actor, part.permission)
    ]


def rail(actor) -> list[dict]:
    """The rail for this actor: groups with at least one place they may open."""
    groups = []
    for code, label, icon in GROUPS:
        entries = [e for e in registry.entries if e.group == code and _may(actor, e.permission)]
        if entries:
            groups.append({"code": code, "label": label, "icon": icon, "entries": entries})
    return groups


def desk(code: str, actor) -> tuple[list[Figure], list[Worklist], list[Chart]]:
    """What stands on one dashboard for this actor: at most six figures, the worklists, the charts."""

    def mine(items):
        return [item for item in items if code in item.desks and _may(actor, item.permission)]

    return mine(registry.figures)[:6], mine(registry.worklists), mine(registry.charts)
