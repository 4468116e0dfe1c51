"""What should be on a router, and the steps from what is there: pure functions of plain values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from fiberledger.access.rules import Facts, desired_access, normal_mac
from fiberledger.routers.drivers import (
    KINDS,
    Found,
    HotspotProfile,
    HotspotUser,
    Lease,
    ListEntry,
    Profile,
    Queue,
    Secret,
    Step,
    Thing,
    same,
    tag_of,
)

Key = tuple[str, str]
# What each way to keep a router may put on it: only these are read.
FIXED: tuple[type[Thing], ...] = (Queue, ListEntry)
EVERYTHING: tuple[type[Thing], ...] = (Profile, HotspotProfile, Secret, HotspotUser, Lease, Queue, ListEntry)
WALL = "expired"  # the list, where the router's own settings name none
# Fields whose change a session only takes over when it comes back.
_OF_SESSIONS = frozenset({"name", "profile", "remote-address", "address", "caller-id", "mac-address", "disabled"})


@dataclass(frozen=True, slots=True)
class Line:
    """One access account as the router shall serve it now."""

    account_id: int
    kind: str  # pppoe, hotspot, mac, static
    username: str
    password: str
    verdict: str  # accept, walled, refuse
    rate: str = ""  # Mikrotik-Rate-Limit: upload first
    address: str = ""
    pool: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Wall:
    """How the router treats who is not served."""

    refuse: bool = False  # suspended lines are refused rather than walled
    list: str = ""
    pool: str = ""
    rate: str = ""


@dataclass(frozen=True, slots=True)
class Want:
    """What should be on a router, and the accounts that cannot be put there, with the reason's word."""

    things: dict[Key, Thing]
    impossible: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which a router takes them, and what cannot be done: a name that somebody else's entry has."""

    steps: list[Step]
    taken: dict[Key, Found]
    has: dict[Key, Thing]  # ours, as found


def line_of(facts: Facts, now: datetime) -> Line:
    """The same grant that RADIUS would give, with the clock read: past its end or its cut a line is as if suspended."""
    in_our_words = replace(facts, router_kinds=("mikrotik",), kind="pppoe" if facts.kind == "static" else facts.kind)
    access = desired_access(in_our_words)
    assert access is not None
    items = dict(access.items)
    over = any(end is not None and end <= now for end in (access.ends_at, access.cut_at))
    return Line(
        facts.account_id,
        facts.kind,
        facts.username,
        facts.password,
        "walled" if over and access.verdict == "accept" else access.verdict,
        items.get("Mikrotik-Rate-Limit", ""),
        items.get("Framed-IP-Address", ""),
        items.get("Framed-Pool", ""),
        normal_mac(facts.username if facts.kind == "mac" else facts.only_mac),
    )


def wanted_things(lines: Iterable[Line], wall: Wall) -> Want:
    """What should be on the router for these lines. Of a line that is let in again nothing remains that held it back."""
    want = Want({})
    for line in lines:
        if line.verdict == "walled" and wall.refuse:
            line = replace(line, verdict="refuse")
        made = _MAKE.get(line.kind, _pppoe)(line, wall)  # other logins are PPP too
        if isinstance(made, str):
            want.impossible[line.account_id] = made
        else:
            want.things.update((thing.key, thing) for thing in made)
    return want


def _pppoe(line: Line, wall: Wall) -> list[Thing]:
    walled = line.verdict == "walled"
    profile = _profile(Profile, line, wall)
    return [
        profile,
        Secret(
            tag_of(line.account_id),
            name=line.username,
            password=line.password,
            profile=profile.tag,
            remote_address="" if walled else line.address,
            caller_id=line.mac,
            disabled="yes" if line.verdict == "refuse" else "no",
        ),
    ]


def _hotspot(line: Line, wall: Wall) -> list[Thing]:
    walled = line.verdict == "walled"
    profile = _profile(HotspotProfile, line, wall)
    return [
        profile,
        HotspotUser(
            tag_of(line.account_id),
            name=line.username,
            password=line.password,
            profile=profile.tag,
            mac_address=line.mac,
            address="" if walled else line.address,
            disabled="yes" if line.verdict == "refuse" else "no",
        ),
    ]


def _profile(kind: type[Thing], line: Line, wall: Wall) -> Thing:
    """Named by what it says, so that lines of equal terms share one and a changed one is another."""
    walled = line.verdict == "walled"
    rate = wall.rate if walled else line.rate
    pool = (wall.pool or line.pool) if walled else line.pool
    on_list = (wall.list or WALL) if walled else ""
    digest = blake2b(f"{rate}|{pool}|{on_list}".encode(), digest_size=3).hexdigest()
    name = f"fl-{'wall' if walled else rate.partition(' ')[0].replace('/', '-') or 'open'}-{digest}"
    if kind is Profile:
        return Profile(name, name=name, rate_limit=rate, remote_address=pool, address_list=on_list)
    return HotspotProfile(name, name=name, rate_limit=rate, address_pool=pool, address_list=on_list)


