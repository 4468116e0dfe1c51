"""Who may be on the network, on which terms, and what FreeRADIUS reads of that."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Deferrable, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.catalog.models import Plan
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
)

from .. import secrets
from ..rules import USERNAME, items_for
from .fields import is_mac, is_name_on_router, is_prefix6, is_realm, is_username
from .routers import Nas


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


class EditedPlan(TenantModel):
    """A plan whose speed or pool was edited and whose lines wait to be written anew. Filled by a trigger on the plan."""

    plan_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "plan_id"], name="edited_plan_once")]

    def __str__(self) -> str:
        return str(self.plan_id)
