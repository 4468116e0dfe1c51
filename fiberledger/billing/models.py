from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.jobs.models import Run
from fiberledger.ledger.models import JournalEntry
from fiberledger.money import AmountField, Money
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import PlanChange, SoldAddOn, Subscription
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
    TenantQuerySet,
)


class BillingPolicy(TenantModel):
    """How this tenant bills (one row a tenant). Changing it changes the invoices to come, never one that was issued."""

    class BackBill(models.TextChoices):
        SERVED = "served", _("Months with service only")
        ALL = "all", _("Every month, also those cut off throughout")
        LATEST = "latest", _("Only the newest month; forget older ones")

    due_days = models.PositiveSmallIntegerField(
        _("days to pay"), default=10, validators=[MaxValueValidator(365)],
        help_text=_("The due date is so many days after the invoice's date."),
    )  # fmt: skip
    number_prefix = models.CharField(
        _("invoice number begins with"), max_length=12, default="INV-", blank=True,
        validators=[RegexValidator(r"^[A-Za-z0-9/._-]*$", _("Letters, digits and / . _ - only."))],
    )  # fmt: skip
    number_digits = models.PositiveSmallIntegerField(
        _("digits"), default=6, validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text=_("Shorter numbers are filled with zeros: 000123."),
    )  # fmt: skip
    billing = models.CharField(
        _("new subscriptions are"), max_length=10, choices=Subscription.Billing.choices, default="prepaid"
    )
    cycle = models.CharField(_("billed on"), max_length=12, choices=Subscription.Cycle.choices, default="anniversary")
    anchor_day = models.PositiveSmallIntegerField(
        _("fixed day"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("In a month without that day, its last day."),
    )  # fmt: skip
    first_period = models.CharField(
        _("first month begun in the middle"), max_length=10, choices=Subscription.FirstPeriod.choices, default="prorate"
    )
    free_days = models.PositiveSmallIntegerField(
        _("free days at the start"), default=0, validators=[MaxValueValidator(366)]
    )
    rounding_step = AmountField(
        _("round charges to"), null=True, blank=True, validators=[MinValueValidator(Decimal("0.0001"))],
        help_text=_("For example 1 or 5; empty: the smallest coin."),
    )  # fmt: skip
    back_bill = models.CharField(
        _("when months were missed, bill"), max_length=10, choices=BackBill.choices, default=BackBill.SERVED
    )
    is_automatic = models.BooleanField(
        _("bill by itself every night"), default=False,
        help_text=_("Otherwise nothing is billed until somebody runs it."),
    )  # fmt: skip
    pay_link = models.CharField(
        _("payment link"), max_length=200, blank=True,
        help_text=_("Printed as QR code. {number}, {amount} and {subscriber} are filled in."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("billing rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="billing_policy_once"),
            models.CheckConstraint(name="billing_policy_billing", condition=Q(billing__in=["prepaid", "postpaid"])),
            models.CheckConstraint(name="billing_policy_cycle", condition=Q(cycle__in=["fixed", "anniversary"])),
            models.CheckConstraint(name="billing_policy_anchor", condition=Q(anchor_day__gte=1, anchor_day__lte=31)),
            models.CheckConstraint(
                name="billing_policy_first", condition=Q(first_period__in=["prorate", "full", "free", "join"])
            ),
            models.CheckConstraint(
                name="billing_policy_back_bill", condition=Q(back_bill__in=["served", "all", "latest"])
            ),
        ]

    def __str__(self) -> str:
        return str(_("Billing rules"))


class Issuer(TenantModel):
    """The seller as it stood on the day: name, address, tax numbers, terms. Many invoices share one; none changes."""

    digest = models.CharField(max_length=64)
    data = models.JSONField()
    created_at = models.DateTimeField(default=calendar.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="issuer_once")]

    def __str__(self) -> str:
        return str(self.data.get("name", ""))


class BillingRunQuerySet(TenantQuerySet):
    def started(self) -> BillingRunQuerySet:
        """Those that somebody confirmed; the others are previews."""
        return self.filter(run__isnull=False)


class BillingRun(TenantModel):
    """Everything due by `as_of` in a scope, billed in one go. `run` is the work itself, once it was confirmed.

    `reached` is the last subscription dealt with: a run that was killed goes on from there.
    """

    run = TenantOneToOneField(Run, on_delete=models.PROTECT, null=True, blank=True, related_name="billing")
    as_of = models.DateField(_("bill up to"))
    scope = models.JSONField(default=dict)
    scope_label = models.CharField(_("who"), max_length=200, blank=True)
    back_bill = models.CharField(max_length=10, choices=BillingPolicy.BackBill.choices)
    preview = models.JSONField(default=dict)
    reached = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    issued = models.BigIntegerField(_("invoices"), default=0)
    skipped = models.BigIntegerField(_("skipped"), default=0)
    totals = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("started"), default=calendar.now)
    created_by_name = models.CharField(_("by"), max_length=160, blank=True)

    objects = TenantManager.from_queryset(BillingRunQuerySet)()

    class Meta:
        verbose_name = _("billing run")
        verbose_name_plural = _("billing runs")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="billing_run_back_bill", condition=Q(back_bill__in=["served", "all", "latest"]))
        ]

    def __str__(self) -> str:
        return f"{self.as_of:%Y-%m-%d} #{self.pk}"


