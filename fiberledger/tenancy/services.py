from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from zoneinfo import available_timezones

from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.conf import settings
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
    "AU": "Australia/Sydney",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
}


def zones_of(country: str) -> list[str]:
    """The country's time zones, the one most of its people live in first."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    zones = [line.split("\t")[2] for line in table.splitlines() if line.startswith(country + "\t")]
    return sorted(zones, key=lambda zone: zone != _MAIN_ZONE.get(country))


def create_tenant(
    slug: str,
    *,
    name: str,
    country: str,
    parent: Tenant | None = None,
    kind: str = Tenant.Kind.ISP,
    timezone: str = "",
    language: str = "",
) -> Tenant:
    """Create a tenant and furnish it: company profile, chart of accounts, roles, policies.

    Country is ISO 3166-1 alpha-2; currency and time zone follow from it, unless the zone is given. Raises Refusal for a slug that is taken or
    malformed and for an unknown country. Called again after a crash it finishes what was begun.
    """
    country = country.upper()
    currencies, zones = get_territory_currencies(country), zones_of(country)
    if country not in get_global("territory_currencies") or not currencies or not zones:
        raise Refusal(_("“%s” is not a country code; write two letters, e.g. PK or KE.") % country)
    _check_zone(timezone or zones[0])
    _check_language(language or "en")
    if not name.strip():
        raise Refusal(_("Give the company a name."))
    tenant = Tenant(
        slug=slug,
        name=name.strip(),
        country=country,
        currency=currencies[0],
        timezone=timezone or zones[0],
        language=language or "en",
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


def settle_in(*, timezone: str, language: str) -> None:
    """Change the current tenant's clock and language. What was dated before keeps its day."""
    _check_zone(timezone)
    _check_language(language)
    tenant = Tenant.objects.using("control").filter(pk=current_tenant().pk)
    tenant.update(timezone=timezone, language=language)


def _check_zone(zone: str) -> None:
    if zone not in available_timezones():
        raise Refusal(_("“%s” is no time zone; write e.g. Asia/Karachi.") % zone)


def _check_language(language: str) -> None:
    if language not in dict(settings.LANGUAGES):
        raise Refusal(_("“%s” is no language we have.") % language)


def provision(tenant: Tenant) -> None:
    """Give the tenant whatever rows each room wants every tenant to have; what is there already stays."""
    with tenant_scope(tenant.pk):
        for furnish in provisioners:
            furnish()


def furnish_profile() -> None:
    """The company profile, named as the tenant."""
    Profile.objects.get_or_create(defaults={"legal_name": current_tenant().name})
