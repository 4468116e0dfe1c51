from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from .errors import Refusal
from .models import Profile, Tenant
from .scope import current_tenant, tenant_scope

# What each room sets up for a new tenant; filled by wiring.
provisioners: list[Callable[[], None]] = []

# Where a country has several zones, the one most of its people live in; elsewhere the first in the zone table.
_MAIN_ZONE = {
    "ID": "Asia/Jakarta",
    "BR": "America/Sao_Paulo",
    "US": "America/New_York",
    "CD": "Africa/Kinshasa",
}


def _zone_of(country: str) -> str | None:
    if country in _MAIN_ZONE:
        return _MAIN_ZONE[country]
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if line.startswith(country + "\t"):
            return line.split("\t")[2]
    return None


def create_tenant(
    slug: str,
    *,
    name: str,
    country: str,
    parent: Tenant | None = None,
    kind: str = Tenant.Kind.ISP,
) -> Tenant:
    """Create a tenant and furnish it: company profile, chart of accounts, roles, policies.

    Country is ISO 3166-1 alpha-2; currency and time zone follow from it. Raises Refusal for a slug that is taken or
    malformed and for an unknown country. Called again after a crash it finishes what was begun.
    """
    country = country.upper()
    currencies, zone = get_territory_currencies(country), _zone_of(country)
    if country not in get_global("territory_currencies") or not currencies or not zone:
        raise Refusal(_("“%s” is not a country code; write two letters, e.g. PK or KE.") % country)
    if not name.strip():
        raise Refusal(_("Give the company a name."))
    tenant = Tenant(
        slug=slug,
        name=name.strip(),
        country=country,
        currency=currencies[0],
        timezone=zone,
        parent=parent,
        kind=kind,
    )
    try:
        tenant.clean_fields()
    except ValidationError as error:
        raise Refusal("; ".join(error.messages)) from error
    if Tenant.objects.filter(slug=slug).exists():
        raise Refusal(_("The short name “%s” is taken; choose another.") % slug)
    tenant.save(using="control")
    provision(tenant)
    return tenant


def provision(tenant: Tenant) -> None:
    """Give the tenant whatever rows each room wants every tenant to have; what is there already stays."""
    with tenant_scope(tenant.pk):
        for furnish in provisioners:
            furnish()


def furnish_profile() -> None:
    """The company profile, named as the tenant."""
    Profile.objects.get_or_create(defaults={"legal_name": current_tenant().name})
