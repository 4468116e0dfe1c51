from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantQuerySet

from . import actions


class IdSet(models.Field):
    """A set of row numbers, kept as PostgreSQL's int8multirange: a run of a hundred thousand is one range."""

    def db_type(self, connection: Any) -> str:
        return "int8multirange"


class EntryQuerySet(TenantQuerySet):
    def newest_first(self) -> EntryQuerySet:
        return self.order_by("-id")

    def critical(self) -> EntryQuerySet:
        """Those that deserve a second look (see actions)."""
        wanted = models.Q(action__in=actions.declared_critical())
        for pattern in actions.ALWAYS_CRITICAL:
            start, _star, end = pattern.partition("*")
            wanted |= models.Q(action__startswith=start) if start else models.Q(action__endswith=end)
        return self.filter(wanted)

    def about(self, target_type: str, target_id: Any) -> EntryQuerySet:
        return self.filter(target_type=target_type, target_id=str(target_id))


class Entry(TenantModel):
    """One thing that somebody did. Never changed: the table refuses it."""

    class ActorKind(models.TextChoices):
        STAFF = "staff", _("Staff")
        SUBSCRIBER = "subscriber", _("Subscriber")
        API = "api", _("API key")
        SYSTEM = "system", _("System")
        NOBODY = "nobody", _("Not signed in")

    at = models.DateTimeField(_("when"), default=calendar.now)
    actor_kind = models.CharField(max_length=12, choices=ActorKind.choices)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(_("who"), max_length=200)
    on_behalf_of = models.CharField(_("on behalf of"), max_length=200, blank=True)
    ip = models.GenericIPAddressField(_("from"), null=True)
    action = models.CharField(_("what"), max_length=80)
    target_type = models.CharField(_("on"), max_length=80, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    extra = models.JSONField(_("details"), null=True)

    objects = TenantManager.from_queryset(EntryQuerySet)()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "id"], name="audit_entry_newest"),
            models.Index(fields=["tenant", "target_type", "target_id"], name="audit_entry_target"),
            models.Index(fields=["tenant", "action", "id"], name="audit_entry_action"),
            models.Index(
                fields=["tenant", "actor_id", "id"],
                name="audit_entry_actor",
                condition=models.Q(actor_id__isnull=False),
            ),
            BrinIndex(fields=["at"], name="audit_entry_at", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action_label} {self.target_label}".strip()

    @property
    def action_label(self) -> str:
        return actions.label(self.action)

    @property
    def is_critical(self) -> bool:
        return actions.is_critical(self.action)

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """(field, before, after) for everything that changed, in the order it was noted."""
        before, after = self.before or {}, self.after or {}
        if not isinstance(before, dict) or not isinstance(after, dict):
            return [("", self.before, self.after)]
        names = [*before, *(name for name in after if name not in before)]
        return [(name, before.get(name), after.get(name)) for name in names]


class Seal(TenantModel):
    """A link of the tenant's chain: the SHA-256 of each of its entries, of the link before, and of both together.

    Written by the function audit_seal() only; the app role may read it.
    """

    seq = models.BigIntegerField()
    sealed_at = models.DateTimeField(default=calendar.now)
    count = models.IntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    covers = IdSet()
    leaves = models.BinaryField()  # 32 bytes an entry, in the order of their ids: names the very row that was altered
    previous = models.BinaryField()
    digest = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "seq"], name="audit_seal_once")]
        indexes = [models.Index(fields=["tenant", "last_id"], name="audit_seal_last")]

    def __str__(self) -> str:
        return f"{self.seq}"


class Head(TenantModel):
    """Where the tenant's chain ends, signed with the installation's secret: a chain cut short is noticed.

    Every entry up to `settled_id` is in a seal; `mark_*` is the next candidate for that, once whoever was writing
    when it was taken has finished.
    """

    seq = models.BigIntegerField(default=0)
    digest = models.BinaryField()
    last_id = models.BigIntegerField(default=0)
    settled_id = models.BigIntegerField(default=0)
    mark_id = models.BigIntegerField(null=True)
    mark_xid = models.BigIntegerField(null=True)
    mark_at = models.DateTimeField(null=True)
    signature = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="audit_head_once")]

    def __str__(self) -> str:
        return f"{self.seq}"


class Proof(TenantModel):
    """What the last proof of one thing found (see proofs.py): nothing, on a good day."""

    class What(models.TextChoices):
        BOOKS = "books", _("The books")
        LOG = "log", _("The audit log")

    what = models.CharField(_("what"), max_length=10, choices=What.choices)
    on = models.DateField(_("day"))
    at = models.DateTimeField(_("proven"))
    count = models.PositiveIntegerField(_("faults"), default=0)
    faults = models.JSONField(default=list)

    class Meta:
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "what"], name="audit_proof_once"),
            models.CheckConstraint(name="audit_proof_what", condition=models.Q(what__in=["books", "log"])),
        ]

    def __str__(self) -> str:
        return str(self.get_what_display())
