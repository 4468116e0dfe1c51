from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.places.models import Branch
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet

from .cgnat import Plan
from .fields import AddressField, NetworkField
from .networks import Ip, Net, only, supernets

# Goes into a RADIUS attribute as it is.
is_name_on_router = RegexValidator(r"^[A-Za-z0-9._:/-]{1,64}$", _("Use letters, digits and . - _ : / only."))


class Vrf(TenantModel):
    """A table of addresses of its own: the same network may stand in two of them."""

    name = models.CharField(_("name"), max_length=60)
    rd = models.CharField(_("route distinguisher"), max_length=21, blank=True, default="", help_text=_("e.g. 65000:1"))
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    is_main = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("VRF")
        verbose_name_plural = _("VRFs")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="vrf_name_once", violation_error_message=_("Another VRF has this name.")
            ),
            models.UniqueConstraint(fields=["tenant", "is_main"], name="vrf_one_main", condition=Q(is_main=True)),
        ]

    def __str__(self) -> str:
        return self.name


class Vlan(TenantModel):
    """A VLAN. Its number may come again at another branch."""

    UNITS = {"number": None}

    number = models.PositiveSmallIntegerField(
        _("number"), validators=[MinValueValidator(1), MaxValueValidator(4094)], help_text=_("1 to 4094")
    )
    name = models.CharField(_("name"), max_length=60)
    branch = TenantForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    description = models.CharField(_("description"), max_length=200, blank=True, default="")

    class QuerySet(ScopedQuerySet):
        branch_lookup = "branch"

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("VLAN")
        verbose_name_plural = _("VLANs")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "branch", "number"], name="vlan_once", nulls_distinct=False,
                violation_error_message=_("There is a VLAN of this number at this branch."),
            ),
            models.CheckConstraint(name="vlan_number", condition=Q(number__gte=1, number__lte=4094)),
        ]  # fmt: skip
        indexes = [models.Index(fields=["tenant", "number", "id"], name="vlan_by_number")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Prefix(TenantModel):
    """A network and what it is for. What it lies in and what lies in it is containment, stored nowhere."""

    class Role(models.TextChoices):
        BLOCK = "block", _("Block to share out")
        DYNAMIC = "dynamic", _("Dynamic, private")
        STATIC = "static", _("Static, private")
        PUBLIC = "public", _("Public")
        CGNAT = "cgnat", _("CGNAT")
        MANAGEMENT = "management", _("Management")
        ROUTER = "router", _("Routers")
        ONU = "onu", _("ONUs")
        SERVER = "server", _("Servers")

    network = NetworkField(_("network"))
    vrf = TenantForeignKey(Vrf, on_delete=models.PROTECT, related_name="+", verbose_name=_("VRF"))
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.BLOCK)
    vlan = TenantForeignKey(
        Vlan, on_delete=models.PROTECT, null=True, blank=True, related_name="prefixes", verbose_name=_("VLAN")
    )
    branch = TenantForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    gateway = AddressField(
        _("gateway"), null=True, blank=True, help_text=_("An address inside; it is given to nobody else.")
    )
    dns = models.CharField(_("DNS servers"), max_length=120, blank=True, default="")
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    class QuerySet(ScopedQuerySet):
        branch_lookup = "branch"

        def listed(self, columns: Any = ()) -> Any:
            """With how deep each lies, and how much of it is used."""
            return self.annotate(
                depth=_of_prefix("ipam_depth", models.IntegerField()),
                shared=_of_prefix("ipam_shared", models.FloatField()),
                held=_of_prefix("ipam_held", models.FloatField()),
                pooled=_of_prefix("ipam_pooled", models.FloatField()),
            )

        def holding(self, what: Net | Ip) -> Any:
            """Those that this lies in, the narrowest last. By index: each network it may lie in is looked for."""
            return self.filter(network__in=[str(net) for net in supernets(what)]).order_by("network")

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("prefix")
        verbose_name_plural = _("prefixes")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "vrf", "network"], name="prefix_once"),
            models.CheckConstraint(
                name="prefix_role_known",
                condition=Q(
                    role__in=["block", "dynamic", "static", "public", "cgnat", "management", "router", "onu", "server"]
                ),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["tenant", "network", "id"], name="prefix_in_tree_order")]

    def __str__(self) -> str:
        return str(self.network)


def _of_prefix(function: str, field: models.Field) -> Func:
    return Func(F("vrf_id"), F("network"), function=function, output_field=field)


