"""Who is and was on the network, what was sent for it, and where it is not what it should be."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantQuerySet,
)

from ..accepting import Acceptable, AcceptableQuerySet
from .accounts import AccessAccount
from .routers import Nas


class _Session(TenantModel):
    """Written by radius_acct() alone: no foreign keys, so that a packet costs one row and its indexes."""

    id = None  # type: ignore[assignment]
    key = models.UUIDField(primary_key=True)
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
    username = models.CharField(_("username"), max_length=128)
    session_id = models.CharField(_("session"), max_length=128)
    mac = models.CharField(_("device"), max_length=64)
    ip = models.GenericIPAddressField(_("address"), null=True)
    prefix6 = models.CharField(_("IPv6 prefix"), max_length=64, default="")
    delegated6 = models.CharField(_("delegated prefix"), max_length=64, default="", db_default="")
    started_at = models.DateTimeField(_("began"))
    seconds = models.BigIntegerField(_("duration"))
    in_octets = models.BigIntegerField(_("uploaded"))  # from the subscriber
    out_octets = models.BigIntegerField(_("downloaded"))  # to the subscriber

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.username} · {self.session_id}"

    @property
    def uploaded(self) -> str:
        return show_octets(self.in_octets)

    @property
    def downloaded(self) -> str:
        return show_octets(self.out_octets)

    @property
    def lasted(self) -> str:
        return show_seconds(self.seconds)


class OfAccount(ScopedQuerySet):
    """Rows of somebody's account are seen by whoever sees the subscriber."""

    branch_lookup = "account__subscription__subscriber__branch"
    area_lookup = "account__subscription__subscriber__area"
    reseller_lookup = "account__subscription__subscriber__reseller_name"
    collector_lookup = "account__subscription__subscriber__collector"


class LiveSession(_Session):
    """A session that is on now, as far as the router told us."""

    class QuerySet(OfAccount):
        def listed(self, columns: Collection[str] | None = None):
            """As the list shows them, with what rooms above say of a session."""
            from ..online import with_additions

            return with_additions(self, columns)

    called = models.CharField(_("service"), max_length=64, default="")
    updated_at = models.DateTimeField(_("last report"))
    terms = models.CharField(max_length=16, default="")
    sent_name = models.CharField(
        max_length=128, default="", db_default=""
    )  # as the router writes it, where that differs

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("live session")
        verbose_name_plural = _("live sessions")
        indexes = [
            models.Index(fields=["tenant", "username"], name="live_session_username"),
            models.Index(fields=["nas"], name="live_session_nas"),
        ]

    @property
    def name_on_router(self) -> str:
        return self.sent_name or self.username

    @property
    def behind_wall(self) -> bool:
        return self.terms == "walled"


class SessionHistory(_Session):
    """A session that is over. The history is partitioned by the month it ended in."""

    class QuerySet(OfAccount):
        def latest(self):
            return self.order_by("-ended_at")

    ended_at = models.DateTimeField(_("ended"))
    cause = models.CharField(_("why it ended"), max_length=40, default="")
    swept = models.BooleanField(default=False)

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        managed = False
        db_table = "access_pastsession"  # what ended a moment ago, and the history: see sql/fresh.sql
        verbose_name = _("past session")
        verbose_name_plural = _("past sessions")


