"""Which tenant a request is for, and who its maker is there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.request import split_domain_port

from fiberledger.tenancy.models import Tenant

from . import roles
from .actor import Actor
from .models import User


@dataclass(frozen=True)
class Place:
    """A membership of somebody's, as far as it is known before any tenant is."""

    membership_id: int
    tenant_id: int
    slug: str
    name: str
    kind: str
    is_suspended: bool


def slug_of(request: HttpRequest) -> str | None:
    """The tenant that the host names: `bright.example.com` under the base host example.com; None on a bare host."""
    host = split_domain_port(request.get_host())[0]
    for base in settings.BASE_HOSTS:
        if host.endswith("." + base):
            return host.removesuffix("." + base)
    return None


# A reseller's ISPs stand and fall with the reseller: whether they are suspended is asked on every request.
_WITH_PARENTS = ("parent__parent",)


def by_slug(slug: str) -> Tenant | None:
    return Tenant.objects.select_related(*_WITH_PARENTS).filter(slug=slug).first()


def by_id(tenant_id: int) -> Tenant | None:
    return Tenant.objects.select_related(*_WITH_PARENTS).filter(pk=tenant_id).first()


def is_suspended(tenant: Tenant) -> bool:
    """Is it suspended itself, or one it rents from?"""
    one: Tenant | None = tenant
    while one is not None:
        if one.status == Tenant.Status.SUSPENDED:
            return True
        one = one.parent
    return False


def places_of(user: User, ip: str | None) -> list[Place]:
    """Every tenant the person is an active member of and may enter from there. PostgreSQL's control role answers: no
    tenant is in scope yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM identity_places_of(%s)", [user.pk])
        return [Place(*row) for *row, networks in cursor.fetchall() if not networks or _is_in(ip, networks)]


def actor_for(user: User, tenant: Tenant, ip: str | None) -> Actor | None:
    """Who this person is in the tenant in scope; None where they have no active membership, or not from there."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT m.id, m.scope, m.allowed_networks,
                 (SELECT coalesce(jsonb_agg(jsonb_build_array(r.template, to_jsonb(r.permissions))), '[]')
                    FROM identity_membershiprole l JOIN identity_role r ON r.id = l.role_id
                   WHERE l.membership_id = m.id AND r.is_active),
                 CASE m.scope
                   WHEN 'branches' THEN ARRAY(SELECT l.branch_id FROM identity_membershipbranch l
                                               WHERE l.membership_id = m.id)
                   WHEN 'areas' THEN ARRAY(SELECT a.id FROM identity_membershiparea l JOIN places_area top ON top.id = l.area_id
                                             JOIN places_area a ON a.path LIKE top.path || '%%'
                                            WHERE l.membership_id = m.id)
                 END,
                 CASE m.scope WHEN 'resellers' THEN ARRAY(SELECT l.name FROM identity_membershipreseller l
                                                           WHERE l.membership_id = m.id) END
               FROM identity_membership m WHERE m.user_id = %s AND m.status = 'active'""",
            [user.pk],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    membership_id, scope, networks, held, ids, resellers = row
    if networks and not _is_in(ip, networks):
        return None
    held = _json(held)
    permissions = frozenset().union(*(roles.granted(tenant.kind, template, chosen) for template, chosen in held))
    return Actor(
        kind="staff",
        name=str(user),
        user_id=user.pk,
        membership_id=membership_id,
        permissions=permissions,
        branch_ids=frozenset(ids) if scope == "branches" else None,
        area_ids=frozenset(ids) if scope == "areas" else None,
        reseller_names=frozenset(resellers) if scope == "resellers" else None,
        only_assigned=scope == "assigned",
        ip=ip,
        roles=frozenset(template for template, _chosen in held),
    )


def _json(value: Any) -> Any:
    import json

    return json.loads(value) if isinstance(value, str) else value


def _is_in(ip: str | None, networks: list[str]) -> bool:
    if not ip:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
