"""Changes of a router beyond one line: read first, shown, approved, and confirmed only when the router was seen to answer.

Before anything is changed the router keeps itself aside and is told to return to that in a few minutes, unless we take that
back. If the change cuts us off, or anything else goes wrong, nobody has to drive there: it returns by itself.
"""

from __future__ import annotations

import difflib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.access.models import Nas
from fiberledger.routers import NoAnswer, Trouble
from fiberledger.routers.drivers import Unsupported, Way, drivers, same
from fiberledger.routers.mikrotik import same as means_the_same
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.vault.locking import lock, unlock

from . import services
from .models import Change, ConfigCopy, OnRouter

MINUTES = 5  # until the router returns by itself
MARK = "FiberLedger"
KEPT_ASIDE = "fl-before"
WATCH = "fl-return"


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the router's that should be there, known by some of its fields."""

    path: str
    key: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)
    first: bool = False  # goes before all rows that are there
    secret: frozenset[str] = frozenset()


def settings_for(kind: str, nas: Nas, server: str) -> list[Setting]:
    """What a change of this kind makes of a router."""
    if kind == Change.Kind.RADIUS:
        return [
            Setting(
                "/radius",
                {"comment": MARK},
                {"service": "ppp,hotspot,dhcp", "address": server, "src-address": nas.src_ip, "timeout": "3s", "secret": nas.plain_secret()},
                secret=frozenset({"secret"}),
            ),
            Setting("/radius/incoming", {}, {"accept": "yes", "port": str(nas.coa_port)}),
            Setting("/ppp/aaa", {}, {"use-radius": "yes", "accounting": "yes", "interim-update": f"{nas.interim_seconds}s"}),
        ]  # fmt: skip
    if kind == Change.Kind.WALL:
        rule = {"chain": "forward", "src-address-list": nas.walled_list or "expired"}
        return [  # each goes to the top, so the last one first
            Setting("/ip/firewall/filter", {"comment": f"{MARK} wall: nothing else"}, {**rule, "action": "drop"}, True),
            Setting(
                "/ip/firewall/filter", {"comment": f"{MARK} wall: names"},
                {**rule, "protocol": "udp", "dst-port": "53", "action": "accept"}, True,
            ),
            Setting(
                "/ip/firewall/filter", {"comment": f"{MARK} wall: us"}, {**rule, "dst-address": server, "action": "accept"}, True
            ),
        ]  # fmt: skip
    shut = [Setting("/ip/service", {"name": name}, {"disabled": "yes"}) for name in ("telnet", "ftp")]
    return [*shut, Setting("/ip/service", {"name": "api-ssl" if nas.api_tls else "api"}, {"address": server})]


# --- asking, approving ------------------------------------------------------------------------------------------


def ask(nas: Nas, kind: str, *, server: str, by: Any) -> Change:
    """Have a job read what this change would alter; nothing is altered before somebody approves of it."""
    if not nas.has_api:
        raise Refusal(_("Give the router an API username and password first: that is how we reach it."))
    if not server[:1].isdigit():
        raise Refusal(_("Set RADIUS_ADDRESS to the address by which routers reach this server, and start it again."))
    change = Change.objects.create(nas=nas, kind=kind, server=server, asked_by=str(by)[:120])
    jobs.enqueue("provisioning.read_change", change_id=change.pk)
    audit.note(by, "router_change.asked", change)
    return change


def approve(change: Change, *, by: Any) -> None:
    """Have it applied. One change of a router at a time."""
    if not change.shown:
        raise Refusal(_("There is nothing to change: the router is so already."))
    if Change.objects.filter(nas=change.nas, state__in=["applying", "returning"]).exists():
        raise Refusal(_("Another change of this router is under way."))
    won = Change.objects.filter(pk=change.pk, state=Change.State.READY).update(
        state=Change.State.APPLYING, approved_by=str(by)[:120]
    )
    if not won:
        raise Refusal(_("This change is not waiting to be approved."))
    jobs.enqueue("provisioning.apply_change", change_id=change.pk, lock=f"provisioning.change:{change.nas_id}")
    audit.note(by, "router_change.approved", change)


