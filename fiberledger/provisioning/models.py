from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.access.accepting import Acceptable, AcceptableQuerySet
from fiberledger.access.models import AccessAccount, Nas, OfAccount
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantOneToOneField


class OnRouter(TenantModel):
    """A router that we keep things on: what, by which way, and how it went the last time."""

    UNITS = {"port": None, "most_queues": None}

    class Mode(models.TextChoices):
        FIXED = "fixed", _("Logins by RADIUS; fixed addresses shaped on the router")
        EVERYTHING = "everything", _("All lines on the router itself, without RADIUS")
        NOTHING = "nothing", _("Nothing: what is left of ours is removed")
        OFF = "off", _("We leave it alone")

    class Driver(models.TextChoices):
        API = "mikrotik", _("MikroTik API (RouterOS 6 and 7)")
        REST = "mikrotik-rest", _("MikroTik REST (RouterOS 7)")

    nas = TenantOneToOneField(
        Nas, on_delete=models.CASCADE, primary_key=True, related_name="kept", verbose_name=_("router")
    )
    id = None  # type: ignore[assignment]
    mode = models.CharField(_("what we keep on it"), max_length=12, choices=Mode.choices, default=Mode.FIXED)
    driver = models.CharField(_("by"), max_length=20, choices=Driver.choices, default=Driver.API)
    port = models.PositiveIntegerField(
        _("REST port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("Empty: 443 with TLS, else 80. The API's port is the router's own setting."),
    )  # fmt: skip
    unbound_too = models.BooleanField(
        _("lines bound to no router too"), default=False,
        help_text=_("Otherwise only lines whose account names this router."),
    )  # fmt: skip
    most_queues = models.PositiveIntegerField(
        _("queues it can carry"), default=1000, validators=[MinValueValidator(10), MaxValueValidator(100_000)],
        help_text=_("You are warned before there are more. Small boards slow down at a few hundred."),
    )  # fmt: skip
    busy_until = models.DateTimeField(null=True, editable=False)  # somebody works on it
    next_at = models.DateTimeField(default=calendar.now, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    asked_at = models.DateTimeField(_("last asked"), null=True, editable=False)
    good_at = models.DateTimeField(_("last read with success"), null=True, editable=False)
    silent_since = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(_("problem"), max_length=200, blank=True, default="", editable=False)
    lines = models.PositiveIntegerField(_("lines"), default=0, editable=False)
    right = models.PositiveIntegerField(_("lines as they should be"), default=0, editable=False)
    queues = models.PositiveIntegerField(_("queues"), default=0, editable=False)

    class QuerySet(ScopedQuerySet):
        branch_lookup = "nas__branch"

        def due(self):
            """Those whose turn it is and whom nobody works on."""
            now = calendar.now()
            free = Q(busy_until=None) | Q(busy_until__lte=now)
            return self.filter(free, next_at__lte=now, nas__active=True).exclude(mode="off")

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("lines on a router")
        constraints = [
            models.CheckConstraint(
                name="on_router_mode_known", condition=Q(mode__in=["fixed", "everything", "nothing", "off"])
            ),
        ]

    def __str__(self) -> str:
        return str(self.nas)


def _account(**more: Any) -> models.ForeignKey:
    return models.ForeignKey(
        AccessAccount, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("account"), **more,
    )  # fmt: skip


class Difference(Acceptable, TenantModel):
    """Something on a router that is not as it should be, as long as it is so: since when, and what is done about it."""

    class What(models.TextChoices):
        MISSING = "missing", _("Not there")
        OTHER = "other", _("Otherwise")
        EXTRA = "extra", _("Should not be there")
        TAKEN = "taken", _("Its name is somebody else's")
        IMPOSSIBLE = "impossible", _("Needs an address or a pool")

    class State(models.TextChoices):
        WANTED = "wanted", _("Wanted")
        SENT = "sent", _("Sent, not seen to work")
        REFUSED = "refused", _("Refused by the router")
        BLOCKED = "blocked", _("Needs a person")

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"), db_index=False)
    account = _account()
    name = models.CharField(_("name"), max_length=128)
    kind = models.CharField(_("kind"), max_length=20)
    tag = models.CharField(max_length=80)
    what = models.CharField(_("what is wrong"), max_length=12, choices=What.choices)
    has = models.CharField(_("is"), max_length=200, blank=True, default="")
    wants = models.CharField(_("should be"), max_length=200, blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WANTED)
    answer = models.CharField(_("answer"), max_length=200, blank=True, default="")
    since = models.DateTimeField(_("since"))
    taking_over = models.BooleanField(default=False)

    class QuerySet(OfAccount, AcceptableQuerySet):
        pass

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("difference on a router")
        verbose_name_plural = _("differences on routers")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "nas", "kind", "tag"], name="difference_once"),
            models.CheckConstraint(
                name="difference_what_known",
                condition=Q(what__in=["missing", "other", "extra", "taken", "impossible"]),
            ),
            models.CheckConstraint(
                name="difference_state_known", condition=Q(state__in=["wanted", "sent", "refused", "blocked"])
            ),
        ]
        indexes = [models.Index(fields=["tenant", "since", "id"], name="difference_by_age")]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_what_display()}"