class LineCommand(TenantModel):
    """What we told a router to do with a session, and what it answered. Never says more than we know."""

    class Kind(models.TextChoices):
        DISCONNECT = "disconnect", _("Disconnect")
        CHANGE = "change", _("Change speed")
        UNLIST = "unlist", _("Take off the wall's list")

    class State(models.TextChoices):
        WAITING = "waiting", _("Wanted")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused by the router")
        UNANSWERED = "unanswered", _("No answer")
        GONE = "gone", _("Session was over")

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"), db_index=False)
    session_key = models.UUIDField()
    username = models.CharField(_("username"), max_length=128)
    kind = models.CharField(_("command"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("why"), max_length=120)
    answer = models.CharField(_("answer"), max_length=200, default="")
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    asked_at = models.DateTimeField(_("asked"), default=calendar.now)
    answered_at = models.DateTimeField(_("answered"), null=True)
    actor_name = models.CharField(_("by"), max_length=120)
    by_hand = models.BooleanField(default=False)  # somebody wants this session dropped, whatever its terms
    urgent = models.BooleanField(default=False, db_default=False)  # somebody waits for it: sent before the others

    class QuerySet(TenantQuerySet):
        def waiting(self):
            return self.filter(state="waiting")

        def in_turn(self):
            return self.waiting().order_by("-urgent", "pk")

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("router command")
        verbose_name_plural = _("router commands")
        constraints = [
            models.CheckConstraint(name="line_command_kind", condition=Q(kind__in=["disconnect", "change", "unlist"])),
            models.CheckConstraint(
                name="line_command_state",
                condition=Q(state__in=["waiting", "confirmed", "refused", "unanswered", "gone"]),
            ),
            models.UniqueConstraint(
                fields=["tenant", "session_key"], name="line_command_waits_once", condition=Q(state="waiting")
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "username", "-id"], name="line_command_username"),
            models.Index(
                fields=["tenant", "nas", "-urgent", "id"], name="line_command_in_turn", condition=Q(state="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.username}"


class Drift(Acceptable, TenantModel):
    """A live session that is not what its line should have: since when, and whether somebody accepts that for a while.

    Kept by drift.look() and gone when the session is over or right; a router's "done" alone never removes a session.
    """

    class Kind(models.TextChoices):
        INTRUDER = "intruder", _("Online, may not be")
        OUTSIDE = "outside", _("Belongs behind the wall")
        SHUT_IN = "shut_in", _("Behind the wall, may be out")
        SPEED = "speed", _("Another speed")
        TERMS = "terms", _("Another address or group")
        RATE = "rate", _("Speed changed on the router")
        LISTED = "listed", _("Held back by the router's list")
        UNLISTED = "unlisted", _("Let out by the router's list")

    ON_ROUTER = (Kind.RATE, Kind.LISTED, Kind.UNLISTED)  # seen by asking the router itself, which served.py does

    session_key = models.UUIDField()
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
    username = models.CharField(_("username"), max_length=128)
    kind = models.CharField(_("what is wrong"), max_length=10, choices=Kind.choices)
    has = models.CharField(max_length=16)
    wants = models.CharField(max_length=16)
    detail = models.CharField(_("what differs"), max_length=80, blank=True, default="")
    again = models.BooleanField(default=False)  # somebody wants it tried at the next reading, whatever failed before
    since = models.DateTimeField(_("since"))

    class QuerySet(OfAccount, AcceptableQuerySet):
        def standing(self):
            """Those whose session is on as it was found, with what was last sent for it and what became of that."""
            sent = LineCommand.objects.filter(username=OuterRef("username"), session_key=OuterRef("session_key"))
            last = sent.order_by("-pk")
            return self.filter(
                Exists(LiveSession.objects.filter(key=OuterRef("session_key"), terms=OuterRef("has")))
            ).annotate(
                sent=Subquery(last.values("state")[:1]),
                answer=Subquery(last.values("answer")[:1]),
                sent_at=Subquery(last.values("asked_at")[:1]),
            )

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("drift")
        verbose_name_plural = _("drift")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "session_key"], name="drift_once"),
            models.CheckConstraint(
                name="drift_kind_known",
                condition=Q(
                    kind__in=["intruder", "outside", "shut_in", "speed", "terms", "rate", "listed", "unlisted"]
                ),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "since", "id"], name="drift_by_age")]

    def __str__(self) -> str:
        return f"{self.username}: {self.get_kind_display()}"


def show_octets(count: int) -> str:
    """1.4 GB: as people who sell gigabytes count, in thousands."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def show_seconds(count: int) -> str:
    """3 d 04:05, or 04:05:06 below a day."""
    days, rest = divmod(int(count), 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}"
    return f"{days} d {clock}" if days else f"{clock}:{rest % 60:02}"
