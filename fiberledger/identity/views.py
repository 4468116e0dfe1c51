from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from fiberledger import calendar
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.tenancy.models import Tenant

from . import door, services, tenants
from .actor import Actor
from .forms import (
    ChangePasswordForm,
    ForgotForm,
    JoinForm,
    JoinWithPasswordForm,
    LoginForm,
    NewPasswordForm,
    ProfileForm,
)
from .guards import person, public
from .models import Invitation, LoginAttempt, User


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return ""


def _page(request: HttpRequest, template: str, form: Any = None, **context: Any) -> HttpResponse:
    # The frame needs a tenant and a membership; one's own account is there without either.
    context["base"] = "screens/base.html" if request.actor is not None else "screens/public.html"
    refused = form is not None and form.is_bound and not form.is_valid()
    return render(request, f"identity/{template}", {"form": form, **context}, status=422 if refused else 200)


# -- in and out -----------------------------------------------------------------------------------------------


@public("this is the door", own_scope=True)
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The first step: address and password."""
    here = _safe_next(request)
    if request.method != "POST" and request.user.is_authenticated and _has_a_place(request):
        return redirect(here or "/")
    form = LoginForm(request.POST or None)
    if form.is_valid():
        try:
            user = door.check_password(request, **form.cleaned_data)
        except door.Locked as locked:
            minutes = max(1, -(-int((locked.until - calendar.now()).total_seconds()) // 60))
            form.add_error(
                None,
                ngettext(
                    "Too many tries. Try again in %d minute, reset your password, or ask an administrator to unlock you.",
                    "Too many tries. Try again in %d minutes, reset your password, or ask an administrator to unlock you.",
                    minutes,
                )
                % minutes,
            )
        except door.WrongCredentials:
            form.add_error(None, door.SAME_WORDS)
        else:
            return _next_step(request, door.begin(request, user, here))
    return _page(request, "login.html", form, next=here)


def _has_a_place(request: HttpRequest) -> bool:
    places = tenants.places_of(request.user, request.ip)
    if request.tenant is not None and request.tenant_from_host:
        return any(place.tenant_id == request.tenant.pk for place in places)
    return bool(places)


def _next_step(request: HttpRequest, waiting: door.Pending) -> HttpResponse:
    if waiting.step is not None:
        return redirect("identity:login_step", waiting.step.code)
    door.enter(request, waiting.user)
    response = _go_in(request, waiting.user, waiting.next)
    if waiting.user.language:
        _keep_language(response, waiting.user.language)
    return response


def _keep_language(response: HttpResponse, language: str) -> None:
    """In a cookie as well: what is said while the database is away, and before signing in, is said in it too."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, language, max_age=31_536_000, samesite="Lax", secure=settings.HTTPS
    )


def _go_in(request: HttpRequest, user: User, here: str) -> HttpResponse:
    """The host's tenant; on a bare host the only one, or the one they choose."""
    if request.tenant is not None and request.tenant_from_host:
        door.enter_tenant(request, user, request.tenant)
        return redirect(here or "/")
    places = tenants.places_of(user, request.ip)
    if len(places) == 1:
        door.enter_tenant(request, user, Tenant.objects.get(pk=places[0].tenant_id))
        return redirect(here or "/")
    return redirect(reverse("identity:choose_tenant"))


@public("a later step of the door", own_scope=True)
@never_cache
def sign_in_step(request: HttpRequest, code: str) -> HttpResponse:
    """Whatever this person is asked after their password."""
    waiting = door.pending(request)
    if waiting is None or waiting.step is None or waiting.step.code != code:
        return redirect("identity:login")
    step = waiting.step
    form = step.form(waiting.user, request.POST or None)
    if form.is_valid() and step.check(waiting.user, form):
        return _next_step(request, door.step_done(request, waiting, code))
    return _page(request, "login_step.html", form, step=step)


@public("going out harms nobody", own_scope=True)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    door.leave(request)
    return redirect("identity:login")


@person(own_scope=True)
@never_cache
def choose_tenant(request: HttpRequest) -> HttpResponse:
    """Which of their tenants somebody with several wants to be at, on a host that names none."""
    if request.tenant_from_host:
        return redirect("/")
    places = tenants.places_of(request.user, request.ip)
    chosen = next((p for p in places if str(p.tenant_id) == request.POST.get("tenant")), None)
    if chosen is not None:
        door.enter_tenant(request, request.user, Tenant.objects.get(pk=chosen.tenant_id))
        return redirect(_safe_next(request) or "/")
    return _page(request, "choose.html", places=places, next=_safe_next(request))


# -- back in --------------------------------------------------------------------------------------------------


@public("whoever forgot their password cannot sign in", own_scope=True)
def forgot(request: HttpRequest) -> HttpResponse:
    """The same answer for every address."""
    form = ForgotForm(request.POST or None)
    if form.is_valid():
        services.request_reset(
            form.cleaned_data["email"],
            tenant_id=request.tenant.pk if request.tenant is not None else None,
            ip=request.ip,
        )
        return _page(request, "forgot_sent.html", email=form.cleaned_data["email"])
    return _page(request, "forgot.html", form)


