from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Count, Deferrable, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Lower
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.catalog.models import Plan
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.ipam.models import Pool
from fiberledger.places.models import Area, Branch
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
    TenantQuerySet,
)

from . import secrets, tunnel
from .accepting import Acceptable, AcceptableQuerySet
from .rules import OF_BINDING, USERNAME, items_for, normal_mac, normal_prefix6

is_username = RegexValidator(
    re.compile(USERNAME), _("Use letters, digits and signs, up to 64 of them, without spaces.")
)
# Goes into a RADIUS attribute as it is.
is_name_on_router = RegexValidator(r"^[A-Za-z0-9._:/-]{0,64}$", _("Use letters, digits and . - _ : / only."))
is_rate = RegexValidator(
    r"^(|\d+[kKMG]?/\d+[kKMG]?( \d+[kKMG]?/\d+[kKMG]?){0,2}( \d+/\d+)?)$",
    _("Write upload/download, e.g. 512k/1M."),
)


is_realm = RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", _("A realm looks like home.example, in small letters."))


def is_mac(value: str) -> None:
    if not normal_mac(value):
        raise ValidationError(_("This is not a MAC address; write it as AA:BB:CC:DD:EE:FF."))


def is_prefix6(value: str) -> None:
    if not normal_prefix6(value):
        raise ValidationError(
            _("This is no IPv6 prefix; write it as 2001:db8:12::/56, with nothing beyond the length in it.")
        )


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


