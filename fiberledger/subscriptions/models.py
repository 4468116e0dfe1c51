from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.catalog.models import NOT_NEGATIVE, Plan
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.money import AmountField, Money
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel


class SubscriptionQuerySet(ScopedQuerySet):
    branch_lookup = "subscriber__branch"
    area_lookup = "subscriber__area"
    reseller_lookup = "subscriber__reseller_name"
    collector_lookup = "subscriber__collector"

    def billed(self) -> SubscriptionQuerySet:
        """Those that a new period is invoiced for."""
        return self.filter(status__in=[str(status) for status in states.BILLED])

    def in_service(self) -> SubscriptionQuerySet:
        return self.filter(status__in=[str(status) for status in states.IN_SERVICE])

    def live(self) -> SubscriptionQuerySet:
        return self.filter(status__in=[str(status) for status in states.LIVE])


class SubscriptionManager(TenantManager.from_queryset(SubscriptionQuerySet)):  # type: ignore[misc]
    """Sees those that were not withdrawn with the import that brought them."""

    def get_queryset(self):
        return super().get_queryset().filter(withdrawn_at__isnull=True)


class Subscription(TenantModel):
    """One subscriber on one plan at one place. `billed_until` is the first day that no invoice covers yet."""

    Status = Status

    class Billing(models.TextChoices):
        PREPAID = "prepaid", _("Prepaid")
        POSTPAID = "postpaid", _("Postpaid")

    class Cycle(models.TextChoices):
        FIXED = "fixed", _("Fixed day of the month")
        ANNIVERSARY = "anniversary", _("Day it began")

    class FirstPeriod(models.TextChoices):
        PRORATE = "prorate", _("Charge the days used")
        FULL = "full", _("Charge a full period")
        FREE = "free", _("Free until the first period")
        JOIN = "join", _("Charge the days used together with the first period")

    subscriber = TenantForeignKey(
        Subscriber,
        on_delete=models.PROTECT,
        related_name="subscriptions",
        verbose_name=_("subscriber"),
        db_index=False,
    )
    plan = TenantForeignKey(
        Plan, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("plan"), db_index=False
    )
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    label = models.CharField(
        _("label"), max_length=60, blank=True, help_text=_("Where they have several lines: “shop”, “upstairs”.")
    )
    billing = models.CharField(_("billing"), max_length=10, choices=Billing.choices, default=Billing.PREPAID)
    cycle = models.CharField(_("cycle"), max_length=12, choices=Cycle.choices, default=Cycle.ANNIVERSARY)
    anchor_day = models.PositiveSmallIntegerField(
        _("billing day"), validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    first_period = models.CharField(
        _("first period"), max_length=10, choices=FirstPeriod.choices, default=FirstPeriod.PRORATE
    )
    price = AmountField(
        _("own price"), null=True, blank=True, validators=NOT_NEGATIVE, help_text=_("Empty: the plan's price.")
    )
    currency = models.CharField(_("currency"), max_length=3)
    started_on = models.DateField(_("started on"))
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    billed_until = models.DateField(_("billed until"), null=True, blank=True)
    free_days = models.PositiveSmallIntegerField(
        _("free days"), default=0, help_text=_("Days from the start that are not charged.")
    )
    resume_on = models.DateField(_("comes back on"), null=True, blank=True)
    cut_at = models.DateTimeField(
        _("suspended from"), null=True, blank=True, editable=False,
        help_text=_("From this instant the network treats the line as suspended, whatever else has or has not run."),
    )  # fmt: skip
    created_at = models.DateTimeField(default=calendar.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SubscriptionManager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.CheckConstraint(
                name="subscription_status_known", condition=Q(status__in=[str(status) for status in states.ALL])
            ),
            models.CheckConstraint(name="subscription_billing_known", condition=Q(billing__in=["prepaid", "postpaid"])),
            models.CheckConstraint(name="subscription_cycle_known", condition=Q(cycle__in=["fixed", "anniversary"])),
            models.CheckConstraint(
                name="subscription_first_period_known",
                condition=Q(first_period__in=["prorate", "full", "free", "join"]),
            ),
            models.CheckConstraint(
                name="subscription_anchor_in_a_month", condition=Q(anchor_day__gte=1, anchor_day__lte=31)
            ),
            models.CheckConstraint(
                name="subscription_price_not_negative", condition=Q(price__isnull=True) | Q(price__gte=0)
            ),
            models.CheckConstraint(
                name="subscription_ends_after_start",
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=models.F("started_on")),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subscriber", "status"], name="subscription_by_subscriber"),
            models.Index(
                fields=["tenant", "plan", "subscriber"],
                name="subscription_by_plan",
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.Index(fields=["tenant", "status", "billed_until"], name="subscription_to_bill"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} · {self.label or self.plan}"

    @property
    def state(self) -> states.State:
        return states.of(self.status)

    @property
    def is_cut_by_the_clock(self) -> bool:
        """The network treats it as suspended although no run has come to it yet."""
        return self.cut_at is not None and self.cut_at <= calendar.now()

    @property
    def monthly(self) -> Money:
        """The price of one period: its own, else the plan's."""
        return Money(self.plan.price if self.price is None else Decimal(self.price), self.currency)


class PlanChange(TenantModel):
    """A subscription moved to another plan or price on a day. Never changed; billing charges the difference from it."""

    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="plan_changes", db_index=False)
    old_plan = TenantForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    new_plan = TenantForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    old_price = AmountField(_("old price"))
    new_price = AmountField(_("new price"))
    on = models.DateField(_("on"))
    at = models.DateTimeField(_("at"), default=calendar.now)
    note = models.CharField(_("note"), max_length=300, blank=True)
    actor_name = models.CharField(_("by"), max_length=120)

    class Meta:
        verbose_name = _("plan change")
        verbose_name_plural = _("plan changes")
        indexes = [models.Index(fields=["tenant", "subscription", "-id"], name="plan_change_by_line")]

    def __str__(self) -> str:
        return f"{self.old_plan} → {self.new_plan}"


class StatusChange(TenantModel):
    """One step of a subscription's life: from what, to what, why, by whom. Never changed."""

    class Reason(models.TextChoices):
        SOLD = "sold", _("Sold")
        IMPORTED = "imported", _("Imported")
        INSTALLED = "installed", _("Installed")
        UNPAID = "unpaid", _("Not paid")
        PAID = "paid", _("Paid")
        REQUEST = "request", _("At the subscriber's wish")
        ABUSE = "abuse", _("Abuse")
        MOVED = "moved", _("Moved")
        DISPUTE = "dispute", _("Dispute")
        LEFT = "left", _("Left")
        RETURNED = "returned", _("Came back")
        MISTAKE = "mistake", _("Put right")
        OTHER = "other", _("Other")

    subscriber = TenantForeignKey(Subscriber, on_delete=models.PROTECT, related_name="status_changes", db_index=False)
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, related_name="status_changes", db_index=False
    )
    old = models.CharField(_("from"), max_length=12, choices=Status.choices, blank=True)
    new = models.CharField(_("to"), max_length=12, choices=Status.choices)
    on = models.DateField(_("on"))
    at = models.DateTimeField(_("at"), default=calendar.now)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    why = models.JSONField(_("why"), default=list)
    note = models.CharField(_("note"), max_length=300, blank=True)
    actor_name = models.CharField(_("by"), max_length=120)
    run = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("status change")
        verbose_name_plural = _("status changes")
        indexes = [
            models.Index(fields=["tenant", "subscription", "-id"], name="status_change_by_line"),
            models.Index(fields=["tenant", "subscriber", "-id"], name="status_change_by_subscriber"),
            models.Index(fields=["tenant", "on", "new"], name="status_change_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_old_display()} → {self.get_new_display()}"