def _mac(line: Line, wall: Wall) -> list[Thing] | str:
    address = line.address or line.pool
    if not address:
        return "address"
    held = line.verdict != "accept"
    lease = Lease(
        tag_of(line.account_id),
        mac_address=line.mac,
        address=address,
        rate_limit=(wall.rate or line.rate) if held else line.rate,
        # Who has no address of their own cannot be put on a list: they get none.
        block_access="yes" if line.verdict == "refuse" or (held and not line.address) else "no",
    )
    return [lease, *_behind_wall(line, wall, line.verdict == "walled" and bool(line.address))]


def _static(line: Line, wall: Wall) -> list[Thing] | str:
    """A fixed address is never refused, for it asks nobody: it is put behind the wall."""
    if not line.address:
        return "address"
    held = line.verdict != "accept"
    limit, *burst = ((wall.rate or line.rate) if held else line.rate).split(" ")
    queue = Queue(
        tag_of(line.account_id),
        name=line.username,
        target=line.address,
        max_limit=limit,
        burst_limit=burst[0] if len(burst) >= 3 else "",
        burst_threshold=burst[1] if len(burst) >= 3 else "",
        burst_time=burst[2] if len(burst) >= 3 else "",
    )
    return [*([queue] if limit else []), *_behind_wall(line, wall, held)]


def _behind_wall(line: Line, wall: Wall, held: bool) -> list[Thing]:
    return [ListEntry(tag_of(line.account_id), list=wall.list or WALL, address=line.address)] if held else []


_MAKE = {"pppoe": _pppoe, "hotspot": _hotspot, "mac": _mac, "static": _static}


def differs(wanted: Thing, found: Found) -> tuple[str, ...]:
    """The fields that are not as they should be. A password that the router does not show counts as right."""
    has = found.thing.values()
    return tuple(
        name
        for name, value in wanted.values().items()
        if (name in found.known or name not in wanted.secret) and not same(name, has[name], value)
    )


def plan_of(wanted: Mapping[Key, Thing], found: Iterable[Found], taking_over: Collection[Key] = ()) -> Plan:
    """The steps that make what was found what is wanted. What is not ours is never touched, unless it is taken over: then
    it becomes ours and keeps its place.

    What goes makes room first, except for the terms that others still refer to; then each kind in the order of KINDS,
    changes before additions.
    """
    ours: dict[Key, Found] = {}
    surplus: list[Found] = []
    held: dict[Key, Found] = {}  # by (kind, name): who has it
    for one in found:
        if one.name:
            held[one.thing.kind, one.name] = one
        if one.ours and one.thing.key in ours:
            surplus.append(one)  # copied with its comment
        elif one.ours:
            ours[one.thing.key] = one
    removals, changes, additions, taken = [], [], [], {}
    surplus += [one for key, one in ours.items() if key not in wanted]
    for key, thing in wanted.items():
        mine = ours.get(key)
        name = thing.values().get(thing.unique, "") if thing.unique else ""
        holder = held.get((thing.kind, name))
        if holder is not None and holder is not mine and not holder.ours:
            if key in taking_over and mine is None:
                changes.append(Step("change", thing, holder.id, (*differs(thing, holder), "comment")))
            else:
                taken[key] = holder
        elif mine is None:
            additions.append(Step("add", thing))
        elif holder is not None and holder is not mine:
            # Another of ours has the name still and may be about to lose it: out of its way, and then anew.
            surplus.append(mine)
            additions.append(Step("add", thing))
        elif wrong := differs(thing, mine):
            changes.append(Step("change", thing, mine.id, wrong))
    removals = [Step("remove", one.thing, one.id) for one in surplus]
    order = {kind.kind: n for n, kind in enumerate(KINDS)}
    terms = {Profile.kind, HotspotProfile.kind}
    makes = [(order[s.thing.kind], 0, s) for s in changes] + [(order[s.thing.kind], 1, s) for s in additions]
    steps = [step for step in removals if step.thing.kind not in terms]
    steps += [step for _kind, _turn, step in sorted(makes, key=lambda each: each[:2])]
    steps += [step for step in removals if step.thing.kind in terms]
    return Plan(steps, taken, {key: one.thing for key, one in ours.items()})


def ends_sessions(step: Step) -> str:
    """Whose sessions must come back for the step to count; empty: nobody's."""
    if not isinstance(step.thing, (Secret, HotspotUser)):
        return ""
    matters = step.verb == "remove" or (step.verb == "change" and not _OF_SESSIONS.isdisjoint(step.differs))
    return step.thing.name if matters else ""


def is_done(step: Step, seen: Found | None) -> bool:
    """Whether what the router says after the step is what the step was for."""
    if step.verb == "remove":
        return seen is None
    return seen is not None and seen.ours and not differs(step.thing, seen)
