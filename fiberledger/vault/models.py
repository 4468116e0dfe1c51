from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantQuerySet

DAYS = 180  # after which a secret is due to be changed, unless the tenant says otherwise


class DataKey(TenantModel):
    """A key that locks a tenant's secrets, locked itself with a master key. The newest one locks; all of them open."""

    number = models.PositiveIntegerField()
    master = models.CharField(max_length=40)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(default=calendar.now)
    relocked_at = models.DateTimeField(
        null=True
    )  # since then everything that the older ones had locked is locked with this one

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="data_key_once")]

    def __str__(self) -> str:
        return str(self.number)


class VaultPolicy(TenantModel):
    """After how many days which kind of secret is due to be changed: {"access.nas.secret": 90}."""

    days = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("secrets policy")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="vault_policy_once")]

    def __str__(self) -> str:
        return str(_("secrets policy"))


class KeptQuerySet(TenantQuerySet):
    def due(self, days: dict[str, int]) -> KeptQuerySet:
        """What has not been changed for longer than its kind may stay."""
        now = calendar.now()
        late = models.Q(changed_at__lt=now - timedelta(days=DAYS)) & ~models.Q(kind__in=list(days))
        for kind, number in days.items():
            late |= models.Q(kind=kind, changed_at__lt=now - timedelta(days=number))
        return self.filter(late)


class Kept(TenantModel):
    """A secret that we keep: not the secret, but that it is there, when it changed, and who looked at it last."""

    kind = models.CharField(_("kind"), max_length=60)
    object_id = models.BigIntegerField()
    label = models.CharField(_("of"), max_length=200)
    changed_at = models.DateTimeField(_("last changed"))
    seen_at = models.DateTimeField(_("last looked at"), null=True)
    seen_by = models.CharField(_("by"), max_length=200, blank=True, default="")

    objects = TenantManager.from_queryset(KeptQuerySet)()

    class Meta:
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "object_id"], name="kept_once")]
        indexes = [
            models.Index(fields=["tenant", "changed_at", "id"], name="kept_by_age"),
            models.Index(fields=["tenant", "label", "id"], name="kept_by_label"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def what(self) -> Any:
        from .registry import kinds

        found = kinds().get(self.kind)
        return found.label if found else self.kind


class Look(TenantModel):
    """Somebody saw a secret, and said why."""

    kind = models.CharField(_("kind"), max_length=60)
    object_id = models.BigIntegerField()
    label = models.CharField(_("of"), max_length=200)
    user_id = models.BigIntegerField(null=True)
    who = models.CharField(_("who"), max_length=200)
    reason = models.CharField(_("why"), max_length=200)
    at = models.DateTimeField(_("at"), default=calendar.now)

    class Meta:
        verbose_name = _("look at a secret")
        verbose_name_plural = _("looks at secrets")
        indexes = [
            models.Index(fields=["tenant", "-id"], name="looks_newest"),
            models.Index(fields=["tenant", "at"], name="looks_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.label}"

    @property
    def what(self) -> Any:
        from .registry import kinds

        found = kinds().get(self.kind)
        return found.label if found else self.kind
