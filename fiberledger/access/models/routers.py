"""Routers: where they stand, what they are asked and answer, which pools they serve."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.ipam.models import Pool
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
)

from .. import secrets, tunnel
from .fields import is_name_on_router, is_rate


class Pop(TenantModel):
    """A place where routers stand: a tower, a cabinet, a room in an office."""

    name = models.CharField(_("name"), max_length=80)
    branch = TenantForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    area = TenantForeignKey(
        Area, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("area")
    )
    address = models.CharField(_("address"), max_length=200, blank=True, default="")
    latitude = models.DecimalField(
        _("latitude"), max_digits=9, decimal_places=6, null=True, blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )  # fmt: skip
    longitude = models.DecimalField(
        _("longitude"), max_digits=9, decimal_places=6, null=True, blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )  # fmt: skip
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    class QuerySet(ScopedQuerySet):
        branch_lookup = "branch"
        area_lookup = "area"

        def with_routers(self):
            """Each with how many routers stand there, as `routers`."""
            return self.annotate(routers=Coalesce(Subquery(_count(Nas.objects.filter(pop=OuterRef("pk")), "pop")), 0))

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("point of presence")
        verbose_name_plural = _("points of presence")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="pop_name_once",
                violation_error_message=_("Another point of presence has this name."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


def _count(rows: models.QuerySet, key: str) -> models.QuerySet:
    """For a Subquery: how many of these rows have the outer row's key."""
    return rows.order_by().values(key).annotate(n=Count("*")).values("n")


