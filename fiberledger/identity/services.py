"""The verbs of identity. Nobody grants what they do not hold, and the last owner stays (PostgreSQL sees to that too)."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id, tenant_scope

from . import permissions, roles, throttle
from .actor import Actor
from .models import (
    Invitation,
    Login,
    LoginAttempt,
    Membership,
    MembershipArea,
    MembershipBranch,
    MembershipReseller,
    MembershipRole,
    PasswordReset,
    Role,
    User,
    tidy_email,
)
from .tenants import places_of

INVITATION_LASTS = timedelta(days=7)
RESET_LASTS = timedelta(hours=1)

# The tenant_id of a job that belongs to the installation.
INSTALLATION = -1


def provision() -> None:
    """Give the tenant a role for each template of its kind; what it has already, edited or not, stays."""
    kind = current_tenant().kind
    have = set(Role.objects.exclude(template="").values_list("template", flat=True))
    taken = {name.lower() for name in Role.objects.values_list("name", flat=True)}
    Role.objects.bulk_create(
        Role(name=template.name, description="", template=template.code)
        for template in roles.for_kind(kind)
        if template.code not in have and template.name.lower() not in taken
    )


# -- what is granted ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grant:
    """Roles, and the part of the tenant they are held over."""

    role_ids: tuple[int, ...]
    scope: str = Membership.Scope.ALL
    branch_ids: tuple[int, ...] = ()
    area_ids: tuple[int, ...] = ()
    reseller_names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "role_ids": list(self.role_ids),
            "scope": self.scope,
            "branch_ids": list(self.branch_ids),
            "area_ids": list(self.area_ids),
            "reseller_names": list(self.reseller_names),
            "networks": list(self.networks),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Grant:
        return cls(**{key: value if key == "scope" else tuple(value) for key, value in kept.items()})  # type: ignore[arg-type]

    @classmethod
    def of(cls, membership: Membership) -> Grant:
        return cls(
            role_ids=tuple(sorted(membership.role_links.values_list("role_id", flat=True))),
            scope=membership.scope,
            branch_ids=tuple(sorted(membership.branch_links.values_list("branch_id", flat=True))),
            area_ids=tuple(sorted(membership.area_links.values_list("area_id", flat=True))),
            reseller_names=tuple(sorted(membership.reseller_links.values_list("name", flat=True))),
            networks=tuple(membership.allowed_networks),
        )

    def in_words(self) -> dict[str, Any]:
        """For the audit log."""
        return {
            "roles": sorted(str(role) for role in Role.objects.filter(pk__in=self.role_ids)),
            "reaches": self.scope,
            "branches": sorted(Branch.objects.filter(pk__in=self.branch_ids).values_list("name", flat=True)),
            "areas": sorted(Area.objects.filter(pk__in=self.area_ids).values_list("name", flat=True)),
            "resellers": sorted(self.reseller_names),
            "networks": list(self.networks),
        }


def _checked(grant: Grant, by: Actor) -> Grant:
    """The grant as it will be kept. Raises Refusal where it is not whole, or is more than the actor holds."""
    found = list(Role.objects.active().filter(pk__in=grant.role_ids))
    if not found or len(found) != len(set(grant.role_ids)):
        raise Refusal(_("Choose at least one role that is in use."))
    scope = Membership.Scope
    if grant.scope not in scope.values:
        raise Refusal(_("Choose what they reach."))
    for wanted, chosen, words in (
        (scope.BRANCHES, grant.branch_ids, _("Choose at least one branch.")),
        (scope.AREAS, grant.area_ids, _("Choose at least one area.")),
        (scope.RESELLERS, grant.reseller_names, _("Name at least one reseller.")),
    ):
        if grant.scope == wanted and not chosen:
            raise Refusal(words)
    for network in grant.networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise Refusal(_("“%s” is not a network address; write e.g. 203.0.113.0/24.") % network) from None
    grant = Grant(
        role_ids=tuple(sorted(role.pk for role in found)),
        scope=grant.scope,
        branch_ids=tuple(sorted(grant.branch_ids)) if grant.scope == scope.BRANCHES else (),
        area_ids=tuple(sorted(grant.area_ids)) if grant.scope == scope.AREAS else (),
        reseller_names=tuple(sorted(grant.reseller_names)) if grant.scope == scope.RESELLERS else (),
        networks=grant.networks,
    )
    if Branch.objects.filter(pk__in=grant.branch_ids).count() != len(grant.branch_ids):
        raise Refusal(_("One of these branches does not exist."))
    if Area.objects.filter(pk__in=grant.area_ids).count() != len(grant.area_ids):
        raise Refusal(_("One of these areas does not exist."))
    if by.kind != "system":
        if any(role.is_owner for role in found) and roles.OWNER not in by.roles:
            raise Refusal(_("Only an owner can make somebody an owner."))
        _refuse_beyond(frozenset().union(*(role.granted() for role in found)), by)
        if not _lies_within(grant, by):
            raise Refusal(_("You cannot let somebody reach more than you reach yourself."))
    return grant


def _refuse_beyond(codes: Iterable[str], by: Actor) -> None:
    beyond = sorted(code for code in codes if not by.may(code))
    if beyond:
        words = permissions.all()
        raise Refusal(
            _("You cannot grant what you do not hold yourself: %s.")
            % ", ".join(str(words.get(code, code)) for code in beyond[:5])
        )


def _lies_within(grant: Grant, by: Actor) -> bool:
    if not by.is_limited:
        return True
    if by.branch_ids is not None:
        return grant.scope == Membership.Scope.BRANCHES and set(grant.branch_ids) <= by.branch_ids
    if by.area_ids is not None:
        return grant.scope == Membership.Scope.AREAS and set(grant.area_ids) <= by.area_ids
    if by.reseller_names is not None:
        return grant.scope == Membership.Scope.RESELLERS and set(grant.reseller_names) <= by.reseller_names
    return False


def may_manage(membership: Membership, by: Actor) -> bool:
    """Does the actor hold everything this member holds, over everything they reach? Nobody changes who holds more."""
    if by.kind == "system":
        return True
    held = membership.roles
    if any(role.is_owner for role in held) and roles.OWNER not in by.roles:
        return False
    codes = frozenset().union(*(role.granted() for role in held)) if held else frozenset()
    return codes <= by.permissions and _lies_within(Grant.of(membership), by)


def _refuse_unless_manageable(membership: Membership, by: Actor) -> None:
    if not may_manage(membership, by):
        raise Refusal(_("%s holds more than you do; ask somebody who holds as much.") % membership)


# -- members --------------------------------------------------------------------------------------------------


@transaction.atomic
def invite(email: str, name: str, grant: Grant, *, language: str = "", by: Actor) -> Invitation:
    """Invite somebody to the current tenant by a letter with a link. The letter leaves from a job."""
    email = tidy_email(email)
    grant = _checked(grant, by)
    if Membership.objects.filter(user__email=email).exists():
        raise Refusal(_("%s is a member already.") % email)
    if Invitation.objects.open().filter(email=email).exists():
        raise Refusal(_("This address has an open invitation already."))
    invitation = Invitation.objects.create(
        email=email,
        name=name.strip(),
        language=language,
        grant=grant.as_json(),
        invited_by_id=by.user_id,
        invited_by_name=by.name,
        expires_at=calendar.now() + INVITATION_LASTS,
    )
    jobs.enqueue("identity.send_invitation", invitation_id=invitation.pk)
    audit.note(by, "member.invited", invitation, after=grant.in_words())
    return invitation


@transaction.atomic
def send_invitation_again(invitation: Invitation, *, by: Actor) -> None:
    """A new letter with a new link and a new week; the old link is dead."""
    if not invitation.is_open:
        raise Refusal(_("This invitation is not open any more."))
    Invitation.objects.filter(pk=invitation.pk).update(digest=None, expires_at=calendar.now() + INVITATION_LASTS)
    jobs.enqueue("identity.send_invitation", invitation_id=invitation.pk)
    audit.note(by, "member.invited", invitation, again=True)


@transaction.atomic
def withdraw_invitation(invitation: Invitation, *, by: Actor) -> None:
    """The link stops working. Nothing happens where it was taken up or withdrawn already."""
    if Invitation.objects.open().filter(pk=invitation.pk).update(withdrawn_at=calendar.now(), digest=None):
        audit.note(by, "member.invitation_withdrawn", invitation)


def new_secret() -> tuple[str, bytes]:
    """A secret for a letter, and the digest we keep of it."""
    secret = secrets.token_urlsafe(32)
    return secret, digest_of(secret)


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def find_invitation(secret: str) -> Invitation | None:
    """The open invitation to the current tenant that this link is for."""
    return Invitation.objects.open().filter(digest=digest_of(secret), expires_at__gt=calendar.now()).first()


@transaction.atomic
def accept_invitation(invitation: Invitation, user: User, *, ip: str | None = None) -> Membership:
    """The invited person joins. Raises Refusal where the link was used meanwhile."""
    if (
        not Invitation.objects.open()
        .filter(pk=invitation.pk, expires_at__gt=calendar.now())
        .update(accepted_at=calendar.now(), digest=None)
    ):
        raise Refusal(_("This invitation is not open any more."))
    if user.email != invitation.email:
        raise Refusal(_("This invitation is for another e-mail address."))
    membership = _join(user, Grant.from_json(invitation.grant))
    audit.note(Actor("staff", str(user), user_id=user.pk, ip=ip), "member.joined", membership)
    return membership


def _join(user: User, grant: Grant) -> Membership:
    membership, _created = Membership.objects.get_or_create(user=user)
    _apply(membership, grant)
    Membership.objects.filter(pk=membership.pk).update(status=Membership.Status.ACTIVE)
    return membership


def _apply(membership: Membership, grant: Grant) -> None:
    for model, key, wanted in (
        (MembershipRole, "role_id", grant.role_ids),
        (MembershipBranch, "branch_id", grant.branch_ids),
        (MembershipArea, "area_id", grant.area_ids),
        (MembershipReseller, "name", grant.reseller_names),
    ):
        links = model.objects.filter(membership=membership)
        have = set(links.values_list(key, flat=True))
        model.objects.bulk_create(model(membership=membership, **{key: value}) for value in wanted if value not in have)
        links.exclude(**{f"{key}__in": wanted}).delete()
    Membership.objects.filter(pk=membership.pk).update(scope=grant.scope, allowed_networks=list(grant.networks))


@transaction.atomic
def change_member(membership: Membership, grant: Grant, *, by: Actor) -> None:
    """Give a member other roles or another reach. It counts from their next click on."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    _refuse_unless_manageable(membership, by)
    if membership.user_id == by.user_id and membership.is_owner is False:
        raise Refusal(_("You cannot change your own roles; ask somebody else who may."))
    before = Grant.of(membership).in_words()
    grant = _checked(grant, by)
    with _last_owner_stays():
        _apply(membership, grant)
    audit.note(by, "member.changed", membership, before=before, after=grant.in_words())