class InvoiceQuerySet(ScopedQuerySet):
    branch_lookup = "subscriber__branch"
    area_lookup = "subscriber__area"
    reseller_lookup = "subscriber__reseller_name"
    collector_lookup = "subscriber__collector"

    def open(self) -> InvoiceQuerySet:
        """Not yet settled in full. Written so that the partial index of open invoices answers it."""
        return self.filter(status__in=["issued", "part_paid"])

    def overdue(self, on: date) -> InvoiceQuerySet:
        return self.open().filter(due_on__lt=on)

    def not_void(self) -> InvoiceQuerySet:
        return self.exclude(status="void")

    def oldest_first(self) -> InvoiceQuerySet:
        return self.order_by("due_on", "id")

    def with_settled(self) -> InvoiceQuerySet:
        """Adds `settled` and `outstanding`, both sums of allocations."""
        settled = Coalesce(
            models.Subquery(
                Allocation.objects.filter(invoice=models.OuterRef("pk"))
                .order_by().values("invoice").annotate(s=Sum("amount")).values("s")
            ),
            Decimal(0), output_field=AmountField(),
        )  # fmt: skip
        return self.annotate(
            settled=settled,
            outstanding=models.Case(
                models.When(status="void", then=Decimal(0)), default=F("total") - settled, output_field=AmountField()
            ),
        )


class InvoiceManager(TenantManager.from_queryset(InvoiceQuerySet)):  # type: ignore[misc]
    pass


