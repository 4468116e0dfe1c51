from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.ledger.models import LedgerAccount
from fiberledger.money import AmountField, Money
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet

NOT_NEGATIVE = [MinValueValidator(Decimal(0), message=_("This cannot be less than zero."))]


def every_day() -> list[int]:
    return list(range(7))


class TaxRate(TenantModel):
    """A tax added to (or contained in) a price; what it brings in is owed to the account it names."""

    name = models.CharField(_("name"), max_length=60)
    percent = models.DecimalField(
        _("percent"), max_digits=7, decimal_places=4, validators=[*NOT_NEGATIVE, MaxValueValidator(Decimal(100))]
    )
    account = TenantForeignKey(
        LedgerAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("ledger account"),
        help_text=_("Empty: the tax payable account of the currency."),
    )
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="tax_rate_name_once",
                violation_error_message=_("Another tax rate has this name."),
            ),
            models.CheckConstraint(name="tax_rate_percent", condition=Q(percent__gte=0, percent__lte=100)),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.percent.normalize():f}%"


class PlanQuerySet(TenantQuerySet):
    def on_sale(self) -> PlanQuerySet:
        return self.filter(status=Plan.Status.ACTIVE)

    def listed(self, columns: Collection[str] | None = None) -> PlanQuerySet:
        """As the list shows them; where they are sold is read only where it is shown (None: all is)."""
        return self.prefetch_related(
            *({"areas", "branches"} if columns is None else {"areas", "branches"} & set(columns))
        )

    def available_in(self, area: Area | None, branch: Branch | None = None) -> PlanQuerySet:
        """Plans sold at this place: those without a list of areas (branches), and those that list it or what it lies in."""
        places = [*area.ancestor_ids, area.pk] if area else []
        listed = PlanArea.objects.filter(plan=OuterRef("pk"))
        sold_by = PlanBranch.objects.filter(plan=OuterRef("pk"))
        found = self.filter(~Exists(listed) | Exists(listed.filter(area__in=places)))
        if branch is None:
            return found.filter(~Exists(sold_by))
        return found.filter(~Exists(sold_by) | Exists(sold_by.filter(branch=branch)))


class PlanManager(TenantManager.from_queryset(PlanQuerySet)):  # type: ignore[misc]
    pass


