from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.models import Membership
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.ledger.models import JournalEntry, LedgerAccount
from fiberledger.money import AmountField, Money
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
)

from .rules import Limits


class PaymentPolicy(TenantModel):
    """What is allowed at the counter (one row a tenant)."""

    receipt_prefix = models.CharField(_("receipt prefix"), max_length=10, default="R-", blank=True)
    receipt_digits = models.PositiveSmallIntegerField(
        _("digits"), default=6, validators=[MinValueValidator(1)], help_text=_("R-000001 has six.")
    )
    back_days = models.PositiveSmallIntegerField(
        _("days anybody may backdate"), default=3, help_text=_("Further back needs the permission to backdate.")
    )
    future_days = models.PositiveSmallIntegerField(_("days a payment may be dated ahead"), default=0)
    allow_advance = models.BooleanField(
        _("take advance payments"), default=True, help_text=_("More than is owed; the rest settles the next invoices.")
    )
    largest = AmountField(
        _("largest single payment"), default=Decimal(1_000_000), validators=[MinValueValidator(Decimal(1))]
    )

    class Meta:
        verbose_name = _("payment rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="payment_policy_once"),
            models.CheckConstraint(
                name="payment_policy_digits", condition=Q(receipt_digits__gte=1, receipt_digits__lte=12)
            ),
        ]

    def __str__(self) -> str:
        return str(_("Payment rules"))

    @property
    def limits(self) -> Limits:
        return Limits(self.future_days, self.back_days, self.allow_advance, Decimal(self.largest))


class Method(models.TextChoices):
    """How money came in. Cash is in somebody's hand and is counted in the evening; the others are in the bank."""

    CASH = "cash", _("Cash")
    BANK = "bank", _("Bank transfer")
    CHEQUE = "cheque", _("Cheque")
    WALLET = "wallet", _("Mobile wallet")

    @property
    def account_role(self) -> str:
        return "cash" if self == Method.CASH else "bank"


class PaymentQuerySet(ScopedQuerySet):
    branch_lookup = "subscriber__branch"
    area_lookup = "subscriber__area"
    reseller_lookup = "subscriber__reseller_name"
    collector_lookup = "subscriber__collector"

    def standing(self) -> PaymentQuerySet:
        return self.filter(reversed_at__isnull=True)

    def reversed(self) -> PaymentQuerySet:
        return self.filter(reversed_at__isnull=False)

    def newest_first(self) -> PaymentQuerySet:
        return self.order_by("-id")


