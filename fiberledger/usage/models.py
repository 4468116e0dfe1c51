from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger.access.models import AccessAccount, OfAccount, show_octets
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantOneToOneField

from . import rules


class LineUsage(TenantModel):
    """What a line used in its period, what it may, and what applies to it for that: kept by services.reconsider().

    `used` is what the period's days hold that counts (rollup.fold() adds to both); all else can be worked out anew.
    """

    class State(models.TextChoices):
        PLAIN = rules.PLAIN, _("As the plan says")
        NEAR = rules.NEAR, _("Near its limit")
        OVER = rules.OVER, _("Beyond its limit")
        HOURS = rules.HOURS, _("Hours of the day")
        SLOWED = rules.SLOWED, _("Slowed down")
        STOPPED = rules.STOPPED, _("Stopped")
        BOOSTED = rules.BOOSTED, _("Boosted")

    account = TenantOneToOneField(
        AccessAccount, on_delete=models.CASCADE, related_name="usage", verbose_name=_("account")
    )
    plan_id = models.BigIntegerField()
    starts_on = models.DateField(_("period from"))
    ends_on = models.DateField(_("begins anew on"))
    used = models.BigIntegerField(_("used"))
    allowance = models.BigIntegerField(_("allowed"), null=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    download_kbps = models.PositiveIntegerField(null=True)  # in place of the plan's
    upload_kbps = models.PositiveIntegerField(null=True)
    since = models.DateTimeField(_("since"))
    next_at = models.DateTimeField(null=True)  # when the answer may be another one; None: out of service
    next_octets = models.BigIntegerField(null=True)  # or once so much is used

    objects = TenantManager.from_queryset(OfAccount)()

    class Meta:
        verbose_name = _("usage of a line")
        verbose_name_plural = _("usage")
        constraints = [
            models.CheckConstraint(
                name="line_usage_state_known",
                condition=Q(state__in=["plain", "near", "over", "hours", "slowed", "stopped", "boosted"]),
            ),
            models.CheckConstraint(name="line_usage_never_falls", condition=Q(used__gte=0)),
        ]
        indexes = [
            models.Index(fields=["tenant", "used", "id"], name="line_usage_heaviest"),
            models.Index(fields=["tenant", "state", "id"], name="line_usage_by_state"),
        ]

    def __str__(self) -> str:
        return str(self.account)

    @property
    def percent(self) -> int | None:
        return None if not self.allowance else min(self.used * 100 // self.allowance, 999)

    @property
    def used_words(self) -> str:
        return show_octets(self.used)

    @property
    def allowance_words(self) -> str:
        return show_octets(self.allowance) if self.allowance is not None else ""

    @property
    def speed(self) -> str:
        """The speeds that apply in place of the plan's."""
        return show_speed(self.download_kbps, self.upload_kbps)


class SessionCount(TenantModel):
    """How much of a session's counters is in the roll-ups, and how fast it was between its last two reports.

    Written by rollup.fold() alone. Gone when the session is filed and counted; one given up for silence keeps it for as
    long as it may come back.
    """

    id = None  # type: ignore[assignment]
    key = models.UUIDField(primary_key=True)
    account_id = models.BigIntegerField()
    at = models.DateTimeField(_("counted up to"))
    up = models.BigIntegerField()
    down = models.BigIntegerField()
    over = models.BooleanField(default=False)
    up_rate = models.BigIntegerField(_("upload now"), default=0)  # bits per second, as are all rates
    down_rate = models.BigIntegerField(_("download now"), default=0)
    rates = ArrayField(models.BigIntegerField(), default=list)  # both ways together, oldest first

    class Meta:
        verbose_name = _("count of a session")
        verbose_name_plural = _("counts of sessions")

    def __str__(self) -> str:
        return str(self.key)

    @property
    def down_now(self) -> str:
        return show_rate(self.down_rate)

    @property
    def up_now(self) -> str:
        return show_rate(self.up_rate)


def show_speed(download: int | None, upload: int | None) -> str:
    """«20/10 Mbit/s», download before upload."""
    ways = [f"{kbps / 1000:g}" for kbps in (download or upload, upload or download) if kbps]
    return f"{'/'.join(dict.fromkeys(ways))} Mbit/s" if ways else ""


def show_rate(bits: int) -> str:
    """12.4 Mbit/s, of bits a second."""
    size = float(bits)
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if size < 1000 or unit == "Gbit/s":
            return f"{size:.0f} {unit}" if unit in ("bit/s", "kbit/s") else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
