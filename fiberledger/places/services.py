from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from fiberledger import audit
from fiberledger.tenancy import Refusal

from .models import Area, Branch

_DEPTH = {level: depth for depth, level in enumerate(Area.Level.values)}


@transaction.atomic
def add_area(
    name: str,
    *,
    level: str = Area.Level.AREA,
    parent: Area | None = None,
    branch: Branch | None = None,
    by: Any,
    **fields: Any,
) -> Area:
    """Add a place below another one, or at the top. Raises Refusal where the levels do not fit or the name is taken."""
    area = Area(name=name.strip(), level=level, parent=parent, branch=branch, **fields)
    save_area(area, by=by)
    return area


@transaction.atomic
def save_area(area: Area, *, by: Any, before: dict | None = None) -> Area:
    """Store a new or changed area; its path and everything below follow in the same statement."""
    if not area.name:
        raise Refusal(_("Give the place a name."))
    if area.parent and _DEPTH[area.level] <= _DEPTH[area.parent.level]:
        raise Refusal(
            _("A %(level)s cannot lie inside a %(above)s.")
            % {"level": area.get_level_display().lower(), "above": area.parent.get_level_display().lower()}
        )
    if area.pk:
        for child in area.children.all():
            if _DEPTH[child.level] <= _DEPTH[area.level]:
                raise Refusal(
                    _("“%(child)s” lies inside it and is a %(level)s; change that first.")
                    % {"child": child.name, "level": child.get_level_display().lower()}
                )
    is_new = area.pk is None
    try:
        with transaction.atomic():
            area.save()
    except IntegrityError as error:
        if "area_name_once_here" in str(error):
            raise Refusal(_("“%s” is already here.") % area.name) from error
        if "area_not_inside_itself" in str(error) or "cannot lie inside itself" in str(error):
            raise Refusal(_("A place cannot lie inside itself.")) from error
        raise
    area.refresh_from_db(fields=["path", "path_names"])
    audit.note(by, "area.added" if is_new else "area.changed", area, before=before, after=audit.snapshot(area))
    return area


def move_area(area: Area, parent: Area | None, *, by: Any) -> Area:
    """Hang an area, with everything below it, somewhere else."""
    before = audit.snapshot(area)
    area.parent = parent
    return save_area(area, by=by, before=before)


@transaction.atomic
def assign_branch(areas: Iterable[Area], branch: Branch | None, *, by: Any) -> int:
    """Give these areas, and what lies inside them and names no branch of its own, to a branch. Subscribers keep theirs."""
    count = 0
    for area in areas:
        before = {"branch": str(area.branch) if area.branch else ""}
        area.branch = branch
        area.save(update_fields=["branch"])
        audit.note(by, "area.branch_assigned", area, before=before, after={"branch": str(branch or "")})
        count += 1
    return count


def area_for(*names: str, create: bool = False, by: Any = None) -> Area | None:
    """The area known by these names from the top down («Lahore», «Johar Town A»), any case, or None.

    With `create` what is missing is added: the first of several names as a city, the last as an area. A single name
    is looked for at every level.
    """
    wanted = [name.strip() for name in names if name and name.strip()]
    if not wanted:
        return None
    if len(wanted) == 1:
        found = Area.objects.filter(name__iexact=wanted[0]).order_by("id").first()
        return found or (add_area(wanted[0], by=by) if create else None)
    here: Area | None = None
    for depth, name in enumerate(wanted):
        below = Area.objects.filter(name__iexact=name, parent=here).first()
        if below is None:
            if not create:
                return None
            levels = [Area.Level.CITY, Area.Level.AREA] if len(wanted) == 2 else Area.Level.values
            below = add_area(name, level=levels[min(depth, len(levels) - 1)], parent=here, by=by)
        here = below
    return here


@transaction.atomic
def areas_for(pairs: Iterable[tuple[str, str]], *, create: bool = False, by: Any = None) -> dict[tuple[str, str], Area]:
    """(city, area) as spreadsheets give them → Area, for many at once; keys are as given, unknown ones are left out.

    An empty city finds the area wherever it is known. `create` adds what is missing.
    """
    known = list(Area.objects.select_related("parent"))
    by_name: dict[str, list[Area]] = {}
    for area in known:
        by_name.setdefault(area.name.casefold(), []).append(area)
    found: dict[tuple[str, str], Area] = {}
    for pair in dict.fromkeys(pairs):
        city, name = (part.strip() for part in pair)
        if not name:
            continue
        match = None
        for area in by_name.get(name.casefold(), ()):
            if not city or city.casefold() in (part.casefold() for part in area.path_names.split(" › ")):
                match = area
                break
        if match is None and create:
            match = area_for(city, name, create=True, by=by) if city else add_area(name, by=by)
            if match is not None:
                by_name.setdefault(name.casefold(), []).append(match)
        if match is not None:
            found[pair] = match
    return found


def branches_of(areas: Sequence[Area]) -> dict[int, int | None]:
    """Area id → the id of its branch: its own, else the nearest one above it. One query for any number of areas."""
    above = {pk for area in areas for pk in (*area.ancestor_ids, area.pk)}
    named = dict(Area.objects.filter(pk__in=above).values_list("pk", "branch_id"))
    result: dict[int, int | None] = {}
    for area in areas:
        chain = [area.pk, *reversed(area.ancestor_ids)]
        result[area.pk] = next((named[pk] for pk in chain if named.get(pk)), None)
    return result


def served_by(branch_ids: Container[int]) -> list[int]:
    """The ids of all areas that one of these branches serves, or none does. Paths only: there may be many."""
    rows = Area.objects.order_by("path").values_list("pk", "path", "branch_id")
    serves: dict[str, int | None] = {"/": None}
    found = []
    for pk, path, branch_id in rows:  # what lies above comes first
        branch = branch_id or serves.get(path[: path.rstrip("/").rindex("/") + 1])
        serves[path] = branch
        if branch is None or branch in branch_ids:
            found.append(pk)
    return found


def branch_for(area: Area) -> int | None:
    """The id of the branch that serves this area."""
    return branches_of([area])[area.pk]


def subtree_ids(area_ids: Iterable[int]) -> set[int]:
    """These areas and everything below them."""
    roots = list(Area.objects.filter(pk__in=list(area_ids)))
    return set(Area.objects.inside(*roots).values_list("pk", flat=True)) if roots else set()
