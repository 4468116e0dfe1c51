"""Every address says who may enter, and means it: outsiders, each role, and another tenant's owner are all turned away
where they should be. There is no list of exceptions but @public("why")."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from fiberledger.identity import permissions, roles
from fiberledger.identity.guards import Guard
from fiberledger.tenancy.models import Profile
from fiberledger.tenancy.services import create_tenant

from .addresses import addresses
from .rows import tenant_models

ALL = [pytest.param(address, id=address.route or "/") for address in addresses()]
ROLES = [pytest.param(template.code, id=template.code) for template in roles.for_kind("isp")]


def is_login(answer):
    return answer.status_code in (302, 401) and (answer.get("Location") or answer.get("HX-Redirect", "")).startswith(
        ("/login/", "/choose/")
    )


def ask(client, path):
    """The page, or what it says to a form sent empty where it is not to be looked at."""
    answer = client.get(path)
    return client.post(path) if answer.status_code == 405 else answer


def test_the_net_has_caught_the_house():
    assert len(ALL) > 50


@pytest.mark.parametrize("address", ALL)
def test_says_who_may_enter(address):
    guard = address.guard
    assert isinstance(guard, Guard), f"/{address.route}: put a guard of fiberledger.identity.guards on it"
    assert guard.kind != "public" or guard.why
    unknown = [code for code in guard.permissions if code not in permissions.all()]
    assert unknown == [], "declare them in the room's permissions.py"


@pytest.fixture(scope="module")
def outsider(bright_rows):
    return Client(headers={"host": bright_rows.isp.host}, raise_request_exception=False)


@pytest.mark.parametrize("address", ALL)
def test_an_outsider_is_sent_to_the_login(address, outsider):
    answer = ask(outsider, address.path())
    if address.guard.kind == "public":
        assert answer.status_code < 500
    else:
        assert is_login(answer), f"{answer.status_code} {answer.get('Location')}"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_enters_exactly_where_it_holds_the_permission(role, bright_rows):
    held = roles.granted("isp", role, None)
    client = bright_rows.isp.client(role)
    client.raise_request_exception = False
    wrong = []
    for address in addresses():
        guard = address.guard
        if guard.kind == "public":
            continue
        allowed = set(guard.permissions) <= held and (not guard.tenant_kinds or "isp" in guard.tenant_kinds)
        if allowed:
            answer = client.get(address.path())  # only looked at: what it does is its own room's test
            request = answer.wsgi_request
            if is_login(answer) or getattr(request, "permission_missing", None) or answer.status_code >= 500:
                wrong.append(f"{address.name}: {answer.status_code} for one who may")
        else:
            answer = ask(client, address.path())
            if answer.status_code != 403:
                wrong.append(f"{address.name}: {answer.status_code} for one who lacks {set(guard.permissions) - held}")
    assert wrong == []


def fingerprint(isp):
    """Of every row the tenant has."""
    found = {}
    with isp.scope(), connection.cursor() as cursor:
        for model in tenant_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{table}\" t")
            found[table] = cursor.fetchone()
    return found


def test_another_tenants_owner_finds_and_changes_nothing(bright_rows, zed_rows):
    """Zed knows every address and every number of Bright ISP's rows, and still sees and changes nothing."""
    for model in tenant_models():
        bright_rows.one(model)
    by_room: dict[str, set[int]] = {}
    for model, row in bright_rows.made.items():
        if isinstance(row.pk, int):
            by_room.setdefault(model._meta.app_label, set()).add(row.pk)
    everything = sorted({pk for pks in by_room.values() for pk in pks})
    zed, marker = zed_rows.isp.client("owner"), bright_rows.marker.encode()
    zed.raise_request_exception = False
    before, wrong, asked = fingerprint(bright_rows.isp), [], 0
    for address in addresses():
        if address.guard.kind == "public" and address.guard.own_scope:
            continue  # the door itself: going through it would end the visit
        numbers = sorted(by_room.get(address.room, set())) or everything
        for pk in numbers if address.needs_a_row else [1]:
            given = {name: pk for name, kind in address.arguments if kind == "int"}
            for send in (zed.get, zed.post):
                answer = send(address.path(**given))
                asked += 1
                if answer.status_code >= 500:
                    wrong.append(f"{address.name} {pk}: {answer.status_code}")
                elif marker in getattr(answer, "content", b""):
                    wrong.append(f"{address.name} {pk}: shows another tenant's data")
    assert wrong == [] and asked > 100
    after = fingerprint(bright_rows.isp)
    assert {table: (before[table], after[table]) for table in before if before[table] != after[table]} == {}


def test_the_marker_is_there_to_be_seen(bright_rows):
    """Else the test above would prove nothing: the owner's own lists show it."""
    for model in tenant_models():
        bright_rows.one(model)
    client, marker = bright_rows.isp.client("owner"), bright_rows.marker.encode()
    seen = [
        a.name
        for a in addresses()
        if not a.arguments and a.guard.kind != "public" and marker in client.get(a.path()).content
    ]
    assert len(seen) >= 3, seen


@pytest.mark.parametrize("whose", ["another ISP", "the platform", "nobody"])
def test_the_same_cookie_at_another_tenants_host_opens_nothing(whose, bright_rows, zed_rows):
    zed = zed_rows.isp.client("owner")
    slug = {"another ISP": bright_rows.isp.tenant.slug, "nobody": "nobody-at-all"}.get(whose)
    if slug is None:
        slug = create_tenant(f"platform-{uuid4().hex[:8]}", name="Us", country="PK", kind="platform").slug
    stolen = Client(headers={"host": f"{slug}.localhost"}, raise_request_exception=False)
    stolen.cookies["sessionid"] = zed.cookies["sessionid"].value
    for address in addresses():
        if address.guard.kind in ("staff", "signed_in"):
            answer = ask(stolen, address.path())
            assert answer.status_code == 404 if whose == "nobody" else is_login(answer), f"{address.name}: {answer}"


def test_a_fingerprint_sees_a_change(bright_rows):
    before = fingerprint(bright_rows.isp)
    with bright_rows.isp.scope():
        Profile.objects.update(website=f"https://{bright_rows.text()}.example")
    assert fingerprint(bright_rows.isp) != before