class RouterStep(TenantModel):
    """One thing that we did on a router, and whether it was seen to work."""

    class Verb(models.TextChoices):
        ADD = "add", _("Added")
        CHANGE = "change", _("Changed")
        REMOVE = "remove", _("Removed")

    class State(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        SENT = "sent", _("Sent, not seen to work")
        REFUSED = "refused", _("Refused by the router")

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"), db_index=False)
    account = _account()
    name = models.CharField(_("name"), max_length=128)
    kind = models.CharField(_("kind"), max_length=20)
    verb = models.CharField(_("what"), max_length=8, choices=Verb.choices)
    detail = models.CharField(_("how"), max_length=300, blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    answer = models.CharField(_("answer"), max_length=200, blank=True, default="")
    done_at = models.DateTimeField(_("when"), default=calendar.now)

    objects = TenantManager.from_queryset(OfAccount)()

    class Meta:
        verbose_name = _("step on a router")
        verbose_name_plural = _("steps on routers")
        constraints = [
            models.CheckConstraint(name="router_step_verb", condition=Q(verb__in=["add", "change", "remove"])),
            models.CheckConstraint(name="router_step_state", condition=Q(state__in=["confirmed", "sent", "refused"])),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="router_step_newest"),
            models.Index(fields=["tenant", "nas", "-id"], name="router_step_of_nas"),
            models.Index(fields=["tenant", "account", "-id"], name="router_step_of_line"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.name}"


class LineOnRouter(TenantModel):
    """A line on a router: what is wanted, and what was last read back as being so."""

    account = models.ForeignKey(
        AccessAccount, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("account"),
    )  # fmt: skip
    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"))
    wanted = models.CharField(max_length=16)
    wanted_at = models.DateTimeField(_("wanted since"))
    confirmed = models.CharField(max_length=16, blank=True, default="")
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)

    class Meta:
        verbose_name = _("line on a router")
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="line_on_router_once")]

    def __str__(self) -> str:
        return str(self.account_id)

    @property
    def is_confirmed(self) -> bool:
        return bool(self.confirmed) and self.confirmed == self.wanted


class ConfigCopy(TenantModel):
    """A router's whole configuration as text, as it was at one time. The same text again is only seen again."""

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"), db_index=False)
    text = models.BinaryField(editable=False)  # compressed, then locked
    digest = models.CharField(max_length=64)
    lines = models.PositiveIntegerField(_("lines"))
    why = models.CharField(_("why"), max_length=120)
    taken_at = models.DateTimeField(_("taken"), default=calendar.now)
    seen_at = models.DateTimeField(_("last seen so"), default=calendar.now)

    class Meta:
        verbose_name = _("copy of a configuration")
        indexes = [models.Index(fields=["tenant", "nas", "-id"], name="config_copy_of_nas")]

    def __str__(self) -> str:
        return f"{self.nas} {self.taken_at:%Y-%m-%d %H:%M}"


class Change(TenantModel):
    """Something that alters a router beyond one line: shown before, undone by the router itself unless it was seen to work."""

    class Kind(models.TextChoices):
        RADIUS = "radius", _("RADIUS: ask us who may enter")
        WALL = "wall", _("The wall: suspended lines reach only your payment page")
        API = "api", _("Hardening: the API from here only, telnet and FTP off")

    class State(models.TextChoices):
        READING = "reading", _("Being read")
        READY = "ready", _("To be approved")
        APPLYING = "applying", _("Being applied")
        CONFIRMED = "confirmed", _("Confirmed")
        RETURNING = "returning", _("Returning to what it was")
        RETURNED = "returned", _("Returned to what it was")
        FAILED = "failed", _("Failed, nothing changed")

    nas = TenantForeignKey(Nas, on_delete=models.CASCADE, related_name="+", verbose_name=_("router"), db_index=False)
    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.READING)
    server = models.CharField(max_length=64)  # the address by which routers reach us
    shown = models.JSONField(_("differences"), default=list)  # [[where, which, field, is, shall be]], without secrets
    problem = models.CharField(_("problem"), max_length=200, blank=True, default="")
    asked_at = models.DateTimeField(_("asked"), default=calendar.now)
    asked_by = models.CharField(_("by"), max_length=120)
    approved_by = models.CharField(_("approved by"), max_length=120, blank=True, default="")
    armed_until = models.DateTimeField(_("the router returns by itself at"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    before = TenantForeignKey(
        ConfigCopy, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("configuration before")
    )

    class QuerySet(ScopedQuerySet):
        branch_lookup = "nas__branch"

    objects = TenantManager.from_queryset(QuerySet)()

    class Meta:
        verbose_name = _("change of a router")
        verbose_name_plural = _("changes of routers")
        constraints = [
            models.CheckConstraint(name="change_kind_known", condition=Q(kind__in=["radius", "wall", "api"])),
            models.CheckConstraint(
                name="change_state_known",
                condition=Q(state__in=["reading", "ready", "applying", "confirmed", "returning", "returned", "failed"]),
            ),
            models.UniqueConstraint(
                fields=["tenant", "nas"], name="change_one_at_a_time", condition=Q(state__in=["applying", "returning"])
            ),
        ]
        indexes = [models.Index(fields=["tenant", "nas", "-id"], name="change_of_nas")]

    def __str__(self) -> str:
        return self.get_kind_display()