class Pool(TenantModel):
    """A range inside a prefix. A dynamic one is handed out by the routers, under its name; of a fixed one we give."""

    UNITS = {"length": None}

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", _("Dynamic: routers hand it out")
        FIXED = "fixed", _("Fixed: given here, one by one")

    name = models.CharField(
        _("name"),
        max_length=64,
        validators=[is_name_on_router],
        help_text=_("As on the router: /ip pool, or Framed-Pool over RADIUS. May come again at another router."),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.DYNAMIC)
    prefix = TenantForeignKey(Prefix, on_delete=models.PROTECT, related_name="pools", verbose_name=_("prefix"))
    vrf = TenantForeignKey(Vrf, on_delete=models.PROTECT, related_name="+", editable=False)
    first = AddressField(_("first address"))
    last = AddressField(_("last address"))
    length = models.PositiveSmallIntegerField(
        _("prefix length for each"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(128)],
        help_text=_("For delegated IPv6 prefixes, e.g. 56; empty: single addresses."),
    )  # fmt: skip
    description = models.CharField(_("description"), max_length=200, blank=True, default="")

    class QuerySet(ScopedQuerySet):
        branch_lookup = "prefix__branch"

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("address pool")
        verbose_name_plural = _("address pools")
        ordering = ["name", "first"]
        constraints = [
            models.CheckConstraint(name="pool_kind_known", condition=Q(kind__in=["dynamic", "fixed"])),
            models.CheckConstraint(name="pool_in_order", condition=Q(first__lte=F("last"))),
        ]
        indexes = [
            models.Index(fields=["tenant", "name", "id"], name="pool_by_name"),
            models.Index(fields=["tenant", "vrf", "first"], name="pool_by_first"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        """How many it can serve."""
        count = int(self.last) - int(self.first) + 1
        return count >> (self.first.max_prefixlen - self.length) if self.length else count

    @property
    def range(self) -> str:
        return f"{self.first} – {self.last}"


class Holding(TenantModel):
    """An address, or a whole prefix, that somebody holds or held: from when to when. Never changed but ended."""

    class State(models.TextChoices):
        ASSIGNED = "assigned", _("Assigned")
        RESERVED = "reserved", _("Reserved")

    class Origin(models.TextChoices):
        HAND = "hand", _("Given here")
        ACCOUNT = "account", _("Network account")

    network = NetworkField(_("address"))
    vrf = TenantForeignKey(Vrf, on_delete=models.PROTECT, related_name="+", verbose_name=_("VRF"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.ASSIGNED)
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("line")
    )
    purpose = models.CharField(_("what for"), max_length=120, blank=True, default="")
    origin = models.CharField(_("from"), max_length=8, choices=Origin.choices, default=Origin.HAND)
    began_at = models.DateTimeField(_("since"), default=calendar.now)
    began_by = models.CharField(_("given by"), max_length=120)
    ended_at = models.DateTimeField(_("released"), null=True)
    ended_by = models.CharField(_("released by"), max_length=120, default="")
    why_ended = models.CharField(_("why released"), max_length=200, default="")

    class QuerySet(ScopedQuerySet):
        branch_lookup = "subscription__subscriber__branch"
        area_lookup = "subscription__subscriber__area"
        reseller_lookup = "subscription__subscriber__reseller_name"
        collector_lookup = "subscription__subscriber__collector"

        def current(self):
            return self.filter(ended_at=None)

        def inside(self, net: Net) -> Any:
            """By index, as PostgreSQL orders networks: all that lies inside stands between these two."""
            return self.filter(network__gte=str(net), network__lte=str(only(net[-1])))

        def at(self, what: Net | Ip, moment: Any) -> Any:
            """Who held this then: the address itself, or a prefix it lies in."""
            return self.filter(
                Q(ended_at=None) | Q(ended_at__gt=moment),
                network__in=[str(net) for net in supernets(what)],
                began_at__lte=moment,
            )

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "vrf", "network"], name="holding_once", condition=Q(ended_at=None)
            ),
            models.CheckConstraint(name="holding_state_known", condition=Q(state__in=["assigned", "reserved"])),
            models.CheckConstraint(name="holding_origin_known", condition=Q(origin__in=["hand", "account"])),
            models.CheckConstraint(
                name="holding_of_somebody", condition=Q(subscription__isnull=False) | ~Q(purpose="")
            ),
            models.CheckConstraint(
                name="holding_ends_after", condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at"))
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["tenant", "network", "began_at"], name="holding_in_time"),
            models.Index(fields=["tenant", "subscription"], name="holding_of_line"),
            models.Index(fields=["tenant", "-began_at", "-id"], name="holding_latest"),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """10.0.0.1 for one address, 10.0.0.0/29 for a prefix."""
        whole = self.network.prefixlen == self.network.max_prefixlen
        return str(self.network[0]) if whole else str(self.network)

    @property
    def is_current(self) -> bool:
        return self.ended_at is None


class FullBlock(TenantModel):
    """256 addresses in a row of which none is free: the search for the next free one steps over them.

    A hint, and never wrong while it stands: ipam_next_free() writes it, a trigger takes it away with the first release.
    """

    vrf_id = models.BigIntegerField()
    block = AddressField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "vrf_id", "block"], name="full_block_once")]

    def __str__(self) -> str:
        return str(self.block)


class CgnatRule(TenantModel):
    """How inside addresses share outside ones, by blocks of ports: from when to when. Never changed but ended."""

    UNITS = {"ports": _("ports"), "first_port": None}

    inside = NetworkField(_("inside"), help_text=_("What subscribers have, e.g. 100.64.0.0/22."))
    outside = NetworkField(_("outside"), help_text=_("What the world sees, e.g. 203.0.113.128/27."))
    ports = models.PositiveIntegerField(
        _("ports for each"), default=2000, validators=[MinValueValidator(64), MaxValueValidator(64_512)]
    )
    first_port = models.PositiveIntegerField(
        _("first port"), default=1024, validators=[MinValueValidator(1), MaxValueValidator(65_000)]
    )
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    began_at = models.DateTimeField(_("since"), default=calendar.now)
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)

    class QuerySet(TenantQuerySet):
        def current(self):
            return self.filter(ended_at=None)

        def at(self, moment: Any) -> Any:
            return self.filter(Q(ended_at=None) | Q(ended_at__gt=moment), began_at__lte=moment)

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("CGNAT rule")
        verbose_name_plural = _("CGNAT rules")
        constraints = [
            models.CheckConstraint(name="cgnat_ports", condition=Q(ports__gte=64, ports__lte=64_512)),
            models.CheckConstraint(
                name="cgnat_ends_after", condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at"))
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.inside} → {self.outside}"

    @property
    def plan(self) -> Plan:
        return Plan(self.inside, self.outside, self.ports, self.first_port)