# --- on the router ----------------------------------------------------------------------------------------------


def differences(router: Any, settings: list[Setting]) -> list[list[str]]:
    """Where the router is not as these settings: where, which row, field, is, shall be. Secrets are only said to differ."""
    found = []
    for one in settings:
        rows = router.wire.rows(one.path, ".id", *one.key, *one.values, **one.key)
        has = rows[0] if rows else None
        which = " ".join(one.key.values())
        for name, value in one.values.items():
            is_now = "" if has is None else has.get(name, "")
            if (
                (has is not None and name in one.secret and not is_now)
                or same(name, is_now, value)
                or means_the_same(is_now, value)
            ):
                continue
            hidden = name in one.secret
            found.append([one.path, which, name, "•••" if hidden and is_now else is_now, "•••" if hidden else value])
    return found


def _put(router: Any, one: Setting) -> None:
    if one.first and not router.wire.rows(one.path, ".id", **one.key):
        others = router.wire.rows(one.path, ".id")
        place = {"place-before": others[0][".id"]} if others else {}
        router.wire.add(one.path, {**one.key, **one.values, **place})
    else:
        router.wire.ensure(one.path, one.key, one.values)


def _arm(router: Any) -> None:
    router.wire.do("/system/backup/save", {"name": KEPT_ASIDE, "dont-encrypt": "yes"})
    _disarm(router)
    script = f'/system backup load name={KEPT_ASIDE} password=""'
    router.wire.add("/system/scheduler", {"name": WATCH, "interval": f"{MINUTES}m", "on-event": script})
    if not router.wire.rows("/system/scheduler", ".id", name=WATCH):
        raise NoAnswer("the router does not keep the order to return by itself")


def _disarm(router: Any) -> None:
    for row in router.wire.rows("/system/scheduler", ".id", name=WATCH):
        router.wire.remove("/system/scheduler", row[".id"])
    if router.wire.rows("/system/scheduler", ".id", name=WATCH):
        raise NoAnswer("the router keeps the order to return by itself")


@dataclass(frozen=True, slots=True)
class _Plan:
    change: Change
    driver: str
    way: Way
    settings: list[Setting]


def _plan(tenant_id: int, change_id: int, *states: str) -> _Plan | None:
    with tenant_scope(tenant_id):
        change = Change.objects.filter(pk=change_id, state__in=states).select_related("nas").first()
        if change is None:
            return None
        kept = OnRouter.objects.filter(pk=change.nas_id).first() or OnRouter(nas=change.nas)
        way = services.way_to(change.nas, kept)
        return _Plan(change, kept.driver, way, settings_for(change.kind, change.nas, change.server))


def _say(tenant_id: int, change: Change, state: str, problem: str = "", **more: Any) -> None:
    over = state in (Change.State.CONFIRMED, Change.State.RETURNED, Change.State.FAILED)
    if over:
        more["ended_at"] = calendar.now()
    with tenant_scope(tenant_id):
        Change.objects.filter(pk=change.pk).update(state=state, problem=problem[:200], **more)
        if state == Change.State.RETURNING:
            jobs.enqueue(
                "provisioning.see_return", change_id=change.pk,
                at=calendar.now() + timedelta(minutes=MINUTES, seconds=30),
            )  # fmt: skip


def read(tenant_id: int, change_id: int) -> None:
    """What the change would alter."""
    plan = _plan(tenant_id, change_id, "reading")
    if plan is None:
        return
    try:
        with drivers.get(plan.driver).open(plan.way) as router:
            shown = differences(router, plan.settings)
    except Trouble as trouble:
        _say(tenant_id, plan.change, Change.State.FAILED, str(trouble))
    else:
        _say(tenant_id, plan.change, Change.State.READY, shown=shown)


