from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel

from .events import EVENTS, VARIABLES, choices
from .wording import variables_in


def _default_events() -> list[str]:
    return [event.code for event in EVENTS.values() if event.by_default]


class NoticePolicy(TenantModel):
    """What this tenant tells its subscribers, and how (one row a tenant)."""

    events = models.JSONField(_("messages to prepare"), default=_default_events)
    by_mail = models.BooleanField(
        _("send by e-mail"),
        default=False,
        help_text=_("To subscribers who have an address. WhatsApp and SMS go from your own phone, one click each."),
    )
    payment_link = models.CharField(
        _("how to pay"),
        max_length=200,
        blank=True,
        help_text=_("Fills {{payment_link}}: a web address, or words such as “JazzCash 0300 1234567”."),
    )

    class Meta:
        verbose_name = _("message settings")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="notice_policy_once")]

    def __str__(self) -> str:
        return str(_("Message settings"))


class NoticeTemplate(TenantModel):
    """The tenant's own wording of one event in one language; without it the product's wording is used."""

    event = models.CharField(_("message"), max_length=40, choices=choices)
    language = models.CharField(_("language"), max_length=10, choices=[("en", _("English")), ("ur", _("Urdu"))])
    subject = models.CharField(_("subject of the e-mail"), max_length=120, blank=True)
    text = models.TextField(_("text"), max_length=1000)
    changed_at = models.DateTimeField(_("changed"), default=calendar.now, editable=False)

    class Meta:
        verbose_name = _("message wording")
        verbose_name_plural = _("message wordings")
        ordering = ["event", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "event", "language"],
                name="notice_template_once",
                violation_error_message=_("This message already has a wording in that language."),
            )
        ]

    def __str__(self) -> str:
        return f"{EVENTS[self.event].label} ({self.language})" if self.event in EVENTS else self.event

    def clean(self) -> None:
        for field in ("subject", "text"):
            unknown = [name for name in variables_in(getattr(self, field)) if name not in VARIABLES]
            if unknown:
                raise ValidationError(
                    {
                        field: _("There is no variable %(name)s. Choose among: %(all)s.")
                        % {"name": "{{" + unknown[0] + "}}", "all": ", ".join(VARIABLES)}
                    }
                )


class NoticeQuerySet(ScopedQuerySet):
    branch_lookup = "subscriber__branch"
    area_lookup = "subscriber__area"
    reseller_lookup = "subscriber__reseller_name"
    collector_lookup = "subscriber__collector"

    def waiting(self) -> NoticeQuerySet:
        return self.filter(state=Notice.State.WAITING)

    def shown(self) -> NoticeQuerySet:
        """With what their words and links are made of."""
        return self.select_related("subscriber__receivable", "subscriber__area")


class Notice(TenantModel):
    """One thing to tell one subscriber. `cause` makes it once: telling twice is impossible, not unlikely."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    class Via(models.TextChoices):
        WHATSAPP = "whatsapp", _("WhatsApp")
        SMS = "sms", _("SMS")
        EMAIL = "email", _("E-mail")
        SAID = "said", _("Told in person")

    subscriber = TenantForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="notices", db_index=False, verbose_name=_("subscriber")
    )
    event = models.CharField(_("message"), max_length=40, choices=choices)
    cause = models.CharField(max_length=80)
    values = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    text = models.TextField(_("text"), blank=True)
    via = models.CharField(_("by"), max_length=10, choices=Via.choices, blank=True)
    sent_to = models.CharField(_("to"), max_length=254, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    sent_by = models.CharField(_("sent by"), max_length=160, blank=True)
    why = models.CharField(_("why"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("prepared"), default=calendar.now)

    objects = TenantManager.from_queryset(NoticeQuerySet)()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "cause", "event"], name="notice_once"),
            models.CheckConstraint(
                name="notice_state_known", condition=Q(state__in=["waiting", "sending", "sent", "skipped", "failed"])
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], condition=Q(state="waiting"), name="notice_waiting"),
            models.Index(fields=["tenant", "subscriber", "-id"], name="notice_by_subscriber"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()}: {self.subscriber}"
