from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.money import AmountField
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
    TenantQuerySet,
)


class LedgerAccountQuerySet(TenantQuerySet):
    def control(self):
        return self.filter(is_party=False)


class LedgerAccount(TenantModel):
    """A page of the book, in one currency.

    Each subscriber has a receivable page of their own (`is_party`); its `balance` is kept by a trigger on postings,
    in the same statement, and proven equal to the sum by `ledger.verify`. Positive: they owe. Other pages keep no
    balance: a hot row would make every till wait for every other.
    """

    class Kind(models.TextChoices):
        ASSET = "asset", _("Asset")
        LIABILITY = "liability", _("Liability")
        EQUITY = "equity", _("Equity")
        INCOME = "income", _("Income")
        EXPENSE = "expense", _("Expense")

    code = models.CharField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=160)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    role = models.CharField(max_length=30, blank=True, editable=False)
    currency = models.CharField(_("currency"), max_length=3)
    is_party = models.BooleanField(default=False, editable=False)
    balance = AmountField(_("balance"), default=0, editable=False)

    objects = TenantManager.from_queryset(LedgerAccountQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code", "currency"], name="ledger_code_once"),
            models.UniqueConstraint(
                fields=["tenant", "role", "currency"],
                name="ledger_role_once",
                condition=Q(is_party=False) & ~Q(role=""),
            ),
            models.CheckConstraint(
                name="ledger_kind_known",
                condition=Q(kind__in=["asset", "liability", "equity", "income", "expense"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class JournalEntry(TenantModel):
    """One event in the book. `cause` names what it is for, and happens once: posting twice is impossible, not unlikely."""

    cause = models.CharField(max_length=80)
    on = models.DateField()
    at = models.DateTimeField(default=calendar.now)
    memo = models.CharField(max_length=200, blank=True)
    actor_name = models.CharField(max_length=160, blank=True)
    reverses = TenantOneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "cause"], name="entry_cause_once")]
        indexes = [models.Index(fields=["tenant", "on"], name="entry_by_day")]

    def __str__(self) -> str:
        return self.cause


class Posting(TenantModel):
    """Half of an event: debits are positive, credits negative."""

    entry = TenantForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="postings")
    account = TenantForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="postings", db_index=False)
    currency = models.CharField(max_length=3)
    amount = AmountField()
    on = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(name="posting_not_zero", condition=~Q(amount=0))]
        indexes = [
            models.Index(
                fields=["account", "on"],
                name="posting_by_account",
                include=["amount", "entry"],
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