class AccessAccount(TenantModel):
    """A subscription's identity on the network: a login, a device address, or a fixed address."""

    class Kind(models.TextChoices):
        PPPOE = "pppoe", _("PPPoE login")
        VPN = "vpn", _("VPN login (L2TP, PPTP, SSTP, OpenVPN)")
        HOTSPOT = "hotspot", _("Hotspot login")
        MAC = "mac", _("Device (DHCP, MAC address)")
        STATIC = "static", _("Fixed address, no login")

    subscription = TenantOneToOneField(
        Subscription, on_delete=models.PROTECT, related_name="access_account", verbose_name=_("subscription")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.PPPOE)
    username = models.CharField(_("username"), max_length=64, validators=[is_username])
    password = models.BinaryField(null=True, editable=False)
    static_ip = models.GenericIPAddressField(_("fixed address"), protocol="IPv4", null=True, blank=True)
    pool = models.CharField(
        _("address pool"), max_length=64, blank=True, default="", validators=[is_name_on_router],
        help_text=_("Empty: the plan's."),
    )  # fmt: skip
    prefix6 = models.CharField(
        _("IPv6 prefix"), max_length=49, blank=True, default="", db_default="", validators=[is_prefix6],
        help_text=_("Of the link itself (Framed-IPv6-Prefix), usually a /64. Empty: the router chooses."),
    )  # fmt: skip
    delegated6 = models.CharField(
        _("delegated IPv6 prefix"), max_length=49, blank=True, default="", db_default="", validators=[is_prefix6],
        help_text=_("For the subscriber's own network (Delegated-IPv6-Prefix), usually a /56."),
    )  # fmt: skip
    pool6 = models.CharField(
        _("IPv6 pool"), max_length=64, blank=True, default="", db_default="", validators=[is_name_on_router],
        help_text=_("A pool on the router, where no prefix is fixed."),
    )  # fmt: skip
    vlan = models.PositiveSmallIntegerField(
        _("VLAN"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4094)],
        help_text=_("Told to switches, access points and routers that put the line into it."),
    )  # fmt: skip
    only_mac = models.CharField(
        _("only this device"), max_length=17, blank=True, default="", validators=[is_mac],
        help_text=_("MAC address; empty: any device"),
    )  # fmt: skip
    only_nas = TenantForeignKey(
        Nas, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("only at this router")
    )
    learn_mac = models.BooleanField(
        _("learn the device"), default=False, db_default=False,
        help_text=_("The first device that comes online is remembered, and no other gets in."),
    )  # fmt: skip
    learn_port = models.BooleanField(
        _("learn the port"), default=False, db_default=False,
        help_text=_("Likewise the port it comes in at: option 82 of the DSLAM or OLT, else the router's port."),
    )  # fmt: skip
    only_port = models.CharField(_("only at this port"), max_length=128, blank=True, default="", db_default="")
    known_port = models.CharField(max_length=128, blank=True, default="", db_default="", editable=False)
    known_nas_id = models.BigIntegerField(null=True, editable=False)
    devices = models.PositiveSmallIntegerField(
        _("devices at once"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Empty: as many as the router allows."),
    )  # fmt: skip
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    class QuerySet(ScopedQuerySet):
        branch_lookup = "subscription__subscriber__branch"
        area_lookup = "subscription__subscriber__area"
        reseller_lookup = "subscription__subscriber__reseller_name"
        collector_lookup = "subscription__subscriber__collector"

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("access account")
        verbose_name_plural = _("access accounts")
        constraints = [
            models.UniqueConstraint(
                "tenant", Lower("username"), name="account_username_once",
                violation_error_message=_("Another account has this username."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "static_ip"], name="account_static_ip_once", condition=Q(static_ip__isnull=False),
                violation_error_message=_("Another account has this address."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "prefix6"], name="account_prefix6_once", condition=~Q(prefix6=""),
                violation_error_message=_("Another account has this IPv6 prefix."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "delegated6"], name="account_delegated6_once", condition=~Q(delegated6=""),
                violation_error_message=_("Another account has this delegated prefix."),
            ),
            models.CheckConstraint(
                name="account_kind_known", condition=Q(kind__in=["pppoe", "vpn", "hotspot", "mac", "static"])
            ),
            models.CheckConstraint(name="account_username_allowed", condition=Q(username__regex=USERNAME)),
            models.CheckConstraint(
                name="account_has_password", condition=Q(kind__in=["mac", "static"]) | Q(password__isnull=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.username

    @property
    def waits_for(self) -> str:
        """What is to be learned from the next session: device, port, both or nothing."""
        device, port = self.learn_mac and not self.only_mac, self.learn_port and not self.only_port
        return "both" if device and port else "device" if device else "port" if port else ""

    def keep_password(self, text: str) -> None:
        self.password = secrets.lock(text, f"account:{self.tenant_id}")

    def plain_password(self) -> str:
        return secrets.unlock(self.password, f"account:{self.tenant_id}") if self.password else ""

    @property
    def fixed(self) -> list[str]:
        """The addresses and prefixes that are this line's alone."""
        return [one for one in (self.static_ip, self.prefix6, self.delegated6) if one]


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


class Allowance(TenantModel):
    """What usage says of an account for now: other speeds than its plan's, or none at all. No row: the plan's own."""

    id = None  # type: ignore[assignment]
    account = TenantOneToOneField(AccessAccount, on_delete=models.CASCADE, primary_key=True, related_name="allowance")
    stop = models.BooleanField(default=False)
    download_kbps = models.PositiveIntegerField(null=True)
    upload_kbps = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.account)


class RadiusLine(TenantModel):
    """What FreeRADIUS reads for one account: a projection, rebuilt from subscription, plan and account at any time."""

    id = None  # type: ignore[assignment]
    account = TenantOneToOneField(AccessAccount, on_delete=models.CASCADE, primary_key=True, related_name="radius_line")
    username = models.CharField(max_length=64)
    verdict = models.CharField(max_length=8)  # accept, walled, refuse
    message = models.CharField(max_length=120)
    ends_at = models.DateTimeField(null=True)
    cut_at = models.DateTimeField(null=True)  # for debt: the subscription's, kept equal by a trigger
    secret = models.BinaryField(null=True)
    only_mac = models.CharField(max_length=17, null=True)
    only_port = models.CharField(max_length=128, null=True)
    only_nas_id = models.BigIntegerField(null=True)
    devices = models.PositiveSmallIntegerField(null=True)
    by_mac = models.BooleanField()
    kind = models.CharField(max_length=10, null=True)  # the account's, for tenants who sell each kind for itself
    attributes = ArrayField(models.TextField())
    values = ArrayField(models.TextField(), db_column="values_")
    kinds = ArrayField(models.TextField(), null=True)  # of routers: rules.Access.kinds
    terms = models.CharField(max_length=16)  # what a session was granted; a session with others wants a command

    class Meta:
        db_table = "radius_line"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "username"], name="radius_line_username", deferrable=Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                name="radius_line_verdict_known", condition=Q(verdict__in=["accept", "walled", "refuse"])
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def items_for(self, kind: str) -> list[tuple[str, str]]:
        """What a router of this kind is answered."""
        return items_for(kind, self.attributes, self.values, self.kinds or [""] * len(self.attributes))


class RadiusAttribute(TenantModel):
    """An attribute that the tenant adds to what its lines are answered: in the router's own words, by its FreeRADIUS name."""

    name = models.CharField(
        _("attribute"), max_length=80,
        help_text=_("As FreeRADIUS' dictionary writes it, e.g. Cisco-AVPair. A tag follows a colon: ERX-Service-Activate:1."),
    )  # fmt: skip
    value = models.CharField(
        _("value"), max_length=240,
        help_text=_("Words in braces are the line's own: {username}, {profile}, {pool}, {vlan}, {up_kbps}, {down_kbps}, {up_bps}, {down_bps}."),
    )  # fmt: skip
    kind = models.CharField(
        _("for routers of kind"), max_length=10, choices=Nas.Kind.choices, blank=True, default="",
        help_text=_("Empty: all."),
    )  # fmt: skip
    plan = TenantForeignKey(
        Plan, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("only for the plan"),
    )  # fmt: skip
    active = models.BooleanField(_("in use"), default=True)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    class Meta:
        verbose_name = _("RADIUS attribute")
        verbose_name_plural = _("RADIUS attributes")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name", "value", "kind", "plan"], name="radius_attribute_once", nulls_distinct=False,
                violation_error_message=_("This attribute is there already."),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class BindingChange(TenantModel):
    """A line was bound to a device or port, or to another than before: by itself or by hand."""

    class How(models.TextChoices):
        LEARNED = "learned", _("Learned from the first session")
        MOVED = "moved", _("Moved by itself")
        BY_HAND = "by_hand", _("By hand")

    account = TenantForeignKey(AccessAccount, on_delete=models.CASCADE, related_name="bindings", db_index=False)
    nas = TenantForeignKey(
        Nas, on_delete=models.CASCADE, null=True, related_name="+", db_index=False, verbose_name=_("router")
    )
    how = models.CharField(_("how"), max_length=8, choices=How.choices)
    old_mac = models.CharField(_("device before"), max_length=17, blank=True)
    new_mac = models.CharField(_("device"), max_length=17, blank=True)
    old_port = models.CharField(_("port before"), max_length=128, blank=True)
    new_port = models.CharField(_("port"), max_length=128, blank=True)
    at = models.DateTimeField(_("when"))
    actor_name = models.CharField(_("by"), max_length=120)
    noted = models.BooleanField(default=True)  # in the audit log; what RADIUS did is put there by a job

    class Meta:
        verbose_name = _("binding")
        verbose_name_plural = _("bindings")
        constraints = [
            models.CheckConstraint(name="binding_how_known", condition=Q(how__in=["learned", "moved", "by_hand"]))
        ]
        indexes = [
            models.Index(fields=["tenant", "account", "-id"], name="binding_of_account"),
            models.Index(fields=["tenant"], name="binding_to_note", condition=Q(noted=False)),
        ]

    def __str__(self) -> str:
        return f"{self.new_mac} {self.new_port}".strip()


class AccessPolicy(TenantModel):
    """The tenant's rules for logins (one row a tenant). What a login needs of them stands on each router's row too."""

    UNITS = {
        "rebind_days": _("days"), "guess_limit": _("tries"), "guess_minutes": _("minutes"), "block_minutes": _("minutes"),
    }  # fmt: skip

    learn_new = models.BooleanField(
        _("new logins learn their device"), default=False,
        help_text=_("A PPPoE login that is opened is bound to the first device that comes online with it."),
    )  # fmt: skip
    rebind_days = models.PositiveSmallIntegerField(
        _("moves by itself after"), null=True, blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_(
            "A line that learned its device takes a new one when the old was not online for so many days and the new one "
            "comes in at the same port. Empty: never, somebody binds it anew by hand."
        ),
    )  # fmt: skip

    guess_limit = models.PositiveSmallIntegerField(
        _("guessing begins at"), null=True, blank=True, default=20,
        validators=[MinValueValidator(3), MaxValueValidator(1000)],
        help_text=_("wrong passwords for one username or from one device. Empty: nobody watches."),
    )  # fmt: skip
    guess_minutes = models.PositiveSmallIntegerField(
        _("within"), default=10, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    block_minutes = models.PositiveSmallIntegerField(
        _("shut out for"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("Empty: the engineer is told, and nobody is shut out. A line's own bound device always gets in."),
    )  # fmt: skip

    realms = ArrayField(
        models.CharField(max_length=64, validators=[is_realm]), null=True, blank=True, verbose_name=_("realms that are taken off"),
        help_text=_(
            "With commas between. asha@home.example logs in as asha if home.example stands here; another realm is part of the username."
        ),
    )  # fmt: skip
    by_kind = models.BooleanField(
        _("each login only for its kind of connection"), default=False,
        help_text=_("A PPPoE login does not open the hotspot or a VPN, and the other way round."),
    )  # fmt: skip

    ON_ROUTERS = ("rebind_days", "realms", "by_kind")

    class Meta:
        verbose_name = _("login rules")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="access_policy_once")]

    def __str__(self) -> str:
        return str(_("Login rules"))


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
            from .online import with_additions

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


class EditedPlan(TenantModel):
    """A plan whose speed or pool was edited and whose lines wait to be written anew. Filled by a trigger on the plan."""

    plan_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "plan_id"], name="edited_plan_once")]

    def __str__(self) -> str:
        return str(self.plan_id)


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