@public("the link in the letter is the key", own_scope=True)
@never_cache
@sensitive_post_parameters("password")
def reset(request: HttpRequest, secret: str) -> HttpResponse:
    """The link in the letter: set a new password, once."""
    found = services.find_reset(secret)
    if found is None or found.user is None:
        return render(request, "identity/link_dead.html", {"again": reverse("identity:forgot")}, status=404)
    form = NewPasswordForm(found.user, request.POST or None)
    if form.is_valid():
        try:
            user = services.use_reset(
                found, form.cleaned_data["password"], ip=request.ip, agent=request.headers.get("User-Agent", "")
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            services.note_own(user, "password.reset", Actor("staff", str(user), user_id=user.pk, ip=request.ip), None)
            request.session.flush()
            return render(request, "identity/reset_done.html")
    return _page(request, "reset.html", form, user=found.user)


@public("the link in the invitation is the key", own_scope=True)
@never_cache
@sensitive_post_parameters("password")
def join(request: HttpRequest, slug: str, secret: str) -> HttpResponse:
    """The link in an invitation: join with a new login, or with the one they have."""
    tenant = tenants.by_slug(slug)
    if tenant is None or (request.tenant_from_host and request.tenant.pk != tenant.pk):
        raise Http404
    with tenant_scope(tenant.pk):
        invitation = services.find_invitation(secret)
    if invitation is None:
        return render(request, "identity/link_dead.html", {"tenant": tenant}, status=404)
    known = User.objects.by_email(invitation.email)
    is_theirs = request.user.is_authenticated and request.user.email == invitation.email
    if known is None:
        draft = User(email=invitation.email, name=invitation.name)
        form: Any = JoinForm(draft, request.POST or None)
        form.fields["name"].initial = invitation.name
    else:
        form = None if is_theirs else JoinWithPasswordForm(request.POST or None)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            user = _who_joins(request, invitation, known, form)
            with tenant_scope(tenant.pk):
                services.accept_invitation(invitation, user, ip=request.ip)
        except door.Locked:
            form.add_error(None, _("Too many tries. Try again later."))
        except door.WrongCredentials:
            form.add_error("password", _("This is not your password."))
        except Refusal as refusal:
            if form is None:
                return render(request, "identity/link_dead.html", {"tenant": tenant, "why": refusal}, status=409)
            form.add_error(None, str(refusal))
        else:
            return _enter_after_joining(request, user, tenant)
    return _page(request, "join.html", form, tenant=tenant, invitation=invitation, known=known, is_theirs=is_theirs)


def _who_joins(request: HttpRequest, invitation: Invitation, known: User | None, form: Any) -> User:
    if form is None:
        return request.user
    if known is None:
        return services.create_user(
            invitation.email,
            form.cleaned_data["name"],
            form.cleaned_data["password"],
            language=invitation.language,
        )
    return door.check_password(request, known.email, form.cleaned_data["password"], joining=True)


def _enter_after_joining(request: HttpRequest, user: User, tenant: Tenant) -> HttpResponse:
    if request.user.is_authenticated and request.user.pk == user.pk:
        door.enter_tenant(request, user, tenant)
        return redirect("/")
    waiting = door.begin(request, user, "")
    if waiting.step is not None:
        return redirect("identity:login_step", waiting.step.code)
    door.enter(request, user)
    door.enter_tenant(request, user, tenant)
    return redirect("/")


# -- one's own account ----------------------------------------------------------------------------------------


def _tenant_id(request: HttpRequest) -> int | None:
    return request.tenant.pk if request.tenant is not None and request.actor is not None else None


def _self(request: HttpRequest) -> Actor:
    return request.actor or Actor("staff", str(request.user), user_id=request.user.pk, ip=request.ip)


@person
def account(request: HttpRequest) -> HttpResponse:
    """Name, phone, language and theme."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        return redirect("identity:account")
    return _page(request, "account.html", form, places=tenants.places_of(request.user, request.ip))


@person
@sensitive_post_parameters("current", "password")
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; every other login ends."""
    user = request.user
    form = ChangePasswordForm(user, request.POST or None)
    if form.is_valid():
        with transaction.atomic():
            request.session.cycle_key()
            request.session.save()
            services.change_password(user, form.cleaned_data["password"], keep=request.session.row.pk)
            services.note_own(user, "password.changed", _self(request), _tenant_id(request))
        door.keep_signed_in(request, user)
        return redirect("identity:logins")
    return _page(request, "password.html", form)


@person
def logins(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, and the last tries at one's door."""
    current = request.session.row.pk if request.session.row is not None else b""
    mine = [
        (login, bytes(login.key) == bytes(current))
        for login in request.user.logins.filter(expires_at__gt=door.wall_clock()).order_by("-last_seen_at")[:50]
    ]
    attempts = LoginAttempt.objects.filter(user=request.user).order_by("-id")[:20]
    return _page(request, "logins.html", logins=mine, attempts=attempts)


@person
@require_POST
def end_logins(request: HttpRequest) -> HttpResponse:
    """End one login, or all but this one."""
    if handle := request.POST.get("login"):
        services.end_login(request.user, handle)
    else:
        services.sign_out_elsewhere(request.user, keep=request.session.row.pk)
    services.note_own(request.user, "login.ended_elsewhere", _self(request), _tenant_id(request))
    return redirect("identity:logins")


@public("a visitor's language is nobody's secret")
@require_POST
def preference(request: HttpRequest) -> HttpResponse:
    """Remember language and theme: for the person, or in a cookie for whoever is not signed in."""
    language, theme = request.POST.get("language"), request.POST.get("theme")
    response = redirect(_safe_next(request) or "/")
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
    if request.user.is_authenticated:
        services.set_preference(request.user, language=language, theme=theme)
    if language in dict(settings.LANGUAGES):
        _keep_language(response, str(language))
    if theme in User.Theme.values:
        response.set_cookie("theme", theme, max_age=31_536_000, samesite="Lax", secure=settings.HTTPS)
    return response