def apply(tenant_id: int, change_id: int) -> None:
    """Copy, arm the return, change, look over a fresh connection, and only then take the return back."""
    plan = _plan(tenant_id, change_id, "applying")
    if plan is None:
        return
    driver, change = drivers.get(plan.driver), plan.change
    try:
        with driver.open(plan.way) as router:
            try:
                text = router.export()
            except Unsupported:  # RouterOS 6: what it keeps aside itself has to do
                text = ""
            _arm(router)
    except Trouble as trouble:
        _say(tenant_id, change, Change.State.FAILED, str(trouble))
        return
    with tenant_scope(tenant_id):
        before = keep_copy(change.nas, text, _("before: %s") % change.get_kind_display()) if text else None
        Change.objects.filter(pk=change.pk).update(
            before=before, armed_until=calendar.now() + timedelta(minutes=MINUTES)
        )
    try:
        with driver.open(plan.way) as router:
            for one in plan.settings:
                _put(router, one)
        with driver.open(plan.way) as router:  # anew: whoever is in already may be let stay
            if wrong := differences(router, plan.settings):
                raise NoAnswer(f"not as it should be: {wrong[0][0]} {wrong[0][2]}")
            _disarm(router)
    except Trouble as trouble:
        _say(tenant_id, change, Change.State.RETURNING, str(trouble))
    else:
        _say(tenant_id, change, Change.State.CONFIRMED)


def see_return(tenant_id: int, change_id: int) -> None:
    """Whether the router has returned to what it was; asked again until it answers."""
    plan = _plan(tenant_id, change_id, "returning")
    if plan is None:
        return
    try:
        with drivers.get(plan.driver).open(plan.way) as router:
            if differences(router, plan.settings) != plan.change.shown:
                raise NoAnswer("it answers, and has not returned yet")
            _disarm(router)
    except Trouble as trouble:
        _say(tenant_id, plan.change, Change.State.RETURNING, str(trouble))
    else:
        _say(tenant_id, plan.change, Change.State.RETURNED, plan.change.problem)


# --- copies -----------------------------------------------------------------------------------------------------


def keep_copy(nas: Nas, text: str, why: str) -> ConfigCopy:
    """Keep the text, unless it is what the last copy says."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))  # the date stands there
    digest = sha256(plain.encode()).hexdigest()
    last = ConfigCopy.objects.filter(nas=nas).order_by("-pk").first()
    if last is not None and last.digest == digest:
        ConfigCopy.objects.filter(pk=last.pk).update(seen_at=calendar.now())
        return last
    packed = b64encode(zlib.compress(text.encode(), 9)).decode()
    return ConfigCopy.objects.create(
        nas=nas, text=lock(packed, f"config:{nas.tenant_id}"), digest=digest, lines=text.count("\n"), why=why[:120]
    )


def text_of(copy: ConfigCopy) -> str:
    return zlib.decompress(b64decode(unlock(copy.text, f"config:{copy.tenant_id}"))).decode()


def between(older: ConfigCopy | None, newer: ConfigCopy) -> list[tuple[str, str]]:
    """The lines that went and came: ("-", line), ("+", line), with "@" where others lie between."""
    old = text_of(older).splitlines() if older else []
    lines = difflib.unified_diff(old, text_of(newer).splitlines(), n=1, lineterm="")
    return [(line[:1], line[1:]) for line in lines if not line.startswith(("---", "+++"))]


def copy(tenant_id: int, nas_id: int, why: str = "") -> None:
    """Read one router's configuration and keep it."""
    with tenant_scope(tenant_id):
        nas = Nas.objects.in_use().filter(pk=nas_id).first()
        if nas is None or not nas.has_api:
            return
        kept = OnRouter.objects.filter(pk=nas_id).first() or OnRouter(nas=nas)
        way = services.way_to(nas, kept, seconds=30)
    try:
        with drivers.get(kept.driver).open(way) as router:
            text = router.export()
    except Trouble:
        return  # whoever keeps the router hears of it elsewhere; the last copy stays
    with tenant_scope(tenant_id):
        keep_copy(nas, text, why or _("every night"))
