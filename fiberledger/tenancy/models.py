from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.expressions import Expression
from django.utils.translation import gettext_lazy as _

from .scope import current_tenant_id


class Tenant(models.Model):
    """One who rents the platform, or rents it on: the tree platform → platform reseller → ISP. Written by the control role only."""

    class Kind(models.TextChoices):
        PLATFORM = "platform", _("Platform")
        PLATFORM_RESELLER = "platform_reseller", _("Platform reseller")
        ISP = "isp", _("ISP")

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ISP)
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
                _("Use small letters, digits and hyphens, e.g. bright-isp; it becomes part of the web address."),
            )
        ],
    )
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=60)
    language = models.CharField(max_length=10, default="en")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenant_status_known",
                condition=models.Q(status__in=["active", "suspended"]),
            ),
            models.CheckConstraint(
                name="tenant_kind_known",
                condition=models.Q(kind__in=["platform", "platform_reseller", "isp"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CurrentTenant(Expression):
    """The tenant in scope when the SQL is made, not when the queryset was: forms may name a queryset at import."""

    output_field = models.BigIntegerField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list]:
        return "%s", [current_tenant_id()]


class TenantQuerySet(models.QuerySet):
    """The base of every room's querysets."""


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """Sees the tenant in scope; outside of one it raises NoTenantInScope as soon as rows are asked for."""

    def get_queryset(self):
        return super().get_queryset().filter(tenant_id=CurrentTenant())


class TenantForeignKey(models.ForeignKey):
    """A key to a row of the same tenant. PostgreSQL checks it together with the tenant (see IsolateByTenant)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


class TenantOneToOneField(models.OneToOneField):
    """As TenantForeignKey, at most one row each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


class TenantModel(models.Model):
    """A row of one tenant. The tenant is filled from the scope and never changes."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.PROTECT,
        default=current_tenant_id,
        editable=False,
        db_constraint=False,  # row-level security admits no tenant but the one in scope
        db_index=False,
        related_name="+",
    )

    objects = TenantManager()

    class Meta:
        abstract = True


class Counter(TenantModel):
    """The last number given out of a gapless sequence of the tenant's."""

    name = models.CharField(max_length=60)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="counter_once_per_tenant")]


class Profile(TenantModel):
    """The company as its papers show it (one row a tenant)."""

    legal_name = models.CharField(_("company name"), max_length=160)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    address = models.TextField(_("address"), blank=True)
    website = models.URLField(_("website"), blank=True)
    tax_number = models.CharField(_("tax number"), max_length=40, blank=True, help_text=_("NTN, PAN, BIN or PIN"))
    sales_tax_number = models.CharField(
        _("sales tax number"),
        max_length=40,
        blank=True,
        help_text=_("STRN, GSTIN or VAT number"),
    )
    brand_color = models.CharField(
        _("brand colour"),
        max_length=7,
        blank=True,
        validators=[
            RegexValidator(
                r"^#[0-9a-fA-F]{6}$",
                _("Write the colour as # and six digits, e.g. #1d4ed8."),
            )
        ],
    )
    logo_file_id = models.BigIntegerField(null=True, blank=True, editable=False)
    invoice_footer = models.TextField(_("invoice footer"), blank=True)
    receipt_footer = models.TextField(_("receipt footer"), blank=True)
    terms = models.TextField(_("terms on the invoice"), blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="profile_once_per_tenant")]

    def __str__(self) -> str:
        return self.legal_name