class Invoice(TenantModel):
    """What a subscriber was asked to pay, as it was printed. Only its status moves, and the database sees to that."""

    class Status(models.TextChoices):
        ISSUED = "issued", _("Open")
        PART_PAID = "part_paid", _("Part paid")
        PAID = "paid", _("Paid")
        VOID = "void", _("Void")

    class Kind(models.TextChoices):
        REGULAR = "regular", _("Regular")
        OPENING = "opening", _("Opening balance")
        MANUAL = "manual", _("By hand")
        ADD_ON = "add_on", _("Add-on")

    number = models.CharField(_("number"), max_length=40)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    subscriber = TenantForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="invoices", verbose_name=_("subscriber"), db_index=False
    )
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices",
        verbose_name=_("subscription"), db_index=False,
    )  # fmt: skip
    period_start = models.DateField(_("from"), null=True, blank=True)
    period_end = models.DateField(_("until"), null=True, blank=True)
    issued_on = models.DateField(_("issued"))
    due_on = models.DateField(_("due"))
    currency = models.CharField(_("currency"), max_length=3)
    net = AmountField(_("net"))
    tax = AmountField(_("tax"))
    total = AmountField(_("total"))
    previous_balance = AmountField(_("previous balance"), default=0)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ISSUED)
    run = TenantForeignKey(
        BillingRun, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices", db_index=False
    )
    issuer = TenantForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry = TenantForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, related_name="invoices", db_index=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    snapshot = models.JSONField(default=dict)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_at = models.DateTimeField(default=calendar.now)
    created_by_name = models.CharField(_("issued by"), max_length=160, blank=True)
    voided_on = models.DateField(_("voided"), null=True, blank=True)
    void_reason = models.CharField(_("why void"), max_length=300, blank=True)

    objects = InvoiceManager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="invoice_number_once"),
            models.UniqueConstraint(
                fields=["tenant", "subscription", "period_start"],
                name="invoice_once_per_period",
                condition=Q(kind="regular") & ~Q(status="void"),
            ),
            models.CheckConstraint(name="invoice_not_negative", condition=Q(net__gte=0, tax__gte=0, total__gt=0)),
            models.CheckConstraint(name="invoice_adds_up", condition=Q(total=F("net") + F("tax"))),
            models.CheckConstraint(
                name="invoice_status_known", condition=Q(status__in=["issued", "part_paid", "paid", "void"])
            ),
            models.CheckConstraint(
                name="invoice_kind_known", condition=Q(kind__in=["regular", "opening", "manual", "add_on"])
            ),
            models.CheckConstraint(
                name="invoice_regular_has_period",
                condition=~Q(kind="regular")
                | Q(subscription__isnull=False, period_start__isnull=False, period_end__isnull=False),
            ),
            models.CheckConstraint(
                name="invoice_period_forward",
                condition=Q(period_start__isnull=True) | Q(period_end__gt=F("period_start")),
            ),
            models.CheckConstraint(name="invoice_void_says_why", condition=~Q(status="void") | ~Q(void_reason="")),
        ]
        indexes = [
            models.Index(fields=["tenant", "subscriber", "id"], name="invoice_by_subscriber"),
            models.Index(fields=["tenant", "issued_on", "id"], name="invoice_by_day"),
            models.Index(
                fields=["tenant", "due_on", "id"], condition=Q(status__in=["issued", "part_paid"]), name="invoice_open"
            ),
            models.Index(
                fields=["tenant", "subscriber", "due_on", "id"],
                condition=Q(status__in=["issued", "part_paid"]),
                name="invoice_open_by_subscriber",
            ),
            models.Index(fields=["tenant", "id"], condition=Q(status="void"), name="invoice_void"),
            models.Index(fields=["tenant", "run", "id"], condition=Q(run__isnull=False), name="invoice_by_run"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def money(self) -> Money:
        return Money(self.total, self.currency)

    @property
    def is_open(self) -> bool:
        return self.status in (self.Status.ISSUED, self.Status.PART_PAID)

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.due_on < calendar.today()

    @property
    def settled_amount(self) -> Decimal:
        """What was paid on it so far: the sum of its allocations."""
        return self.allocations.aggregate(s=Sum("amount"))["s"] or Decimal(0)

    @property
    def outstanding_amount(self) -> Decimal:
        return Decimal(0) if self.status == self.Status.VOID else self.total - self.settled_amount

    @property
    def last_day(self) -> date | None:
        """The last day of its period: `period_end` is the first day after it."""
        return self.period_end - timedelta(days=1) if self.period_end else None

    @property
    def payable(self) -> Decimal:
        """What the paper asked for: this invoice and what was owed (or paid ahead) before it."""
        return self.previous_balance + self.total


class InvoiceLine(TenantModel):
    """One charge, and the steps that made it (`why`, see wording.sentence)."""

    class Kind(models.TextChoices):
        PLAN = "plan", _("Plan")
        INSTALLATION = "installation", _("Installation")
        DEPOSIT = "deposit", _("Security deposit")
        CHANGE = "change", _("Plan change")
        ADD_ON = "add_on", _("Add-on")
        OPENING = "opening", _("Opening balance")
        OTHER = "other", _("Other")

    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=14, choices=Kind.choices)
    text = models.CharField(_("text"), max_length=200)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=4, default=1)
    unit_price = AmountField(_("price"))
    net = AmountField(_("net"))
    tax_name = models.CharField(_("tax"), max_length=60, blank=True)
    tax_percent = models.DecimalField(_("tax percent"), max_digits=7, decimal_places=4, default=0)
    tax = AmountField(_("tax amount"), default=0)
    total = AmountField(_("total"))
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    why = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position_once"),
            models.CheckConstraint(name="invoice_line_adds_up", condition=Q(total=F("net") + F("tax"))),
            models.CheckConstraint(
                name="invoice_line_kind_known",
                condition=Q(kind__in=["plan", "installation", "deposit", "change", "add_on", "opening", "other"]),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Allocation(TenantModel):
    """A part of a credit on the subscriber's page that settles an invoice; taken back by a further, negative row.

    The table's trigger refuses more than the invoice asks or the credit holds, and moves the invoice's status.
    """

    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, related_name="allocations")
    entry = TenantForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="allocations")
    amount = AmountField(_("amount"))
    on = models.DateField(_("on"))
    at = models.DateTimeField(default=calendar.now)

    class Meta:
        constraints = [models.CheckConstraint(name="allocation_not_zero", condition=~Q(amount=0))]

    def __str__(self) -> str:
        return f"{self.amount}"


