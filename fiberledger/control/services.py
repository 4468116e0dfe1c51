from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.utils.translation import gettext as _

from fiberledger import audit
from fiberledger.identity import services as identity
from fiberledger.identity.models import Role
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.tenancy.models import Tenant
from fiberledger.tenancy.services import create_tenant

# Who may be put below whom.
_BELOW = {
    Tenant.Kind.PLATFORM: (Tenant.Kind.PLATFORM_RESELLER, Tenant.Kind.ISP),
    Tenant.Kind.PLATFORM_RESELLER: (Tenant.Kind.ISP,),
    Tenant.Kind.ISP: (),
}


@dataclass(frozen=True)
class Branch:
    """One company in the tree, with what an operator wants to know at a glance."""

    id: int
    parent_id: int | None
    depth: int
    slug: str
    name: str
    kind: str
    country: str
    currency: str
    status: str
    created_at: datetime
    members: int
    subscribers: int
    active: int
    last_seen_at: datetime | None

    @property
    def is_suspended(self) -> bool:
        return self.status == Tenant.Status.SUSPENDED


def tree(root: Tenant, search: str = "") -> list[Branch]:
    """The companies below `root`, each under its parent. The platform's root has everybody below it, also ISPs that
    were taken in from the command line without a parent."""
    with connections["control"].cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE tree AS (
                  SELECT t.*, 1 AS depth, ARRAY[lower(t.name), t.slug]::text[] AS path FROM tenancy_tenant t
                   WHERE t.parent_id = %(root)s OR (%(is_platform)s AND t.parent_id IS NULL AND t.id <> %(root)s)
                  UNION ALL
                  SELECT t.*, tree.depth + 1, tree.path || ARRAY[lower(t.name), t.slug]::text[]
                    FROM tenancy_tenant t JOIN tree ON t.parent_id = tree.id)
                SELECT tree.id, parent_id, depth, slug, name, kind, country, currency, status, created_at,
                       coalesce(m.members, 0), coalesce(s.subscribers, 0), coalesce(s.active, 0), m.last_seen_at
                  FROM tree
                  LEFT JOIN (SELECT tenant_id, count(*) FILTER (WHERE status = 'active') AS members,
                                    max(last_seen_at) AS last_seen_at
                               FROM identity_membership GROUP BY tenant_id) m ON m.tenant_id = tree.id
                  LEFT JOIN (SELECT tenant_id, count(*) AS subscribers, count(*) FILTER (WHERE status = 'active') AS active
                               FROM {Subscriber._meta.db_table} GROUP BY tenant_id) s ON s.tenant_id = tree.id
                 WHERE %(search)s = '' OR name ILIKE %(like)s OR slug ILIKE %(like)s
                 ORDER BY path""",
            {
                "root": root.pk,
                "is_platform": root.kind == Tenant.Kind.PLATFORM,
                "search": search,
                "like": "%" + search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%",
            },
        )
        return [Branch(*row) for row in cursor.fetchall()]


def below(root: Tenant, pk: int) -> Branch | None:
    """The company of that number, where it lies below `root`."""
    return next((branch for branch in tree(root) if branch.id == pk), None)


def kinds_below(root: Tenant) -> tuple[str, ...]:
    return _BELOW[Tenant.Kind(root.kind)]


def take_in(
    root: Tenant, *, slug: str, name: str, country: str, kind: str, owner_email: str, owner_name: str, by: Any
) -> Tenant:
    """Create a company below `root` and invite its owner by letter. Call it outside of any tenant's scope.

    Raises Refusal for a kind that cannot stand below `root`, a slug that is taken, an unknown country.
    """
    if kind not in kinds_below(root):
        raise Refusal(_("A company of this kind cannot be taken in here."))
    tenant = create_tenant(slug, name=name, country=country, parent=root, kind=kind)
    with tenant_scope(root.pk):
        audit.note(by, "tenant.created", tenant, after=_facts(tenant))
    with tenant_scope(tenant.pk):
        audit.note(by, "tenant.created", tenant, after=_facts(tenant))
        owner = Role.objects.get(template="owner")
        identity.invite(owner_email, owner_name, identity.Grant((owner.pk,)), by=_on_behalf(by, root))
    return tenant


def _on_behalf(by: Any, root: Tenant) -> Any:
    """Within the new company it is the platform that acts; whoever it was is named."""
    return type(by)(kind="system", name=f"{root.name}", ip=by.ip, on_behalf_of=by.name)


def _facts(tenant: Tenant) -> dict[str, Any]:
    return {"slug": tenant.slug, "name": tenant.name, "kind": tenant.kind, "country": tenant.country}


def suspend(root: Tenant, pk: int, *, reason: str, by: Any) -> None:
    """Shut a company and all below it out; nothing of theirs is lost. Call it outside of any tenant's scope."""
    _set_status(root, pk, Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED, "tenant.suspended", reason, by)


def resume(root: Tenant, pk: int, *, reason: str = "", by: Any) -> None:
    """Let a suspended company in again. Call it outside of any tenant's scope."""
    _set_status(root, pk, Tenant.Status.SUSPENDED, Tenant.Status.ACTIVE, "tenant.resumed", reason, by)


def _set_status(root: Tenant, pk: int, old: str, new: str, action: str, reason: str, by: Any) -> None:
    if below(root, pk) is None:
        raise Refusal(_("This company does not rent from you."))
    with transaction.atomic(using="control"):
        changed = Tenant.objects.using("control").filter(pk=pk, status=old).update(status=new)
        if not changed:
            return  # somebody was faster
        tenant = Tenant.objects.using("control").get(pk=pk)
        for tenant_id in (root.pk, pk):
            with tenant_scope(tenant_id):
                audit.note(by, action, tenant, before={"status": old}, after={"status": new}, reason=reason)
