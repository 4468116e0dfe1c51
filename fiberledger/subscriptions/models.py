from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.catalog.models import NOT_NEGATIVE, AddOn, Plan, TaxRate, what_it_gives
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.money import AmountField, Money
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet

from . import periods


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
    def is_in_service(self) -> bool:
        return self.status in states.IN_SERVICE

    @property
    def is_cut_by_the_clock(self) -> bool:
        """The network treats it as suspended although no run has come to it yet."""
        return self.cut_at is not None and self.cut_at <= calendar.now()

    @property
    def monthly(self) -> Money:
        """The price of one period: its own, else the plan's."""
        return Money(self.plan.price if self.price is None else Decimal(self.price), self.currency)

    def period_around(self, day: date) -> tuple[date, date]:
        """The whole billing period that this day lies in: its first day, and the first day after it."""
        months, days = periods.span(self.plan.validity_days)
        return periods.whole_period(day, self.anchor_day, self.started_on, months, days)


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


class PlannedChangeQuerySet(TenantQuerySet):
    def waiting(self) -> PlannedChangeQuerySet:
        return self.filter(state="waiting")


class PlannedChange(TenantModel):
    """A change of plan or price agreed for a day to come. When the day is there it becomes a PlanChange, or is refused."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        REFUSED = "refused", _("Could not be made")

    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="planned_changes", db_index=False
    )
    plan = TenantForeignKey(Plan, on_delete=models.PROTECT, related_name="+", verbose_name=_("plan"))
    price = AmountField(_("own price"), null=True, blank=True, validators=NOT_NEGATIVE)
    on = models.DateField(_("on"))
    note = models.CharField(_("note"), max_length=300, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    why = models.CharField(_("why not"), max_length=300, blank=True)
    planned_at = models.DateTimeField(default=calendar.now)
    planned_by_name = models.CharField(_("by"), max_length=120)
    ended_at = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(PlannedChangeQuerySet)()

    class Meta:
        verbose_name = _("planned change")
        verbose_name_plural = _("planned changes")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "subscription"], name="planned_change_one_waits", condition=Q(state="waiting")
            ),
            models.CheckConstraint(
                name="planned_change_state_known", condition=Q(state__in=["waiting", "done", "cancelled", "refused"])
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "on"], name="planned_change_due", condition=Q(state="waiting")),
            models.Index(fields=["tenant", "subscription", "-id"], name="planned_change_by_line"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.on}"


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


class SoldAddOnQuerySet(TenantQuerySet):
    def running(self, at: datetime) -> SoldAddOnQuerySet:
        """Those that count at this instant."""
        return self.filter(starts_at__lte=at).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))

    def not_over(self, at: datetime) -> SoldAddOnQuerySet:
        """Those that count now or later: a second boost waits for the first to end."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))


class SoldAddOn(TenantModel):
    """An add-on that a line took, as it was agreed: what is changed in the catalogue later does not touch it.

    It counts from `starts_at` up to, not including, `ends_at` (none: until somebody ends it). Only its end moves, and
    the database sees to that. `detail` is what was asked for in particular: the address, the number of a device.
    """

    Kind = AddOn.Kind

    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="add_ons", db_index=False)
    add_on = TenantForeignKey(AddOn, on_delete=models.PROTECT, related_name="sold")
    key = models.UUIDField(editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=AddOn.Kind.choices)
    name = models.CharField(_("name"), max_length=80)
    price = AmountField(_("price"), validators=NOT_NEGATIVE)
    currency = models.CharField(_("currency"), max_length=3)
    tax = TenantForeignKey(
        TaxRate, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("tax")
    )
    tax_inclusive = models.BooleanField(_("price includes tax"), default=False)
    every_period = models.BooleanField(_("charged every period"), default=False)
    is_public = models.BooleanField(_("public address"), default=False)
    mb = models.PositiveBigIntegerField(_("data"), null=True, blank=True)
    download_kbps = models.PositiveIntegerField(_("download"), null=True, blank=True)
    upload_kbps = models.PositiveIntegerField(_("upload"), null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=100, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    sold_at = models.DateTimeField(_("sold"), default=calendar.now)
    sold_by_name = models.CharField(_("sold by"), max_length=120)
    ended_by_name = models.CharField(_("ended by"), max_length=120, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=200, blank=True)

    objects = TenantManager.from_queryset(SoldAddOnQuerySet)()

    class Meta:
        verbose_name = _("sold add-on")
        verbose_name_plural = _("sold add-ons")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="sold_add_on_once"),
            models.CheckConstraint(name="sold_add_on_kind_known", condition=Q(kind__in=[str(k) for k in AddOn.Kind])),
            models.CheckConstraint(name="sold_add_on_price_not_negative", condition=Q(price__gte=0)),
            models.CheckConstraint(
                name="sold_add_on_ends_after_start",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=models.F("starts_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subscription", "-id"], name="sold_add_on_by_line"),
            models.Index(
                fields=["tenant", "subscription"], name="sold_add_on_by_period", condition=Q(every_period=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def money(self) -> Money:
        return Money(self.price, self.currency)

    @property
    def gives(self) -> str:
        return what_it_gives(self)

    @property
    def is_over(self) -> bool:
        return self.ends_at is not None and self.ends_at <= calendar.now()

    @property
    def waits(self) -> bool:
        """Sold, and not begun yet: a boost behind another one."""
        return not self.is_over and self.starts_at > calendar.now()
