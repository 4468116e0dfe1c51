from __future__ import annotations

import ipaddress
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare

from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant

from . import tenants
from .guards import Guard
from .models import User


class Nobody:
    """request.user of someone who has not signed in."""

    pk = None
    is_authenticated = False
    is_active = False
    name = ""
    theme = User.Theme.SYSTEM
    language = ""

    def __str__(self) -> str:
        return ""


class Identify:
    """Says for every request from where (request.ip), by whom (request.user), at which tenant (request.tenant) and as
    what (request.actor, None where they are no member), and runs it inside that tenant's scope: one transaction, which
    an answer of 400 or more rolls back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.ip, request.tenant, request.actor = address_of(request), None, None
        request.user = user_of(request)
        request.session.touch(request.ip, request.headers.get("User-Agent", ""))
        request.tenant = tenant_of(request)
        language = request.user.language
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        if request.tenant is None:
            return self.get_response(request)
        with timezone.override(ZoneInfo(request.tenant.timezone)):
            guard = _guard_of(request)
            if guard is not None and guard.own_scope:
                if guard.kind == "staff" and request.user.is_authenticated:
                    with tenant_scope(request.tenant.pk):
                        request.actor = tenants.actor_for(request.user, request.tenant, request.ip)
                return self.get_response(request)
            with tenant_scope(request.tenant.pk):
                if request.user.is_authenticated:
                    request.actor = tenants.actor_for(request.user, request.tenant, request.ip)
                    if request.actor is None and not request.tenant_from_host:
                        _forget_tenant(request)
                response = self.get_response(request)
                if response.status_code >= 400:  # a response that says no has changed nothing
                    transaction.set_rollback(True)
                return response


def address_of(request: HttpRequest) -> str | None:
    """Where the request comes from. Behind our proxy that is the last address the proxy itself has written down."""
    text = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        text = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def user_of(request: HttpRequest) -> User | Nobody:
    """The person this session belongs to; a password changed meanwhile, or a closed account, ends it."""
    session = request.session
    user_id = session.get(SESSION_KEY)
    if user_id is None:
        return Nobody()
    user = session.row.user if session.row is not None and session.row.user_id == int(user_id) else None
    user = user or User.objects.filter(pk=user_id).first()
    if (
        user is None
        or not user.is_active
        or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    ):
        session.flush()
        return Nobody()
    return user


def tenant_of(request: HttpRequest) -> Tenant | None:
    """The host's tenant; on a bare host the one chosen after signing in. A name nobody has is 404."""
    slug = tenants.slug_of(request)
    request.tenant_from_host = slug is not None
    if slug is not None:
        tenant = tenants.by_slug(slug)
        if tenant is None:
            raise Http404
        return tenant
    chosen = request.session.get("tenant_id") if request.user.is_authenticated else None
    return tenants.by_id(chosen) if chosen else None


def _forget_tenant(request: HttpRequest) -> None:
    request.session.pop("tenant_id", None)


def _guard_of(request: HttpRequest) -> Guard | None:
    try:
        return getattr(resolve(request.path_info).func, "guard", None)
    except Resolver404:
        return None
