"""Bringing over what is on a router: its logins and leases as the rows of a customer list, which the import takes as any other.

The import's own pages show each row's verdict (new, already here, at fault and why), let columns be mapped and good rows be taken,
and take it all back again. Here is only what a router's entries say as such rows.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import audit, jobs
from fiberledger.access.models import Nas
from fiberledger.access.services import usernames_taken
from fiberledger.catalog.models import Plan
from fiberledger.identity import Actor
from fiberledger.identity.models import User
from fiberledger.identity.tenants import actor_for
from fiberledger.imports import services as imports
from fiberledger.jobs.models import Run
from fiberledger.places.models import Area
from fiberledger.routers import Trouble
from fiberledger.routers.drivers import Found, HotspotProfile, HotspotUser, Lease, Profile, Queue, Secret, drivers
from fiberledger.tenancy import Refusal, current_tenant, tenant_scope

from . import services
from .models import OnRouter

KINDS = (Profile, HotspotProfile, Secret, HotspotUser, Lease, Queue)
COLUMNS = (
    "Full Name",
    "Mobile",
    "Area",
    "Address",
    "Package",
    "Status",
    "Username",
    "Password",
    "Static IP",
    "MAC",
    "Note",
)
# A telephone number as people write it behind a name: nine digits at least, with spaces and hyphens.
_PHONE = re.compile(r"(?<!\d)\+?\d(?:[ -]?\d){8,14}(?!\d)")
_FACTORS = {"k": 1, "M": 1_000, "G": 1_000_000}


@dataclass(frozen=True, slots=True)
class Brought:
    rows: list[tuple[str, ...]]
    here: int  # logins that an account has already, and what is ours


def rows_of(found: Iterable[Found], plans: Mapping[tuple[int, int], str], area: str, taken: set[str]) -> Brought:
    """A row for each login and each lease that is not ours. The plan is the one of its speed, else what the router calls
    it; name and telephone are what stands in the comment, and the
    address the area, until somebody says a better one."""
    found = list(found)
    rates = {
        (one.thing.kind, one.name): one.thing.rate_limit
        for one in found
        if isinstance(one.thing, (Profile, HotspotProfile))
    }
    queues = {
        one.thing.target.removesuffix("/32"): one.thing.max_limit for one in found if isinstance(one.thing, Queue)
    }
    rows: list[tuple[str, ...]] = []
    here = 0
    logins = {one.thing.remote_address for one in found if isinstance(one.thing, Secret)} - {""}
    for one in found:
        thing = one.thing
        person, phone, rest = _who(one.note)
        if isinstance(thing, (Secret, HotspotUser)):
            if one.ours or thing.name.lower() in taken or thing.name == "default-trial":
                here += 1
                continue
            address = thing.remote_address if isinstance(thing, Secret) else thing.address
            profile_kind = Profile.kind if isinstance(thing, Secret) else HotspotProfile.kind
            rate = rates.get((profile_kind, thing.profile), "") or queues.get(address, "")
            mac = thing.caller_id if isinstance(thing, Secret) else thing.mac_address
            rows.append((
                person or thing.name, phone, area, area, plans.get(_kbps(rate)) or thing.profile,
                "suspended" if thing.disabled == "yes" else "active", thing.name, thing.password, _address(address), mac, rest,
            ))  # fmt: skip
        elif isinstance(thing, Lease) and not one.ours and thing.address not in logins:
            rate = thing.rate_limit or queues.get(thing.address, "")
            rows.append((
                person or thing.mac_address, phone, area, area, plans.get(_kbps(rate), ""), "active", "", "", "", "",
                " ".join(filter(None, (rest, thing.mac_address, thing.address))),
            ))  # fmt: skip
    return Brought(rows, here)


def _who(note: str) -> tuple[str, str, str]:
    """Name, telephone and the whole comment: "Ali Raza 0300-1234567" is two of them."""
    phone = _PHONE.search(note)
    name = (note[: phone.start()] if phone else note).strip(" ,;:|/-#([")
    return (
        (name if re.search(r"[^\W\d_]", name) else ""),
        (phone[0] if phone else ""),
        note if phone or len(note) > 60 else "",
    )


def _address(text: str) -> str:
    """A fixed address; a pool's name is none."""
    try:
        return str(IPv4Address(text.removesuffix("/32")))
    except AddressValueError:
        return ""


def _kbps(rate: str) -> tuple[int, int]:
    """Upload and download of a rate limit, in kbit/s."""
    up, _slash, down = rate.partition(" ")[0].partition("/")
    return _number(up), _number(down or up)


def _number(text: str) -> int:
    if text[-1:] in _FACTORS and text[:-1].isdecimal():
        return int(text[:-1]) * _FACTORS[text[-1]]
    return int(text) // 1000 if text.isdecimal() else 0


# --- the job ----------------------------------------------------------------------------------------------------


def start(nas: Nas, area: Area, *, by: Any) -> Run:
    """Have a job read the router and put what it has among the imports, to be looked through there."""
    if not nas.has_api:
        raise Refusal(_("Give the router an API username and password first: that is how we reach it."))
    audit.note(by, "router.brought_over", nas)
    return jobs.start_run(
        "router-import", _("Read %s") % nas.name, "provisioning.bring_over", by=by, url=reverse("imports:importrun-list"),
        nas_id=nas.pk, area=area.name, ip=by.ip,
    )  # fmt: skip


def bring_over(tenant_id: int, run_id: int) -> None:
    with jobs.running(tenant_id, run_id) as run:
        with tenant_scope(tenant_id):
            by = _starter(run)
            nas = Nas.objects.get(pk=run.options["nas_id"])
            kept = OnRouter.objects.filter(pk=nas.pk).first() or OnRouter(nas=nas)
            way = services.way_to(nas, kept, seconds=30)
        try:
            with drivers.get(kept.driver).open(way) as router:
                found = router.read(KINDS)
        except Trouble as trouble:
            raise Refusal(_("%(name)s could not be read: %(why)s") % {"name": nas.name, "why": trouble}) from None
        with tenant_scope(tenant_id):
            names = [one.name for one in found if isinstance(one.thing, (Secret, HotspotUser))]
            plans = Plan.objects.filter(status="active").order_by("-pk")
            speeds = {
                (plan.upload_kbps or plan.download_kbps or 0, plan.download_kbps or 0): plan.name for plan in plans
            }
            speeds.pop((0, 0), None)
            brought = rows_of(found, speeds, run.options["area"], usernames_taken(names))
            if not brought.rows:
                raise Refusal(_("There is nothing on %(name)s that is not here already.") % {"name": nas.name})
            with tempfile.TemporaryDirectory() as place:
                path = Path(place) / "router.csv"
                with path.open("w", newline="", encoding="utf-8") as out:
                    csv.writer(out).writerows([COLUMNS, *brought.rows])
                taken = imports.receive("subscribers", path, f"{nas.name}.csv", by=by)
            url = reverse("imports:importrun", args=[taken.pk])
            Run.objects.filter(pk=run_id).update(url=url)
        run.result = {"rows": len(brought.rows), "here": brought.here}


def _starter(run: Run) -> Actor:
    """Whoever started it, with what they may do and reach by now."""
    if run.started_by_id is None:
        return Actor.system(run.started_by_name)
    actor = actor_for(User.objects.get(pk=run.started_by_id), current_tenant(), run.options.get("ip"))
    if actor is None:
        raise Refusal(_("Whoever started this does not work here any more."))
    return actor
