"""Who was turned away, and who guesses passwords."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import (
    TenantManager,
    TenantModel,
    TenantQuerySet,
)

from ..rules import OF_BINDING
from .accounts import AccessAccount
from .routers import Nas


class RefusedLogin(TenantModel):
    """The last refusal of one username: why, where, and how often since the reason last changed."""

    username = models.CharField(_("username"), max_length=128)
    nas = models.ForeignKey(
        Nas, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("router"),
    )  # fmt: skip
    mac = models.CharField(_("device"), max_length=64)
    port = models.CharField(_("port"), max_length=128, default="", db_default="")
    reason = models.CharField(_("why"), max_length=200)
    first_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("last tried"))
    times = models.PositiveIntegerField(_("times"))

    class Meta:
        verbose_name = _("refused login")
        verbose_name_plural = _("refused logins")
        constraints = [models.UniqueConstraint(fields=["tenant", "username"], name="refused_login_once")]
        indexes = [models.Index(fields=["tenant", "-last_at"], name="refused_login_latest")]

    def __str__(self) -> str:
        return self.username

    @property
    def is_of_binding(self) -> bool:
        return self.reason in OF_BINDING


REASONS = {
    "Wrong password.": _("Wrong password"),
    "Nobody has this username.": _("Unknown username"),
    "Another device is online with this account.": _("Too many devices"),
    "This account is bound to another device.": _("Another device"),
    "This account is bound to another port.": _("Another port"),
    "This account belongs to another router.": _("Another router"),
    "The device does not have the address of this account.": _("Another address"),
    "Too many wrong passwords: try again later.": _("Shut out for a while"),
    "This account is for another kind of connection.": _("Another kind of connection"),
    "The data of this period is used up.": _("Data used up"),
    "This account is suspended.": _("Suspended"),
    "This account is on hold.": _("On hold"),
    "This account has ended.": _("Ended"),
    "This account is not active yet.": _("Not active yet"),
    "This account is not in service.": _("Not in service"),
}  # what radius_login() and radius_refused() say


class LoginEntry(TenantModel):
    """Refusals of one minute: who, where, with which device and why. The log is partitioned by the month."""

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(_("when"))
    username = models.CharField(_("username"), max_length=128)
    nas = models.ForeignKey(
        Nas,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("router"),
    )
    account = models.ForeignKey(
        AccessAccount, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("account"),
    )  # fmt: skip
    mac = models.CharField(_("device"), max_length=64)
    port = models.CharField(_("port"), max_length=128, default="")
    reason = models.CharField(_("why"), max_length=200)
    times = models.PositiveIntegerField(_("times"), default=1)
    last_at = models.DateTimeField(_("last tried"))

    class Meta:
        managed = False
        db_table = "access_loginentry"  # sql/login_log.sql
        verbose_name = _("login log entry")
        verbose_name_plural = _("login log")

    def __str__(self) -> str:
        return self.username


class LoginGuess(TenantModel):
    """Wrong passwords for one username, from one device, or through one router that names no devices."""

    class Kind(models.TextChoices):
        USER = "user", _("For one username")
        DEVICE = "device", _("From one device")
        ROUTER = "router", _("Through one router")

    kind = models.CharField(_("what"), max_length=6, choices=Kind.choices)
    subject = models.CharField(_("who"), max_length=128)
    nas = models.ForeignKey(
        Nas, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+", editable=False,
        verbose_name=_("router"),
    )  # fmt: skip
    tries = models.PositiveIntegerField(_("tries"), default=1)
    began_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("last tried"))
    alerted_at = models.DateTimeField(_("beyond the limit"), null=True)
    blocked_until = models.DateTimeField(_("shut out until"), null=True)

    class QuerySet(TenantQuerySet):
        def guessing(self):
            return self.filter(alerted_at__isnull=False)

        def lately(self):
            return self.guessing().filter(alerted_at__gt=calendar.now() - timedelta(days=1))

        def shut_out(self):
            return self.filter(blocked_until__gt=calendar.now())

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("password guessing")
        verbose_name_plural = _("password guessing")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "subject"], name="login_guess_once"),
            models.CheckConstraint(name="login_guess_kind", condition=Q(kind__in=["user", "device", "router"])),
        ]
        indexes = [
            models.Index(fields=["tenant", "-alerted_at", "id"], name="login_guess_latest", condition=Q(alerted_at__isnull=False))
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.subject

    @property
    def is_shut_out(self) -> bool:
        return self.blocked_until is not None and self.blocked_until > calendar.now()