@transaction.atomic
def disable_member(membership: Membership, *, by: Actor) -> None:
    """Shut a member out at once; what they did stays under their name."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if not membership.is_active:
        return
    if membership.user_id == by.user_id:
        raise Refusal(_("You cannot shut yourself out."))
    _refuse_unless_manageable(membership, by)
    with _last_owner_stays():
        Membership.objects.filter(pk=membership.pk).update(status=Membership.Status.DISABLED)
    audit.note(by, "member.disabled", membership, before={"status": "active"}, after={"status": "disabled"})


@transaction.atomic
def enable_member(membership: Membership, *, by: Actor) -> None:
    """Let a disabled member in again, with what they had."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.is_active:
        return
    _refuse_unless_manageable(membership, by)
    Membership.objects.filter(pk=membership.pk).update(status=Membership.Status.ACTIVE)
    audit.note(by, "member.enabled", membership, before={"status": "disabled"}, after={"status": "active"})


class _last_owner_stays:
    """Turns PostgreSQL's refusal to lose the last owner into words."""

    def __enter__(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.savepoint.__exit__(kind, error, trace)
        if isinstance(error, IntegrityError) and "last owner" in str(error):
            raise Refusal(_("A tenant keeps at least one active owner; make somebody else an owner first.")) from error


@transaction.atomic
def add_member(
    email: str,
    name: str,
    role: str,
    *,
    password: str | None = None,
    scope: str = Membership.Scope.ALL,
    branch_ids: Iterable[int] = (),
    area_ids: Iterable[int] = (),
    reseller_names: Iterable[str] = (),
    phone: str = "",
    by: Actor | None = None,
) -> Membership:
    """Make somebody a member of the current tenant without a letter: for the demo, the command line and tests.

    `role` is a template's code.
    Creates the person where the address is new; an existing person's password and name stay as they are. Again with
    the same arguments changes nothing.
    """
    by = by or Actor.system("set-up")
    email = tidy_email(email)
    found = Role.objects.filter(template=role).first()
    if found is None:
        raise Refusal(_("There is no role “%s” here.") % role)
    grant = _checked(
        Grant((found.pk,), scope, tuple(branch_ids), tuple(area_ids), tuple(reseller_names)),
        by,
    )
    user = User.objects.by_email(email)
    if user is None:
        user = User(email=email, name=name, phone=phone)
        _set_first_password(user, password)
        user.save()
    known = Membership.objects.filter(user=user).first()
    if known is not None and known.is_active and Grant.of(known) == grant:
        return known
    membership = _join(user, grant)
    audit.note(by, "member.added", membership, after=grant.in_words())
    return membership


def _set_first_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
        user.password_changed_at = calendar.now()


def create_user(email: str, name: str, password: str, *, language: str = "") -> User:
    """A new person, with a password that meets the policy. Raises Refusal where the address is known already."""
    user = User(email=tidy_email(email), name=name.strip(), language=language)
    check_password_policy(password, user)
    _set_first_password(user, password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Refusal(_("This address has a login already; sign in with it.")) from error
    return user


# -- roles ----------------------------------------------------------------------------------------------------


@transaction.atomic
def save_role(role: Role, *, name: str, description: str, chosen: Iterable[str], by: Actor) -> Role:
    """Create or change a role. From now on it permits exactly what was chosen, whatever new rooms bring.

    Refuses to touch the owner's role, to change any permission the actor does not hold, and unknown permissions.
    """
    kind = current_tenant().kind
    wanted = frozenset(chosen)
    unknown = wanted - permissions.for_kind(kind)
    if unknown:
        raise Refusal(_("There is no permission “%s”.") % sorted(unknown)[0])
    if role.is_owner:
        raise Refusal(_("The owner's role permits everything, always. Clone it and change the clone."))
    if not name.strip():
        raise Refusal(_("Give the role a name."))
    if Role.objects.filter(name__iexact=name.strip()).exclude(pk=role.pk).exists():
        raise Refusal(_("Another role has this name."))
    before: dict[str, Any] = {}
    held: frozenset[str] = frozenset()
    if role.pk:
        role = Role.objects.select_for_update().get(pk=role.pk)
        held = role.granted()
        before = {"name": str(role), "description": role.description, "permits": sorted(held)}
    _refuse_beyond(held ^ wanted, by)
    role.name, role.description = name.strip(), description.strip()
    if held != wanted or not role.pk:
        role.permissions = sorted(wanted)
    role.save()
    after = {"name": role.name, "description": role.description, "permits": sorted(wanted)}
    audit.note(
        by,
        "role.changed" if before else "role.created",
        role,
        before=before or None,
        after=after,
        granted=sorted(wanted - held),
        taken=sorted(held - wanted),
    )
    return role


def clone_role(role: Role, *, name: str, by: Actor) -> Role:
    """A new role that permits what this one permits today."""
    return save_role(Role(), name=name, description=role.description, chosen=role.granted(), by=by)


@transaction.atomic
def disable_role(role: Role, *, by: Actor) -> None:
    """Take a role out of use: whoever holds it loses what it permits."""
    role = Role.objects.select_for_update().get(pk=role.pk)
    if role.is_owner:
        raise Refusal(_("The owner's role stays in use."))
    _refuse_beyond(role.granted(), by)
    if role.is_active:
        Role.objects.filter(pk=role.pk).update(is_active=False)
        audit.note(by, "role.disabled", role, before={"in use": True}, after={"in use": False})


@transaction.atomic
def enable_role(role: Role, *, by: Actor) -> None:
    """Put a role into use again."""
    role = Role.objects.select_for_update().get(pk=role.pk)
    _refuse_beyond(role.granted(), by)
    if not role.is_active:
        Role.objects.filter(pk=role.pk).update(is_active=True)
        audit.note(by, "role.enabled", role, before={"in use": False}, after={"in use": True})


@transaction.atomic
def follow_template_again(role: Role, *, by: Actor) -> None:
    """Undo all editing: the role permits what its template says, today and as new rooms come."""
    role = Role.objects.select_for_update().get(pk=role.pk)
    if role.template not in roles.TEMPLATES or role.follows_template:
        return
    held, wanted = role.granted(), roles.granted(current_tenant().kind, role.template, None)
    _refuse_beyond(held ^ wanted, by)
    Role.objects.filter(pk=role.pk).update(permissions=None)
    audit.note(by, "role.changed", role, before={"permits": sorted(held)}, after={"permits": sorted(wanted)})


# -- passwords and logins -------------------------------------------------------------------------------------


def check_password_policy(password: str, user: User | None = None) -> None:
    """Raises Refusal, in words for the person, where the password is too weak."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refusal(" ".join(error.messages)) from error


def request_reset(email: str, *, tenant_id: int | None, ip: str | None) -> None:
    """Somebody asks for a way back in. What happens looks the same whether or not the address is known."""
    email = tidy_email(email)
    locked = [
        throttle.take(throttle.RESET_ADDRESS, ip or "?"),
        throttle.take(throttle.RESET_ACCOUNT, email),
    ]
    if any(locked):
        return
    with transaction.atomic():
        reset = PasswordReset.objects.create(
            email=email[:254],
            user=User.objects.filter(email=email, is_active=True).first(),
            at_tenant_id=tenant_id,
            ip=ip,
            expires_at=calendar.now() + RESET_LASTS,
        )
        jobs.enqueue("identity.send_reset", tenant_id=tenant_id or INSTALLATION, reset_id=reset.pk)


@transaction.atomic
def send_reset_to(membership: Membership, *, by: Actor) -> None:
    """Send a member the letter with which they set a new password."""
    _refuse_unless_manageable(membership, by)
    reset = PasswordReset.objects.create(
        email=membership.user.email,
        user=membership.user,
        at_tenant_id=current_tenant_id(),
        ip=by.ip,
        expires_at=calendar.now() + RESET_LASTS,
    )
    jobs.enqueue("identity.send_reset", reset_id=reset.pk)
    audit.note(by, "password.reset_sent", membership)


@transaction.atomic
def require_new_password(membership: Membership, *, by: Actor) -> None:
    """The member chooses a new password the next time they sign in, which is now: every login of theirs ends."""
    _refuse_unless_manageable(membership, by)
    User.objects.filter(pk=membership.user_id).update(must_change_password=True)
    Login.objects.filter(user_id=membership.user_id).delete()
    audit.note(by, "password.change_required", membership)


def find_reset(secret: str) -> PasswordReset | None:
    return (
        PasswordReset.objects.filter(
            digest=digest_of(secret), used_at=None, expires_at__gt=calendar.now(), user__is_active=True
        )
        .select_related("user")
        .first()
    )


@transaction.atomic
def use_reset(reset: PasswordReset, password: str, *, ip: str | None, agent: str = "") -> User:
    """Set the new password: the letter works once, every login of the person ends, and a lock on the account goes."""
    check_password_policy(password, reset.user)
    used = PasswordReset.objects.filter(pk=reset.pk, used_at=None, expires_at__gt=calendar.now()).update(
        used_at=calendar.now()
    )
    if not used or reset.user is None:
        raise Refusal(_("This link has been used or is too old; ask for a new one."))
    user = User.objects.select_for_update().get(pk=reset.user_id)
    _set_password(user, password, keep=None)
    throttle.forget(throttle.LOGIN_ACCOUNT, user.email)
    LoginAttempt.objects.create(
        email=user.email, user=user, ip=ip, agent=agent[:300], outcome=LoginAttempt.Outcome.RESET
    )
    return user


def _set_password(user: User, password: str, *, keep: bytes | None) -> None:
    user.set_password(password)
    user.password_changed_at, user.must_change_password = calendar.now(), False
    user.save(update_fields=["password", "password_changed_at", "must_change_password"])
    PasswordReset.objects.filter(user=user, used_at=None).update(used_at=calendar.now())
    user.logins.exclude(pk=keep or b"").delete()


@transaction.atomic
def change_password(user: User, password: str, *, keep: bytes | None = None) -> None:
    """Set a new password; every other login of the person ends. `keep` is the key of the one it was changed from."""
    check_password_policy(password, user)
    _set_password(user, password, keep=keep)


def note_own(user: User, action: str, actor: Actor, tenant_id: int | None, **extra: Any) -> None:
    """What somebody does to their own login concerns the tenant they are at, or, at none, each they work for."""
    ids = [tenant_id] if tenant_id else [place.tenant_id for place in places_of(user, None)]
    for each in ids:
        with tenant_scope(each):
            audit.note(actor, action, user, **extra)


def sign_out_elsewhere(user: User, *, keep: bytes | None) -> int:
    """End every login of the person but the one to keep; returns how many."""
    return user.logins.exclude(pk=keep or b"").delete()[0]


def end_login(user: User, handle: str) -> bool:
    """End one of the person's logins, named as their page names it."""
    for login in user.logins.all():
        if secrets.compare_digest(login.handle, handle):
            login.delete()
            return True
    return False


@transaction.atomic
def sign_out_member(membership: Membership, *, by: Actor) -> int:
    """End every login of a member, here and at any other tenant of theirs: a stolen phone does not know the difference."""
    _refuse_unless_manageable(membership, by)
    ended = Login.objects.filter(user_id=membership.user_id).delete()[0]
    audit.note(by, "member.signed_out", membership, logins=ended)
    return ended


@transaction.atomic
def unlock(membership: Membership, *, by: Actor) -> None:
    """Let a member who mistyped too often try again at once."""
    if throttle.forget(throttle.LOGIN_ACCOUNT, membership.user.email):
        audit.note(by, "member.unlocked", membership)


def set_preference(user: User, *, language: str | None = None, theme: str | None = None) -> None:
    """Remember how the person likes to see things; an unknown value is ignored."""
    changed = []
    if language in dict(settings.LANGUAGES):
        user.language = language
        changed.append("language")
    if theme in User.Theme.values:
        user.theme = theme
        changed.append("theme")
    if changed:
        user.save(update_fields=changed)
