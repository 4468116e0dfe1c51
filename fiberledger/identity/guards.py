"""Who may enter: every view says it with one of these, and a test walks the URLs and fails on silence.

    @staff("payments.record")      a member of this tenant who holds all the permissions named
    @signed_in                     any member of this tenant
    @person                        anyone with a login, whether or not a tenant has been chosen (their own account)
    @public("why it is open")      everyone, and the reason

Whoever is not signed in is sent to the login; whoever is, but may not, gets 403. What they may not know of is 404,
and that is the business of visible_to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from .tenants import is_suspended

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Guard:
    kind: str  # staff, signed_in, person, public
    permissions: tuple[str, ...] = ()
    why: str = ""
    own_scope: bool = False
    tenant_kinds: tuple[str, ...] = ()


def _guarded(view: Callable[..., Any], guard: Guard) -> Any:
    @wraps(view)
    def enter(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if guard.kind != "public":
            if guard.kind == "person":
                if not request.user.is_authenticated:
                    return ask_to_sign_in(request)
            elif request.actor is None or request.actor.kind != "staff":
                return ask_to_sign_in(request)
            elif is_suspended(request.tenant):
                return render(request, "identity/suspended.html", status=403)
            elif guard.tenant_kinds and request.tenant.kind not in guard.tenant_kinds:
                raise PermissionDenied
            for permission in guard.permissions:
                if not request.actor.may(permission):
                    request.permission_missing = permission
                    raise PermissionDenied
        return view(request, *args, **kwargs)

    enter.guard = guard  # type: ignore[attr-defined]
    return enter


def staff(
    permission: str, *more: str, tenant_kinds: tuple[str, ...] = (), own_scope: bool = False
) -> Callable[[View], View]:
    """Members of the tenant who hold every permission named; `tenant_kinds` where only such a tenant's may.

    `own_scope` as for public: for what works in other tenants' scopes, in the control face.
    """
    return lambda view: _guarded(
        view, Guard("staff", (permission, *more), tenant_kinds=tenant_kinds, own_scope=own_scope)
    )


def signed_in(view: View) -> View:
    """Any member of the tenant."""
    return _guarded(view, Guard("signed_in"))


def person(view: View | None = None, *, own_scope: bool = False) -> Any:
    """Anyone with a login: for what is theirs alone. There may be no tenant. `own_scope` as for public."""
    guard = Guard("person", own_scope=own_scope)
    return _guarded(view, guard) if view is not None else lambda later: _guarded(later, guard)


def public(why: str, *, own_scope: bool = False) -> Callable[[View], View]:
    """Everyone. With `own_scope` the request is not wrapped in the tenant's transaction: the view opens what it needs,
    and what it has written stays written when it answers no."""
    if not why:
        raise ValueError("say why everyone may enter")
    return lambda view: _guarded(view, Guard("public", why=why, own_scope=own_scope))


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the login and back here; a fragment cannot show a login, so htmx is told to go there with the whole page."""
    wants_fragment = request.headers.get("HX-Request") == "true"
    here = request.get_full_path()
    if wants_fragment:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        here = page.path + (f"?{page.query}" if page.query else "")
    elif request.method not in ("GET", "HEAD"):
        here = ""
    name = "identity:choose_tenant" if request.user.is_authenticated and not request.tenant else "identity:login"
    target = reverse(name) + (f"?{urlencode({'next': here})}" if here and here != "/" else "")
    if wants_fragment:
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)
