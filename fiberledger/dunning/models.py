from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.jobs.models import Run
from fiberledger.money import AmountField
from fiberledger.places.models import Area
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
)

from .rules import Rules

_PERCENT = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


class SuspensionPolicy(TenantModel):
    """When lines are cut for debt, and who is spared (one row a tenant)."""

    class Resume(models.TextChoices):
        PAID = "paid", _("when everything past due is paid")
        PART = "part", _("when the share below is paid")

    enabled = models.BooleanField(
        _("cut by itself every night"),
        default=False,
        help_text=_("Off: bills still become overdue and reminders are prepared, but only a person cuts."),
    )
    hour = models.PositiveSmallIntegerField(
        _("at the hour"), default=3, validators=[MaxValueValidator(23)], help_text=_("0 to 23, your local time.")
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace after the due date"), default=5, validators=[MaxValueValidator(365)]
    )
    exempt_vip = models.BooleanField(_("never cut VIPs"), default=True)
    part_paid_percent = models.DecimalField(
        _("spare who paid at least (%)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=_PERCENT,
        help_text=_("Share of the overdue bills that is paid. Empty: part payment spares nobody."),
    )
    least_owed = AmountField(_("spare who owes less than"), default=0, validators=[MinValueValidator(Decimal(0))])
    remind_first = models.BooleanField(
        _("cut only after a reminder"), default=False, help_text=_("A reminder sent on an earlier day counts.")
    )
    remind_before_days = models.PositiveSmallIntegerField(
        _("remind so many days before the due date"), default=2, validators=[MaxValueValidator(60)]
    )
    resume = models.CharField(_("put back"), max_length=5, choices=Resume.choices, default=Resume.PAID)
    breaker_percent = models.DecimalField(
        _("stop a run that would cut more than (%)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        default=Decimal(25),
        validators=_PERCENT,
        help_text=_("Share of the lines now on. The run stops and waits for a person. Empty: never stop."),
    )
    breaker_least = models.PositiveSmallIntegerField(
        _("never stop for so few lines"), default=10, help_text=_("Two late payers of eight are no accident.")
    )
    last_run_on = models.DateField(null=True, blank=True, editable=False)
    # As things stand the breaker lets every night up to this one pass: until then lines may be cut by the clock.
    passes_until = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("suspension rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="suspension_policy_once"),
            models.CheckConstraint(name="suspension_policy_hour", condition=Q(hour__gte=0, hour__lte=23)),
            models.CheckConstraint(name="suspension_policy_resume", condition=Q(resume__in=["paid", "part"])),
        ]

    def __str__(self) -> str:
        return str(_("Suspension rules"))

    @property
    def rules(self) -> Rules:
        return Rules(
            grace_days=self.grace_days,
            exempt_vip=self.exempt_vip,
            part_paid_percent=self.part_paid_percent,
            least_owed=Decimal(self.least_owed),
            remind_first=self.remind_first,
            resume="part" if self.resume == self.Resume.PART else "paid",
            breaker_percent=self.breaker_percent,
            breaker_least=self.breaker_least,
        )


class AreaGrace(TenantModel):
    """More or fewer days of grace in one area and everything below it; the nearest area decides."""

    area = TenantForeignKey(Area, on_delete=models.CASCADE, related_name="+", verbose_name=_("area"))
    days = models.PositiveSmallIntegerField(_("days of grace"), validators=[MaxValueValidator(365)])

    class Meta:
        verbose_name = _("grace of an area")
        verbose_name_plural = _("grace by area")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "area"],
                name="area_grace_once",
                violation_error_message=_("This area already has its own grace."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.area}: {self.days}"


class ExemptionQuerySet(ScopedQuerySet):
    branch_lookup = "subscriber__branch"
    area_lookup = "subscriber__area"
    reseller_lookup = "subscriber__reseller_name"
    collector_lookup = "subscriber__collector"

    def standing(self, on) -> ExemptionQuerySet:
        return self.filter(ended_at__isnull=True).filter(Q(until__isnull=True) | Q(until__gte=on))


class Exemption(TenantModel):
    """A person said: do not cut this subscriber, until then, because."""

    subscriber = TenantForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="exemptions", verbose_name=_("subscriber"), db_index=False
    )
    until = models.DateField(_("until"), null=True, blank=True, help_text=_("The last day; empty: until ended."))
    why = models.CharField(_("why"), max_length=200)
    given_by = models.CharField(_("given by"), max_length=160)
    given_at = models.DateTimeField(_("given"), default=calendar.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=160, blank=True)

    objects = TenantManager.from_queryset(ExemptionQuerySet)()

    class Meta:
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "subscriber"], condition=Q(ended_at__isnull=True), name="exemption_one_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="exemption_newest")]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.why}"


class SuspensionRun(TenantModel):
    """One pass over the debtors: what it looked at, what stopped it, what it did."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped by the breaker")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    class Mode(models.TextChoices):
        POLICY = "policy", _("Past due and grace")
        OWING = "owing", _("Whoever owes, now")
        EVERYONE = "everyone", _("Everyone, paid or not")

    as_of = models.DateField(_("as of"))
    mode = models.CharField(_("who"), max_length=10, choices=Mode.choices, default=Mode.POLICY)
    scope = models.JSONField(default=dict)
    scope_name = models.CharField(_("where"), max_length=300, blank=True)
    note = models.CharField(_("why"), max_length=200, blank=True)
    by_night = models.BooleanField(_("by itself"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    run = TenantOneToOneField(
        Run, on_delete=models.PROTECT, related_name="suspension", null=True, verbose_name=_("progress")
    )
    lines_on = models.PositiveIntegerField(_("lines on"), default=0)
    to_cut = models.PositiveIntegerField(_("to cut"), default=0)
    cut = models.PositiveIntegerField(_("cut"), default=0)
    spared = models.JSONField(_("spared"), default=dict)
    started_by = models.CharField(_("started by"), max_length=160)
    lifted_by = models.CharField(_("breaker lifted by"), max_length=160, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("started"), default=calendar.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("suspension run")
        verbose_name_plural = _("suspension runs")
        constraints = [
            models.CheckConstraint(
                name="suspension_run_state",
                condition=Q(state__in=["waiting", "running", "stopped", "done", "cancelled"]),
            ),
            models.CheckConstraint(name="suspension_run_mode", condition=Q(mode__in=["policy", "owing", "everyone"])),
            models.UniqueConstraint(
                fields=["tenant", "as_of"],
                condition=Q(by_night=True),
                name="suspension_one_a_night",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="suspension_run_newest")]

    def __str__(self) -> str:
        return f"{self.as_of} {self.get_mode_display()}"