class Plan(TenantModel):
    """What is sold: speed, quota, validity, price. Speeds are in kbit/s; an empty limit means none."""

    UNITS = {
        "download_kbps": "kbit/s",
        "upload_kbps": "kbit/s",
        "burst_download_kbps": "kbit/s",
        "burst_upload_kbps": "kbit/s",
        "burst_threshold_download_kbps": "kbit/s",
        "burst_threshold_upload_kbps": "kbit/s",
        "burst_seconds": _("seconds"),
        "quota_mb": "MB",
        "slow_download_kbps": "kbit/s",
        "slow_upload_kbps": "kbit/s",
        "validity_days": _("days"),
    }

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("On sale")
        DEPRECATED = "deprecated", _("No new sales")
        ARCHIVED = "archived", _("Archived")

    class Connection(models.TextChoices):
        PPPOE = "pppoe", _("PPPoE")
        HOTSPOT = "hotspot", _("Hotspot")
        STATIC = "static", _("Static IP")
        DHCP = "dhcp", _("DHCP")
        CABLE = "cable", _("Cable TV")

    class Cycle(models.TextChoices):
        FIXED = "fixed", _("Fixed day of the month")
        ANNIVERSARY = "anniversary", _("Day it began")

    class AtLimit(models.TextChoices):
        NOTHING = "nothing", _("Nothing; it is only counted")
        SLOW = "slow", _("The line is slowed down")
        STOP = "stop", _("The line is stopped")

    class Category(models.TextChoices):
        RESIDENTIAL = "residential", _("Residential")
        BUSINESS = "business", _("Business")
        ENTERPRISE = "enterprise", _("Enterprise")
        HOTSPOT = "hotspot", _("Hotspot")
        DEDICATED = "dedicated", _("Dedicated")

    name = models.CharField(_("name"), max_length=80)
    code = models.CharField(_("code"), max_length=40)
    category = models.CharField(_("category"), max_length=20, choices=Category.choices, default=Category.RESIDENTIAL)
    description = models.TextField(_("description"), blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    connection_type = models.CharField(
        _("connection type"), max_length=10, choices=Connection.choices, default=Connection.PPPOE
    )
    download_kbps = models.PositiveIntegerField(_("download"), null=True, blank=True, help_text=_("kbit/s"))
    upload_kbps = models.PositiveIntegerField(_("upload"), null=True, blank=True, help_text=_("kbit/s"))
    burst_download_kbps = models.PositiveIntegerField(_("burst download"), null=True, blank=True, help_text=_("kbit/s"))
    burst_upload_kbps = models.PositiveIntegerField(_("burst upload"), null=True, blank=True, help_text=_("kbit/s"))
    burst_threshold_download_kbps = models.PositiveIntegerField(
        _("burst threshold, download"), null=True, blank=True, help_text=_("kbit/s")
    )
    burst_threshold_upload_kbps = models.PositiveIntegerField(
        _("burst threshold, upload"), null=True, blank=True, help_text=_("kbit/s")
    )
    burst_seconds = models.PositiveSmallIntegerField(_("burst time"), null=True, blank=True, help_text=_("seconds"))
    quota_mb = models.PositiveBigIntegerField(
        _("data limit"), null=True, blank=True, help_text=_("MB a period; empty: no limit")
    )
    at_limit = models.CharField(
        _("when the data is used up"),
        max_length=8,
        choices=AtLimit.choices,
        default=AtLimit.NOTHING,
        help_text=_("Until the next period begins, or data is added."),
    )
    slow_download_kbps = models.PositiveIntegerField(
        _("download after the limit"), null=True, blank=True, help_text=_("kbit/s")
    )
    slow_upload_kbps = models.PositiveIntegerField(
        _("upload after the limit"), null=True, blank=True, help_text=_("kbit/s")
    )
    validity_days = models.PositiveSmallIntegerField(
        _("validity"),
        default=30,
        validators=[MinValueValidator(1)],
        help_text=_("days; 28 to 31 are billed by calendar month"),
    )
    cycle = models.CharField(
        _("billing cycle"),
        max_length=12,
        choices=Cycle.choices,
        blank=True,
        help_text=_("For lines sold from now on. Empty: as the billing rules say."),
    )
    price = AmountField(_("price"), validators=NOT_NEGATIVE)
    currency = models.CharField(_("currency"), max_length=3)
    installation_fee = AmountField(_("installation charge"), default=Decimal(0), validators=NOT_NEGATIVE)
    deposit = AmountField(_("security deposit"), default=Decimal(0), validators=NOT_NEGATIVE)
    reconnection_fee = AmountField(_("reconnection fee"), default=Decimal(0), validators=NOT_NEGATIVE)
    late_fee = AmountField(_("late fee"), default=Decimal(0), validators=NOT_NEGATIVE)
    tax = TenantForeignKey(
        TaxRate, on_delete=models.PROTECT, null=True, blank=True, related_name="plans", verbose_name=_("tax")
    )
    tax_inclusive = models.BooleanField(_("price includes tax"), default=False)
    router_profile = models.CharField(_("router profile"), max_length=64, blank=True)
    radius_profile = models.CharField(_("RADIUS profile"), max_length=64, blank=True)
    address_pool = models.CharField(_("address pool"), max_length=64, blank=True)
    static_ip_allowed = models.BooleanField(_("static IP allowed"), default=False)
    public_ip_allowed = models.BooleanField(_("public IP allowed"), default=False)
    sold_by_resellers = models.BooleanField(_("sold by resellers"), default=True)
    areas = models.ManyToManyField(
        Area,
        through="PlanArea",
        blank=True,
        related_name="plans",
        verbose_name=_("areas"),
        help_text=_("Empty: sold everywhere."),
    )
    branches = models.ManyToManyField(
        Branch,
        through="PlanBranch",
        blank=True,
        related_name="plans",
        verbose_name=_("branches"),
        help_text=_("Empty: sold by every branch."),
    )
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    objects = PlanManager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="plan_code_once",
                violation_error_message=_("Another plan has this code."),
            ),
            models.CheckConstraint(
                name="plan_status_known", condition=Q(status__in=["draft", "active", "deprecated", "archived"])
            ),
            models.CheckConstraint(
                name="plan_connection_known",
                condition=Q(connection_type__in=["pppoe", "hotspot", "static", "dhcp", "cable"]),
            ),
            models.CheckConstraint(
                name="plan_amounts_not_negative",
                condition=Q(
                    price__gte=0, installation_fee__gte=0, deposit__gte=0, reconnection_fee__gte=0, late_fee__gte=0
                ),
            ),
            models.CheckConstraint(name="plan_cycle_known", condition=Q(cycle__in=["", "fixed", "anniversary"])),
            models.CheckConstraint(name="plan_is_valid_for_a_day", condition=Q(validity_days__gte=1)),
            models.CheckConstraint(name="plan_at_limit_known", condition=Q(at_limit__in=["nothing", "slow", "stop"])),
            models.CheckConstraint(
                name="plan_slow_has_a_speed",
                condition=~Q(at_limit="slow") | Q(slow_download_kbps__gt=0) | Q(slow_upload_kbps__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def money(self) -> Money:
        return Money(self.price, self.currency)

    @property
    def speed(self) -> str:
        """«20/10 Mbit/s», download before upload; empty for a plan without a speed."""
        if not self.download_kbps:
            return ""
        down, up = _mbit(self.download_kbps), _mbit(self.upload_kbps or self.download_kbps)
        return f"{down} Mbit/s" if down == up else f"{down}/{up} Mbit/s"

    @property
    def is_on_sale(self) -> bool:
        return self.status == self.Status.ACTIVE


def _mbit(kbps: int) -> str:
    return f"{Decimal(kbps) / 1000:.10g}" if kbps % 1000 else str(kbps // 1000)


MOST_HOURS = 24  # windows a plan may have


class PlanHours(TenantModel):
    """Hours of the day in which a plan has other speeds, or in which nothing counts toward its data limit.

    Hours of the tenant's clock on the days of the week it begins on (Monday is 0). One that ends at or before the hour it
    begins at ends on the next day. Windows of a plan do not overlap (services.save_hours).
    """

    plan = TenantForeignKey(Plan, on_delete=models.CASCADE, related_name="hours")
    days = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("days"), default=every_day)
    from_hour = models.PositiveSmallIntegerField(_("from"), validators=[MaxValueValidator(23)])
    to_hour = models.PositiveSmallIntegerField(_("to"), validators=[MinValueValidator(1), MaxValueValidator(24)])
    download_kbps = models.PositiveIntegerField(
        _("download"), null=True, blank=True, help_text=_("kbit/s; empty: the plan's")
    )
    upload_kbps = models.PositiveIntegerField(
        _("upload"), null=True, blank=True, help_text=_("kbit/s; empty: the plan's")
    )
    free = models.BooleanField(_("does not count toward the data limit"), default=False)

    class Meta:
        verbose_name = _("hours of a plan")
        verbose_name_plural = _("hours of plans")
        ordering = ["from_hour", "pk"]
        constraints = [
            models.CheckConstraint(
                name="plan_hours_in_a_day", condition=Q(from_hour__lte=23, to_hour__gte=1, to_hour__lte=24)
            ),
            models.CheckConstraint(
                name="plan_hours_do_something",
                condition=Q(free=True) | Q(download_kbps__gt=0) | Q(upload_kbps__gt=0),
            ),
            models.CheckConstraint(
                name="plan_hours_on_days",
                condition=Q(days__len__gte=1, days__contained_by=[0, 1, 2, 3, 4, 5, 6]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_hour:02}:00–{self.to_hour:02}:00"

    @property
    def speed(self) -> str:
        """«10/5 Mbit/s», with a dash for a way that keeps the plan's; empty where both do."""
        ways = [_mbit(kbps) if kbps else "–" for kbps in (self.download_kbps, self.upload_kbps)]
        return f"{'/'.join(ways)} Mbit/s" if self.download_kbps or self.upload_kbps else ""

    def week(self) -> set[tuple[int, int]]:
        """(day of the week, hour) of all its hours."""
        last = self.to_hour if self.to_hour > self.from_hour else self.to_hour + 24
        return {((day + hour // 24) % 7, hour % 24) for day in self.days for hour in range(self.from_hour, last)}

    def overlapping(self) -> PlanHours | None:
        """Other hours of its plan that share one with it."""
        others = PlanHours.objects.filter(plan=self.plan_id).exclude(pk=self.pk)
        return next((other for other in others if other.week() & self.week()), None)

    @property
    def on_days(self) -> str:
        if len(self.days) == 7:
            return gettext("every day")
        return ", ".join(str(WEEKDAYS_ABBR[day]) for day in sorted(self.days))

    @property
    def span(self) -> str:
        return f"{self.from_hour:02}:00 – {self.to_hour:02}:00"


class PlanArea(TenantModel):
    """The plan is sold in this area and everything below it."""

    plan = TenantForeignKey(Plan, on_delete=models.CASCADE, related_name="area_links", db_index=False)
    area = TenantForeignKey(Area, on_delete=models.CASCADE, related_name="plan_links")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "plan", "area"], name="plan_area_once")]


class PlanBranch(TenantModel):
    """The plan is sold by this branch."""

    plan = TenantForeignKey(Plan, on_delete=models.CASCADE, related_name="branch_links", db_index=False)
    branch = TenantForeignKey(Branch, on_delete=models.CASCADE, related_name="plan_links")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "plan", "branch"], name="plan_branch_once")]


class AddOnQuerySet(TenantQuerySet):
    def on_sale(self) -> AddOnQuerySet:
        return self.filter(status=Plan.Status.ACTIVE)


class AddOn(TenantModel):
    """What is sold to a line besides its plan, once or every period.

    *Data* adds `mb` to what the plan allows, for `hours`, or until the line's period ends; sold every period it adds to
    every one. *Speed* replaces the plan's speeds for `hours`. An *address* is a fixed one, a *service* anything else
    that is charged: rent of a device, cable TV. What was sold keeps its own copy of all this (subscriptions.SoldAddOn).
    """

    UNITS = {"mb": "MB", "hours": _("hours"), "download_kbps": "kbit/s", "upload_kbps": "kbit/s"}

    Status = Plan.Status

    class Kind(models.TextChoices):
        DATA = "data", _("Data top-up")
        SPEED = "speed", _("Speed boost")
        ADDRESS = "address", _("Fixed address")
        SERVICE = "service", _("Service or rent")

    name = models.CharField(_("name"), max_length=80)
    code = models.CharField(_("code"), max_length=40)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    description = models.TextField(_("description"), blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Plan.Status.choices, default=Plan.Status.ACTIVE)
    price = AmountField(_("price"), validators=NOT_NEGATIVE)
    currency = models.CharField(_("currency"), max_length=3)
    tax = TenantForeignKey(
        TaxRate, on_delete=models.PROTECT, null=True, blank=True, related_name="add_ons", verbose_name=_("tax")
    )
    tax_inclusive = models.BooleanField(_("price includes tax"), default=False)
    every_period = models.BooleanField(
        _("charged every period"),
        default=False,
        help_text=_("On each of the line's invoices until it ends. Otherwise once, when it is sold."),
    )
    is_public = models.BooleanField(
        _("public address"),
        default=False,
        help_text=_("Given out of the public prefixes. Otherwise out of the static, private ones."),
    )
    mb = models.PositiveBigIntegerField(_("data"), null=True, blank=True, help_text=_("MB"))
    hours = models.PositiveIntegerField(
        _("lasts"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(8784)],
        help_text=_("hours; data without hours lasts until the line's period ends"),
    )
    download_kbps = models.PositiveIntegerField(_("download"), null=True, blank=True, help_text=_("kbit/s"))
    upload_kbps = models.PositiveIntegerField(_("upload"), null=True, blank=True, help_text=_("kbit/s"))
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    objects = TenantManager.from_queryset(AddOnQuerySet)()

    class Meta:
        verbose_name = _("add-on")
        verbose_name_plural = _("add-ons")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="add_on_code_once",
                violation_error_message=_("Another add-on has this code."),
            ),
            models.CheckConstraint(
                name="add_on_status_known", condition=Q(status__in=["draft", "active", "deprecated", "archived"])
            ),
            models.CheckConstraint(name="add_on_price_not_negative", condition=Q(price__gte=0)),
            models.CheckConstraint(name="add_on_public_address", condition=Q(is_public=False) | Q(kind="address")),
            models.CheckConstraint(
                name="add_on_has_what_its_kind_needs",
                condition=Q(kind="data", mb__gt=0, download_kbps__isnull=True, upload_kbps__isnull=True)
                & (Q(every_period=False) | Q(hours__isnull=True))
                | Q(
                    kind="speed",
                    mb__isnull=True,
                    hours__gt=0,
                    download_kbps__gt=0,
                    upload_kbps__gt=0,
                    every_period=False,
                )
                | Q(kind="address", mb__isnull=True, hours__isnull=True, download_kbps__isnull=True, every_period=True)
                | Q(kind="service", mb__isnull=True, hours__isnull=True, download_kbps__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def money(self) -> Money:
        return Money(self.price, self.currency)

    @property
    def gives(self) -> str:
        """«10 GB», «50/20 Mbit/s for 6 hours»: what one gets, beyond the name."""
        return what_it_gives(self)

    @property
    def is_on_sale(self) -> bool:
        return self.status == self.Status.ACTIVE


def what_it_gives(add_on: Any) -> str:
    """What an add-on, or one that was sold, gives: data, speed, for how long; empty where its name says it all."""
    given = []
    if add_on.mb:
        given.append(f"{add_on.mb // 1000:,} GB" if add_on.mb % 1000 == 0 else f"{add_on.mb:,} MB")
    if add_on.download_kbps:
        down, up = _mbit(add_on.download_kbps), _mbit(add_on.upload_kbps)
        given.append(f"{down} Mbit/s" if down == up else f"{down}/{up} Mbit/s")
    if hours := getattr(add_on, "hours", None):
        given.append(ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours})
    return " · ".join(given)
