from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantQuerySet


class RunQuerySet(TenantQuerySet):
    def going_on(self):
        return self.filter(state__in=[Run.State.WAITING, Run.State.RUNNING])


class Run(TenantModel):
    """Long work with progress, that one may leave and find again."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    message = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    url = models.CharField(max_length=300, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    started_by_name = models.CharField(max_length=160, blank=True)
    created_at = models.DateTimeField(default=calendar.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(RunQuerySet)()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "kind", "-id"], name="run_by_kind")]
        constraints = [
            models.CheckConstraint(
                name="run_state_known",
                condition=models.Q(state__in=["waiting", "running", "done", "failed", "cancelled"]),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_going_on(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int:
        return min(100, self.done * 100 // self.total) if self.total else 0
