from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger.tenancy.models import TenantModel


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


def show_rate(bits: int) -> str:
    """12.4 Mbit/s, of bits a second."""
    size = float(bits)
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if size < 1000 or unit == "Gbit/s":
            return f"{size:.0f} {unit}" if unit in ("bit/s", "kbit/s") else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