class Payment(TenantModel):
    """Money received. Never edited, never deleted: a mistake is reversed, and the receipt says so."""

    Method = Method

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        REVERSED = "reversed", _("Reversed")

    number = models.CharField(_("receipt"), max_length=30)
    subscriber = TenantForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="payments", db_index=False, verbose_name=_("subscriber")
    )
    amount = AmountField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    method = models.CharField(_("method"), max_length=10, choices=Method.choices)
    account = TenantForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("account")
    )
    key = models.UUIDField(editable=False)
    received_on = models.DateField(_("received on"))
    received_at = models.DateTimeField(_("recorded"), default=calendar.now)
    collector = TenantForeignKey(
        Membership,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("collected by"),
    )
    collector_name = models.CharField(_("collected by"), max_length=160, blank=True)
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    entry = TenantOneToOneField(
        JournalEntry, on_delete=models.PROTECT, related_name="payment", verbose_name=_("journal entry")
    )
    closing = TenantForeignKey(
        "CashClosing", on_delete=models.PROTECT, null=True, blank=True, related_name="payments", db_index=False
    )
    reversed_at = models.DateTimeField(_("reversed"), null=True, blank=True)
    reversed_on = models.DateField(_("reversed on"), null=True, blank=True)
    reversed_by = models.CharField(_("reversed by"), max_length=160, blank=True)
    reversal_reason = models.CharField(_("why reversed"), max_length=200, blank=True)
    reversal_entry = TenantOneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_payment"
    )
    reversal_closing = TenantForeignKey(
        "CashClosing", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals", db_index=False
    )

    objects = TenantManager.from_queryset(PaymentQuerySet)()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="payment_key_once"),
            models.UniqueConstraint(fields=["tenant", "number"], name="payment_number_once"),
            models.CheckConstraint(name="payment_above_zero", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="payment_method_known", condition=Q(method__in=["cash", "bank", "cheque", "wallet"])
            ),
            models.CheckConstraint(
                name="payment_reversal_whole",
                condition=Q(
                    reversed_at__isnull=True,
                    reversed_on__isnull=True,
                    reversal_entry__isnull=True,
                    reversal_reason="",
                )
                | (
                    Q(reversed_at__isnull=False, reversed_on__isnull=False, reversal_entry__isnull=False)
                    & ~Q(reversal_reason="")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subscriber", "-id"], name="payment_by_subscriber"),
            models.Index(
                fields=["tenant", "received_on", "id"],
                name="payment_by_day",
                include=["amount", "currency", "method", "collector", "reversed_at"],
            ),
            models.Index(
                fields=["tenant", "collector"],
                name="payment_cash_in_hand",
                condition=Q(method="cash", closing__isnull=True),
            ),
            models.Index(
                fields=["tenant", "collector"],
                name="payment_cash_given_back",
                condition=Q(method="cash", reversed_at__isnull=False, reversal_closing__isnull=True),
            ),
            models.Index(fields=["tenant", "closing"], name="payment_closed_in", condition=Q(closing__isnull=False)),
            models.Index(
                fields=["tenant", "reversal_closing"],
                name="payment_given_back_in",
                condition=Q(reversal_closing__isnull=False),
            ),
            models.Index(fields=["tenant", "-id"], name="payment_reversed", condition=Q(reversed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def money(self) -> Money:
        return Money(Decimal(self.amount), self.currency)

    @property
    def is_reversed(self) -> bool:
        return self.reversed_at is not None

    @property
    def state(self) -> Payment.State:
        return self.State.REVERSED if self.is_reversed else self.State.RECEIVED


class CashClosing(TenantModel):
    """One collector's cash of one day: what the book says is in the hand, what was counted, and the difference."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting for approval")
        APPROVED = "approved", _("Approved")

    collector = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("collector")
    )
    collector_name = models.CharField(_("collector"), max_length=160)
    on = models.DateField(_("day"))
    currency = models.CharField(_("currency"), max_length=3)
    expected = AmountField(_("expected"), default=0)
    counted = AmountField(_("counted"), validators=[MinValueValidator(Decimal(0))])
    difference = models.GeneratedField(
        expression=F("counted") - F("expected"),
        output_field=AmountField(_("difference")),
        db_persist=True,
        verbose_name=_("difference"),
    )
    payments_count = models.PositiveIntegerField(_("payments"), default=0)
    note = models.CharField(_("note"), max_length=300, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    closed_at = models.DateTimeField(_("closed"), default=calendar.now)
    closed_by = models.CharField(_("closed by"), max_length=160)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=160, blank=True)
    entry = TenantOneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="cash_closing"
    )

    class Meta:
        verbose_name = _("cash closing")
        verbose_name_plural = _("cash closings")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collector", "currency", "on"],
                name="closing_once_a_day",
                violation_error_message=_("This collector's cash was already closed for that day."),
            ),
            models.CheckConstraint(name="closing_counted", condition=Q(counted__gte=0)),
            models.CheckConstraint(name="closing_status_known", condition=Q(status__in=["waiting", "approved"])),
            models.CheckConstraint(
                name="closing_approved_by_someone",
                condition=Q(status="waiting", approved_at__isnull=True)
                | Q(status="approved", approved_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-on", "-id"], name="closing_by_day")]

    def __str__(self) -> str:
        return f"{self.collector_name} {self.on}"
