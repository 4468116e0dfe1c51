from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.ipam.fields import AddressField
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantQuerySet


class TraceCase(TenantModel):
    """One request to say who held an address at a time: who asked, who approved, what was disclosed, until when it is kept."""

    UNITS = {"port": None}

    class State(models.TextChoices):
        ASKED = "asked", _("Waits for approval")
        ANSWERED = "answered", _("Answered")
        REFUSED = "refused", _("Refused")
        FORGOTTEN = "forgotten", _("Deleted")

    number = models.CharField(_("number"), max_length=20)
    authority = models.CharField(
        _("authority"), max_length=120, help_text=_("Who wants to know, e.g. FIA Cyber Crime Wing, Lahore.")
    )
    reference = models.CharField(_("their reference"), max_length=80)
    requested_on = models.DateField(_("date of their letter"))
    reason = models.CharField(_("on what ground"), max_length=300, help_text=_("The order or section of law."))
    address = AddressField(_("address"))
    port = models.PositiveIntegerField(
        _("port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("Behind CGNAT many share one address: without the port all of them are found."),
    )  # fmt: skip
    at = models.DateTimeField(_("at that time"))
    keep_until = models.DateField(
        _("keep until"), help_text=_("Then what was disclosed is deleted; that it was asked stays.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField(_("asked"), default=calendar.now)
    asked_by = models.CharField(_("asked by"), max_length=120)
    asker_id = models.BigIntegerField(null=True)  # the user, who may not approve it
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, default="")
    why_refused = models.CharField(_("why refused"), max_length=300, default="")
    answer = models.JSONField(_("what was disclosed"), null=True)

    class QuerySet(TenantQuerySet):
        def waiting(self):
            return self.filter(state="asked")

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("case file")
        verbose_name_plural = _("case files")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="trace_number_once"),
            models.CheckConstraint(
                name="trace_state_known", condition=Q(state__in=["asked", "answered", "refused", "forgotten"])
            ),
            models.CheckConstraint(
                name="trace_answered_has_answer", condition=~Q(state="answered") | Q(answer__isnull=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

    @property
    def what(self) -> str:
        if self.port is None:
            return str(self.address)
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"
