"""The door: signing in is a sequence of steps, and out again.

A step asks one thing (a password; later a code or a passkey). What was answered is kept in the session, which belongs
to nobody until the last step that this person needs is done. Adding a step touches nothing here: STEPS.append(step).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django import forms
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fiberledger import audit, calendar
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant

from . import services, tenants, throttle
from .actor import Actor
from .forms import NewPasswordForm
from .models import LoginAttempt, Membership, User, tidy_email

_PENDING = "signing_in"
_PENDING_FOR = 600  # seconds between the first step and the last


class WrongCredentials(Exception):
    """One answer for an unknown address, a wrong password, a closed account and a tenant one is no member of."""


class Locked(Exception):
    """Too many tries; `until` is when the next may be made."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Step(Protocol):
    """One thing to be asked on the way in."""

    code: str
    title: Any

    def form(self, user: User, data: Any) -> forms.Form: ...
    def is_needed(self, user: User) -> bool: ...
    def check(self, user: User, form: forms.Form) -> bool: ...


class NewPasswordStep:
    """Whoever was told to choose a new password chooses it before going in."""

    code = "new-password"
    title = _("Choose a new password")

    def form(self, user: User, data: Any) -> forms.Form:
        return NewPasswordForm(user, data)

    def is_needed(self, user: User) -> bool:
        return user.must_change_password

    def check(self, user: User, form: forms.Form) -> bool:
        services.change_password(user, form.cleaned_data["password"])
        return True


STEPS: list[Step] = [NewPasswordStep()]  # after the password, in this order


@dataclass(frozen=True)
class Pending:
    user: User
    done: tuple[str, ...]
    next: str

    @property
    def step(self) -> Step | None:
        """The first step that this person needs and has not done."""
        return next((s for s in STEPS if s.code not in self.done and s.is_needed(self.user)), None)


def check_password(request: HttpRequest, email: str, password: str, *, joining: bool = False) -> User:
    """The person whose address and password these are, if they may enter here at all (or are about to join).

    Raises Locked or WrongCredentials. It takes as long for an address nobody has. Call it outside of a transaction.
    """
    email = tidy_email(email)
    until = max(
        filter(
            None,
            (
                throttle.take(throttle.LOGIN_ADDRESS, request.ip or "?"),
                throttle.take(throttle.LOGIN_ACCOUNT, email),
            ),
        ),
        default=None,
    )
    user = User.objects.by_email(email)
    if until is not None:
        _remember(request, email, user, LoginAttempt.Outcome.LOCKED)
        raise Locked(until)
    right = user.check_password(password) if user is not None else _waste_the_same_time(password)
    if user is None or not right or not user.is_active:
        _remember(request, email, user, LoginAttempt.Outcome.WRONG)
        raise WrongCredentials
    if not joining and not _may_enter(request, user):
        _remember(request, email, user, LoginAttempt.Outcome.REFUSED)
        raise WrongCredentials
    throttle.forget(throttle.LOGIN_ACCOUNT, email)
    throttle.give_back(throttle.LOGIN_ADDRESS, request.ip or "?")
    return user


def _waste_the_same_time(password: str) -> bool:
    User().set_password(password)
    return False


def _may_enter(request: HttpRequest, user: User) -> bool:
    places = tenants.places_of(user, request.ip)
    if request.tenant is not None and request.tenant_from_host:
        return any(place.tenant_id == request.tenant.pk for place in places)
    return bool(places)


def _remember(request: HttpRequest, email: str, user: User | None, outcome: str) -> None:
    """Into the login history; and into the audit log of the tenant at whose door it was, or of all that know the person."""
    host_tenant = request.tenant if request.tenant_from_host else None
    LoginAttempt.objects.create(
        email=email[:254],
        user=user,
        at_tenant=host_tenant,
        ip=request.ip,
        agent=request.headers.get("User-Agent", "")[:300],
        outcome=outcome,
    )
    if host_tenant is not None:
        tenant_ids = [host_tenant.pk]
    else:
        tenant_ids = [place.tenant_id for place in tenants.places_of(user, None)] if user is not None else []
    for tenant_id in tenant_ids:
        with tenant_scope(tenant_id):
            action = "login.locked" if outcome == LoginAttempt.Outcome.LOCKED else "login.failed"
            audit.note(Actor.nobody(request.ip, email), action, user if host_tenant is None else None)


def begin(request: HttpRequest, user: User, next_url: str) -> Pending:
    """The password was right. Whoever was signed in on this browser before is not any more."""
    request.session.flush()
    request.session[_PENDING] = {
        "user": user.pk,
        "done": ["password"],
        "next": next_url,
        "at": timezone.now().timestamp(),
    }
    return Pending(user, ("password",), next_url)


def pending(request: HttpRequest) -> Pending | None:
    kept = request.session.get(_PENDING)
    if not kept or timezone.now().timestamp() - kept["at"] > _PENDING_FOR:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    return Pending(user, tuple(kept["done"]), kept["next"]) if user else None


def step_done(request: HttpRequest, waiting: Pending, code: str) -> Pending:
    kept = request.session[_PENDING]
    request.session[_PENDING] = {**kept, "done": [*kept["done"], code]}
    return Pending(waiting.user, (*waiting.done, code), waiting.next)


def enter(request: HttpRequest, user: User) -> None:
    """Sign the person in on this browser, under a new session key (a key planted beforehand is worth nothing)."""
    request.session.pop(_PENDING, None)
    request.session.cycle_key()
    request.session[SESSION_KEY] = str(user.pk)
    request.session[BACKEND_SESSION_KEY] = "fiberledger.identity.backend.Backend"
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    rotate_token(request)
    request.user = user
    User.objects.filter(pk=user.pk).update(last_login=calendar.now())


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """After the person changed their own password: this login goes on."""
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()


def enter_tenant(request: HttpRequest, user: User, tenant: Tenant) -> None:
    """The signed-in person goes in at this tenant. They are a member: the caller has looked."""
    if not request.tenant_from_host:
        request.session["tenant_id"] = tenant.pk
    LoginAttempt.objects.create(
        email=user.email,
        user=user,
        at_tenant=tenant,
        ip=request.ip,
        agent=request.headers.get("User-Agent", "")[:300],
        outcome=LoginAttempt.Outcome.IN,
    )
    with tenant_scope(tenant.pk):
        actor = tenants.actor_for(user, tenant, request.ip)
        if actor is not None:
            audit.note(actor, "login.succeeded", user)
            Membership.objects.filter(pk=actor.membership_id).update(last_seen_at=calendar.now())


def leave(request: HttpRequest) -> None:
    """Sign out on this browser."""
    if request.user.is_authenticated:
        LoginAttempt.objects.create(
            email=request.user.email,
            user=request.user,
            at_tenant=request.tenant,
            ip=request.ip,
            agent=request.headers.get("User-Agent", "")[:300],
            outcome=LoginAttempt.Outcome.OUT,
        )
        if request.tenant is not None:
            with tenant_scope(request.tenant.pk):
                actor = tenants.actor_for(request.user, request.tenant, request.ip)
                if actor is not None:
                    audit.note(actor, "login.ended", request.user)
    request.session.flush()


def wall_clock() -> datetime:
    """Logins live by the real time, not by the calendar's."""
    return timezone.now()


SAME_WORDS = _("This e-mail address and password do not fit together, or have no access here.")
