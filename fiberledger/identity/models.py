from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import current_tenant
from fiberledger.tenancy.models import Tenant, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet

from . import devices, roles


class UserManager(BaseUserManager["User"]):
    def by_email(self, email: str) -> User | None:
        return self.filter(email=tidy_email(email)).first()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=tidy_email(username or ""))


def tidy_email(email: str) -> str:
    return email.strip().lower()


class User(AbstractBaseUser):
    """One person, one login, whatever number of tenants they work for. What they may is their memberships' business."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("Like the device")
        DARK = "dark", _("Dark")
        LIGHT = "light", _("Light")

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=calendar.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_email_is_lower_case", condition=models.Q(email=Lower("email")) & ~models.Q(email="")
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class Login(models.Model):
    """One signed-in browser, or one on its way in. Kept by the digest of its cookie: the table opens no door."""

    key = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="logins")
    data = models.TextField()
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.user} {self.ip}"

    @property
    def device(self) -> str:
        return devices.name(self.agent)

    @property
    def handle(self) -> str:
        """Names the login on its owner's page; useless for anything else."""
        return bytes(self.key).hex()[:32]


class LoginAttempt(models.Model):
    """One try at the door, and what came of it: the login history."""

    class Outcome(models.TextChoices):
        IN = "in", _("Signed in")
        OUT = "out", _("Signed out")
        WRONG = "wrong", _("Wrong password")
        REFUSED = "refused", _("No access")
        LOCKED = "locked", _("Locked")
        RESET = "reset", _("Password reset")

    email = models.CharField(max_length=254)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    at_tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(default=calendar.now)
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="login_attempt_of_user"),
            models.Index(fields=["ip", "-id"], name="login_attempt_from"),
        ]
        constraints = [
            models.CheckConstraint(
                name="login_outcome_known",
                condition=models.Q(outcome__in=["in", "out", "wrong", "refused", "locked", "reset"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} {self.outcome}"

    @property
    def device(self) -> str:
        return devices.name(self.agent)


class Throttle(models.Model):
    """How often something was tried lately, by whom or from where (as a digest). Shared by all processes."""

    kind = models.CharField(max_length=20)
    key = models.BinaryField(max_length=32)
    hits = models.IntegerField(default=1)
    window_ends_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="throttle_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.hits}"


class PasswordReset(models.Model):
    """One asked-for way back in. The letter's secret is made when the letter is sent, and only its digest is kept."""

    email = models.CharField(max_length=254)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    at_tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    ip = models.GenericIPAddressField(null=True)
    requested_at = models.DateTimeField(default=calendar.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="password_reset_of_user")]

    def __str__(self) -> str:
        return self.email


class RoleQuerySet(TenantQuerySet):
    def active(self) -> RoleQuerySet:
        return self.filter(is_active=True)

    def with_members(self) -> RoleQuerySet:
        """Each with how many active members hold it, as `members`."""
        active = models.Q(member_links__membership__status="active")
        return self.annotate(members=models.Count("member_links", filter=active))


class Role(TenantModel):
    """A set of permissions with a name. Until somebody edits it, it follows its template, and new rooms reach it."""

    name = models.CharField(_("name"), max_length=60)
    description = models.CharField(_("description"), max_length=200, blank=True)
    template = models.CharField(max_length=30, blank=True, editable=False)
    permissions = ArrayField(models.CharField(max_length=80), null=True, blank=True)
    is_active = models.BooleanField(_("in use"), default=True)

    objects = TenantManager.from_queryset(RoleQuerySet)()

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "tenant", Lower("name"), name="role_name_once", violation_error_message=_("Another role has this name.")
            ),
            models.UniqueConstraint(
                fields=["tenant", "template"], condition=~models.Q(template=""), name="role_template_once"
            ),
            models.CheckConstraint(
                name="role_owner_holds_everything",
                condition=~models.Q(template="owner") | models.Q(permissions__isnull=True, is_active=True),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """A name nobody changed is shown in the reader's language."""
        template = roles.TEMPLATES.get(self.template)
        return str(template.label) if template and self.name == template.name else self.name

    @property
    def is_owner(self) -> bool:
        return self.template == roles.OWNER

    @property
    def follows_template(self) -> bool:
        return self.permissions is None

    def granted(self, kind: str | None = None) -> frozenset[str]:
        """What it permits in a tenant of that kind (the current one's)."""
        return roles.granted(kind or current_tenant().kind, self.template, self.permissions)


class MembershipQuerySet(TenantQuerySet):
    def active(self) -> MembershipQuerySet:
        return self.filter(status=Membership.Status.ACTIVE)

    def within(self, actor: Any) -> MembershipQuerySet:
        """The actor and, of the others, those who reach nothing beyond what the actor reaches: of the same branches,
        areas or resellers, or seeing only whom they were given."""
        if not actor.is_limited:
            return self
        found = models.Q(pk=actor.membership_id)
        if not actor.only_assigned:
            found |= models.Q(scope=Membership.Scope.ASSIGNED)
        for scope, link, column, mine in (
            (Membership.Scope.BRANCHES, MembershipBranch, "branch", actor.branch_ids),
            (Membership.Scope.AREAS, MembershipArea, "area", actor.area_ids),
            (Membership.Scope.RESELLERS, MembershipReseller, "name", actor.reseller_names),
        ):
            if mine is not None:
                beyond = link.objects.exclude(**{f"{column}__in": sorted(mine)}).values("membership")
                found |= models.Q(scope=scope) & ~models.Q(pk__in=beyond)
        return self.filter(found)

    def with_roles(self) -> MembershipQuerySet:
        return self.select_related("user").prefetch_related("role_links__role")


class Membership(TenantModel):
    """A person's place in a tenant: with which roles, over which part of it."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        DISABLED = "disabled", _("Disabled")

    class Scope(models.TextChoices):
        ALL = "all", _("Everything")
        BRANCHES = "branches", _("Some branches")
        AREAS = "areas", _("Some areas and all within")
        RESELLERS = "resellers", _("Some resellers' subscribers")
        ASSIGNED = "assigned", _("Only subscribers assigned to them")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    scope = models.CharField(_("reaches"), max_length=10, choices=Scope.choices, default=Scope.ALL)
    allowed_networks = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    joined_at = models.DateTimeField(default=calendar.now)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(MembershipQuerySet)()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once"),
            models.CheckConstraint(
                name="membership_status_known", condition=models.Q(status__in=["active", "disabled"])
            ),
            models.CheckConstraint(
                name="membership_scope_known",
                condition=models.Q(scope__in=["all", "branches", "areas", "resellers", "assigned"]),
            ),
        ]
        indexes = [models.Index(fields=["user"], name="membership_of_user")]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def name(self) -> str:
        return str(self.user)

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def roles(self) -> list[Role]:
        return [link.role for link in self.role_links.all()]

    @property
    def is_owner(self) -> bool:
        return any(role.is_owner for role in self.roles)


class MembershipRole(TenantModel):
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="role_links")
    role = TenantForeignKey(Role, on_delete=models.PROTECT, related_name="member_links")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "membership", "role"], name="membership_role_once")]

    def __str__(self) -> str:
        return str(self.role)


class MembershipBranch(TenantModel):
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="branch_links")
    branch = TenantForeignKey(Branch, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "membership", "branch"], name="membership_branch_once")
        ]

    def __str__(self) -> str:
        return str(self.branch)


class MembershipArea(TenantModel):
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="area_links")
    area = TenantForeignKey(Area, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "membership", "area"], name="membership_area_once")]

    def __str__(self) -> str:
        return str(self.area)


class MembershipReseller(TenantModel):
    """A reseller whose subscribers the member reaches; by name for as long as a reseller is a name on a subscriber."""

    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="reseller_links")
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "membership", "name"], name="membership_reseller_once")
        ]

    def __str__(self) -> str:
        return self.name


class InvitationQuerySet(TenantQuerySet):
    def open(self) -> InvitationQuerySet:
        return self.filter(accepted_at=None, withdrawn_at=None)


class Invitation(TenantModel):
    """A letter that lets its reader join with these roles. Its secret is made when it is sent; we keep the digest."""

    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(max_length=10, blank=True)
    grant = models.JSONField(default=dict)  # roles, scope, branches, areas, resellers, as Grant.as_json
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    invited_by_name = models.CharField(max_length=200)
    digest = models.BinaryField(max_length=32, null=True)
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=calendar.now)

    objects = TenantManager.from_queryset(InvitationQuerySet)()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="invitation_once",
                violation_error_message=_("This address has an open invitation already."),
            )
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None

    @property
    def is_expired(self) -> bool:
        return self.is_open and self.expires_at <= calendar.now()