class BilledChange(TenantModel):
    """A change of plan or price that billing has taken into account, and in which invoice (none: it cost nothing)."""

    change = TenantOneToOneField(PlanChange, on_delete=models.PROTECT, related_name="billed")
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="changes")

    def __str__(self) -> str:
        return f"{self.change}"


class BilledAddOn(TenantModel):
    """Days of an add-on that billing has dealt with, and in which invoice (none: they cost nothing). Without days: an
    add-on that is paid once. PostgreSQL refuses to charge a day twice (migration 0005)."""

    sold = TenantForeignKey(SoldAddOn, on_delete=models.PROTECT, related_name="billed", db_index=False)
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, null=True, related_name="add_ons")
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "sold", "period_start"], name="billed_add_on_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="billed_add_on_forward",
                condition=Q(period_start__isnull=True, period_end__isnull=True, invoice__isnull=False)
                | Q(period_start__isnull=False, period_end__gt=F("period_start")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sold}"


class DayTotal(TenantModel):
    """What was invoiced on a day, opening balances apart and void invoices taken off again. Kept by triggers on the
    invoices, so that a dashboard need not add up a million; `ledger.verify` proves it (books.py)."""

    on = models.DateField()
    currency = models.CharField(max_length=3)
    invoices = models.BigIntegerField()
    net = AmountField()
    tax = AmountField()
    total = AmountField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "on", "currency"], name="billing_day_once")]

    def __str__(self) -> str:
        return f"{self.on} {self.total}"


class Skipped(TenantModel):
    """A subscription that a run did not bill (or not for some period), and why."""

    class Reason(models.TextChoices):
        ZERO_PRICE = "zero_price", _("The price is zero")
        NOTHING_DUE = "nothing_to_charge", _("Nothing to charge for this period")
        NO_SERVICE = "no_service", _("No service in this period")
        FORGOTTEN = "forgotten", _("Older month left out, as chosen")
        CURRENCY = "currency", _("Plan and subscriber's account differ in currency")
        NO_ACCOUNT = "no_account", _("No ledger accounts in this currency")
        PLANNED = "planned_change", _("A change of plan waits for that day")

    run = TenantForeignKey(BillingRun, on_delete=models.CASCADE, related_name="skips", db_index=False)
    subscription = TenantForeignKey(Subscription, on_delete=models.CASCADE, related_name="+", db_index=False)
    reason = models.CharField(_("why"), max_length=20, choices=Reason.choices)
    period_start = models.DateField(_("from"), null=True)
    period_end = models.DateField(_("until"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "subscription", "period_start"], name="skipped_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return str(self.get_reason_display())