class Nas(TenantModel):
    """A device that asks us over RADIUS who may enter. Known by the address its packets come from, and by its secret."""

    UNITS = {"interim_seconds": _("seconds"), "coa_port": None}

    class Kind(models.TextChoices):
        MIKROTIK = "mikrotik", _("MikroTik")
        ACCEL = "accel", _("accel-ppp")
        CISCO = "cisco", _("Cisco")
        JUNIPER = "juniper", _("Juniper")
        HUAWEI = "huawei", _("Huawei")
        UBIQUITI = "ubiquiti", _("Ubiquiti")
        CHILLI = "chilli", _("CoovaChilli")
        OTHER = "other", _("Other")

    class Answer(models.TextChoices):
        REJECT = "reject", _("Refuse the login")
        WALLED = "walled", _("Let in behind the wall")

    class Signing(models.TextChoices):
        OFF = "off", _("Not required")
        AUTO = "auto", _("Required once it signs")
        REQUIRED = "required", _("Required")

    name = models.CharField(_("name"), max_length=80)
    src_ip = models.GenericIPAddressField(
        _("source address"),
        protocol="IPv4",
        unique=True,
        help_text=_(
            "The address its RADIUS packets reach us from, usually its own address in the tunnel. No two routers may share one."
        ),
        error_messages={"unique": _("Another router of yours has this address.")},
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.MIKROTIK)
    branch = TenantForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    pop = TenantForeignKey(
        Pop, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("point of presence")
    )
    capacity = models.PositiveIntegerField(
        _("sessions at most"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("What it carries well. At 80 % it is on the engineer's worklist."),
    )  # fmt: skip
    active = models.BooleanField(_("in use"), default=True)
    interim_seconds = models.PositiveIntegerField(
        _("reports every"),
        default=300,
        validators=[MinValueValidator(60), MaxValueValidator(3600)],
        help_text=_("seconds between two accounting reports of a session"),
    )
    for_suspended = models.CharField(_("suspended lines"), max_length=10, choices=Answer.choices, default=Answer.WALLED)
    for_unknown = models.CharField(_("unknown usernames"), max_length=10, choices=Answer.choices, default=Answer.REJECT)
    walled_pool = models.CharField(
        _("address pool behind the wall"),
        max_length=64,
        blank=True,
        default="",
        validators=[is_name_on_router],
        help_text=_("An /ip pool on this router; empty: the usual address."),
    )
    walled_list = models.CharField(
        _("address list behind the wall"),
        max_length=64,
        blank=True,
        default="expired",
        validators=[is_name_on_router],
        help_text=_("The router's firewall sends addresses on this list to your payment page."),
    )
    walled_rate = models.CharField(
        _("speed behind the wall"), max_length=60, blank=True, default="", validators=[is_rate],
        help_text=_("upload/download, e.g. 512k/1M"),
    )  # fmt: skip
    coa_port = models.PositiveIntegerField(
        _("port for commands"), default=3799, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("where it listens for Disconnect and CoA"),
    )  # fmt: skip
    signing = models.CharField(
        _("signed requests"),
        max_length=8,
        choices=Signing.choices,
        default=Signing.AUTO,
        help_text=_("Whether requests without Message-Authenticator are dropped. Our answers are always signed."),
    )
    api_username = models.CharField(
        _("API username"), max_length=64, blank=True, default="",
        help_text=_("A user on the router of our own. Empty: we ask it over RADIUS only."),
    )  # fmt: skip
    api_port = models.PositiveIntegerField(
        _("API port"), default=8728, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("8728, or 8729 with TLS"),
    )  # fmt: skip
    api_tls = models.BooleanField(_("API over TLS"), default=False)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    tunnel = models.BooleanField(
        _("WireGuard tunnel to us"), default=False, db_default=False,
        help_text=_("RouterOS 7. The source address is the router's own in the tunnel; we make its key."),
    )  # fmt: skip
    tunnel_key = models.BinaryField(null=True, editable=False)
    tunnel_public = models.CharField(max_length=44, blank=True, default="", db_default="", editable=False)
    # SHA-256 of the certificate it is known by over TLS, and of another one that it showed since and that is not accepted.
    certificate = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    certificate_offered = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    api_password = models.BinaryField(null=True, editable=False)
    secret = models.BinaryField(editable=False)
    radius_secret = models.BinaryField(editable=False)
    last_seen_at = models.DateTimeField(_("last heard"), null=True, blank=True, editable=False)
    signed_at = models.DateTimeField(_("last signed request"), null=True, blank=True, editable=False)
    unsigned_at = models.DateTimeField(_("last unsigned request"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=calendar.now, editable=False)
    rebind_days = models.PositiveSmallIntegerField(null=True, editable=False)  # AccessPolicy's, as are
    realms = ArrayField(models.TextField(), null=True, editable=False)
    by_kind = models.BooleanField(null=True, editable=False)
    blocks_until = models.DateTimeField(null=True, editable=False)  # until then somebody may be shut out: LoginGuess
    # What a line behind the wall is told, in the words of its kind: vendors.wall()
    walled_attributes = ArrayField(models.TextField(), null=True, editable=False)
    walled_values = ArrayField(models.TextField(), null=True, editable=False)

    class QuerySet(ScopedQuerySet):
        branch_lookup = "branch"
        area_lookup = "pop__area"

        def in_use(self):
            return self.filter(active=True)

        def down(self):
            """In use, once reached, and not any more."""
            return self.in_use().filter(probe__up=False)

        def with_load(self):
            """Each with what its list shows: sessions that are on, and what it said of itself when it was last reached."""
            from .sessions import LiveSession  # which know their router

            online = Coalesce(Subquery(_count(LiveSession.objects.filter(nas=OuterRef("pk")), "nas")), 0)
            of_probe = ("up", "since", "answered_at", "cpu", "memory", "uptime_seconds", "version", "board")
            return self.annotate(online=online, **{f"probe_{name}": F(f"probe__{name}") for name in of_probe})

        def nearly_full(self):
            return self.in_use().filter(capacity__isnull=False).with_load().filter(online__gte=F("capacity") * 0.8)

        def silent(self):
            """In use, once heard, and not for three times as long as FreeRADIUS remembers a device."""
            return self.in_use().filter(last_seen_at__lt=calendar.now() - timedelta(minutes=20))

        def unsigned(self):
            """In use, and has sent a login without a signature within the last day it was heard."""
            lately = F("unsigned_at") + timedelta(days=1)
            return self.in_use().filter(Q(signed_at__isnull=True) | Q(signed_at__lte=lately), unsigned_at__isnull=False)

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("router")
        verbose_name_plural = _("routers")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="nas_name_once",
                violation_error_message=_("Another router has this name."),
            ),
            models.CheckConstraint(name="nas_for_suspended", condition=Q(for_suspended__in=["reject", "walled"])),
            models.CheckConstraint(name="nas_for_unknown", condition=Q(for_unknown__in=["reject", "walled"])),
            models.CheckConstraint(name="nas_signing_known", condition=Q(signing__in=["off", "auto", "required"])),
            models.CheckConstraint(
                name="nas_interim", condition=Q(interim_seconds__gte=60, interim_seconds__lte=3600)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def load(self) -> str:
        """Sessions that are on, of those it carries; of rows `with_load`."""
        online = getattr(self, "online", 0)
        return f"{online:,} / {self.capacity:,} · {online * 100 // self.capacity} %" if self.capacity else f"{online:,}"

    @property
    def is_silent(self) -> bool:
        return bool(self.active and self.last_seen_at and self.last_seen_at < calendar.now() - timedelta(minutes=20))

    @property
    def state(self) -> str:
        """One word for lists: off, new, silent, heard."""
        if not self.active:
            return "off"
        if self.last_seen_at is None:
            return "new"
        return "silent" if self.is_silent else "heard"

    @property
    def signs(self) -> str:
        """What was seen of its logins: unheard, signed, unsigned, or both within a day."""
        if self.unsigned_at is None:
            return "signed" if self.signed_at else "unheard"
        if self.signed_at is None or self.signed_at + timedelta(days=1) < self.unsigned_at:
            return "unsigned"
        return "signed" if self.signed_at > self.unsigned_at + timedelta(days=1) else "both"

    def keep_api_password(self, text: str) -> None:
        self.api_password = secrets.lock(text, f"nas-api:{self.tenant_id}")

    def plain_api_password(self) -> str:
        return secrets.unlock(self.api_password, f"nas-api:{self.tenant_id}") if self.api_password else ""

    @property
    def has_api(self) -> bool:
        return self.kind == self.Kind.MIKROTIK and bool(self.api_username and self.api_password)

    def keep_tunnel_key(self, text: str) -> None:
        self.tunnel_key = secrets.lock(text, f"nas-tunnel:{self.tenant_id}")
        self.tunnel_public = tunnel.public_key(text)

    def keep_secret(self, text: str) -> None:
        self.secret = secrets.lock(text, f"nas:{self.tenant_id}")
        self.radius_secret = secrets.box(text, f"nas:{self.tenant_id}:{self.src_ip}")

    def plain_secret(self) -> str:
        return secrets.unlock(self.secret, f"nas:{self.tenant_id}")


class RouterProbe(TenantModel):
    """Whether a router is there, and what it says of itself: asked every minute. Written by the jobs alone."""

    nas = TenantOneToOneField(Nas, on_delete=models.CASCADE, primary_key=True, related_name="probe")
    id = None  # type: ignore[assignment]
    asked_at = models.DateTimeField(null=True)  # by hand; what is older than this is not the answer to it
    probed_at = models.DateTimeField(_("last probe"), null=True)
    answered_at = models.DateTimeField(_("last answer"), null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    up = models.BooleanField(_("reached"), null=True)  # not known until it answered once
    since = models.DateTimeField(_("since"), null=True)
    millis = models.PositiveIntegerField(_("answers within"), null=True)
    problem = models.CharField(_("problem"), max_length=200, blank=True, default="")
    denied = models.PositiveIntegerField(default=0)  # in a row
    commands = models.CharField(_("answer to a command"), max_length=120, blank=True, default="")
    cpu = models.PositiveSmallIntegerField(_("processor"), null=True)
    memory = models.PositiveSmallIntegerField(_("memory in use"), null=True)
    uptime_seconds = models.BigIntegerField(_("running for"), null=True)
    version = models.CharField(_("version"), max_length=40, blank=True, default="")
    board = models.CharField(_("board"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("probe of a router")

    def __str__(self) -> str:
        return str(self.nas)

    @property
    def is_waiting(self) -> bool:
        """Somebody wants to know, and the job has not answered yet."""
        return self.asked_at is not None and (self.probed_at is None or self.probed_at < self.asked_at)


class RouterEvent(TenantModel):
    """Something that happened to a router, as we saw it from here."""

    class Kind(models.TextChoices):
        DOWN = "down", _("Not reached")
        UP = "up", _("Reached again")
        DENIED = "denied", _("Refuses our API password")
        CERTIFICATE = "certificate", _("Shows another certificate")

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"))
    kind = models.CharField(_("what"), max_length=12, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    note = models.CharField(_("note"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("router event")
        verbose_name_plural = _("router events")
        indexes = [models.Index(fields=["tenant", "nas", "-id"], name="router_event_of_nas")]
        constraints = [
            models.CheckConstraint(
                name="router_event_kind_known", condition=Q(kind__in=["down", "up", "denied", "certificate"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.nas} {self.kind}"


class RouterReading(TenantModel):
    """What a router itself says of its sessions, the last time it was asked over its API."""

    nas = TenantOneToOneField(Nas, on_delete=models.CASCADE, primary_key=True, related_name="reading")
    id = None  # type: ignore[assignment]
    read_at = models.DateTimeField(_("read"))
    good_at = models.DateTimeField(_("last read with success"), null=True)
    problem = models.CharField(_("problem"), max_length=200, blank=True, default="")
    active = models.PositiveIntegerField(_("sessions on the router"), default=0)
    unreported = models.JSONField(_("sessions that were not reported"), default=list)  # [{name, mac, ip, uptime}]
    ghosts = models.PositiveIntegerField(_("sessions that were over"), default=0)

    class Meta:
        verbose_name = _("reading of a router")

    def __str__(self) -> str:
        return f"{self.nas} {self.read_at:%Y-%m-%d %H:%M}"


class PoolAtNas(TenantModel):
    """A pool that a router has. One pool may be at several of them, as a pair that stands in for each other has it."""

    nas = TenantForeignKey(
        Nas, on_delete=models.CASCADE, related_name="pools", verbose_name=_("router"), db_index=False
    )
    pool = TenantForeignKey(Pool, on_delete=models.CASCADE, related_name="routers", verbose_name=_("address pool"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "nas", "pool"], name="pool_at_nas_once")]

    def __str__(self) -> str:
        return f"{self.pool} @ {self.nas}"
