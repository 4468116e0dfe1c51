from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import calendar, screens
from fiberledger.identity.guards import staff
from fiberledger.ipam.models import Pool
from fiberledger.screens import revealing
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal

from . import drift, pages, probing, services, vendors
from .forms import AcceptForm, AccountForm, PolicyForm, PoolsForm, ReasonForm
from .models import AccessAccount, Drift, LiveSession, LoginGuess, Nas, RadiusAttribute, RefusedLogin
from .routeros import our_address, script
from .screens import drift as drift_screen
from .screens import live_sessions


def _network_tab(subscriber_id: int) -> str:
    return f"{reverse('subscribers:subscriber', args=[subscriber_id])}?tab=network"


def _save(request: HttpRequest, form: Any, text: str) -> AccessAccount | None:
    if not form.is_valid():
        return None
    try:
        account = form.save_as(request.actor)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return None
    screens.toast(request, text % {"name": account.username})
    return account


@staff("access.edit")
def open_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a line its network account."""
    subscription = get_object_or_404(
        Subscription.objects.visible_to(request.actor).select_related("subscriber", "plan"), pk=pk
    )
    back = _network_tab(subscription.subscriber_id)
    if hasattr(subscription, "access_account"):
        return redirect(back)
    kind = services.kind_for(subscription.plan.connection_type)
    first = {"kind": kind, "username": services.free_username(subscription.subscriber.number)}
    form = AccountForm(request.POST or None, instance=AccessAccount(subscription=subscription), initial=first)
    if _save(request, form, _("%(name)s may log in now.")):
        return redirect(back)
    title = _("Network account for %(name)s") % {"name": subscription.subscriber.name}
    return screens.form_page(request, form, title=title, submit=_("Open the account"), back=(str(subscription), back))


@staff("access.edit")
def edit_account(request: HttpRequest, pk: int) -> HttpResponse:
    account = _account(request, pk)
    back = _network_tab(account.subscription.subscriber_id)
    form = AccountForm(request.POST or None, instance=account)
    if _save(request, form, _("Changes to %(name)s were saved.")):
        return redirect(back)
    title = _("Network account %(name)s") % {"name": AccessAccount.objects.get(pk=pk).username}
    return screens.form_page(request, form, title=title, back=(_("Network"), back))


def _account(request: HttpRequest, pk: int) -> AccessAccount:
    return get_object_or_404(
        AccessAccount.objects.visible_to(request.actor).select_related("subscription__subscriber"), pk=pk
    )


@staff("access.edit")
@require_POST
def rebind(request: HttpRequest, pk: int) -> HttpResponse:
    """The device that was turned away is the line's from now on."""
    refused = get_object_or_404(RefusedLogin, pk=pk)
    account = get_object_or_404(AccessAccount.objects.visible_to(request.actor), username__iexact=refused.username)
    back = screens.back_to(request, _network_tab(account.subscription.subscriber_id))
    try:
        change = services.rebind(account, refused, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, str(refusal), "bad")
    else:
        text = _("%(name)s is bound to %(what)s now, and gets in at the next try.")
        screens.toast(request, text % {"name": account.username, "what": str(change) or _("this router")})
    return redirect(back)


@staff("access.routers")
@require_POST
def remove_attribute(request: HttpRequest, pk: int) -> HttpResponse:
    attribute = get_object_or_404(RadiusAttribute, pk=pk)
    services.remove_attribute(attribute, by=request.actor)
    screens.toast(request, _("%(name)s is removed.") % {"name": attribute.name})
    return redirect("access:radiusattribute-list")


@staff("access.view")
def preview(request: HttpRequest) -> HttpResponse:
    """What a line would be answered at each kind of router; without one, how each kind is told."""
    username = request.GET.get("username", "").strip()
    account = (
        AccessAccount.objects.visible_to(request.actor).filter(username__iexact=username).first() if username else None
    )
    labels, kinds = dict(Nas.Kind.choices), services.kinds_in_use()
    answers = services.preview(account) if account else []
    if not account:
        answers = [(kind, vendors.TEMPLATES[kind], vendors.WALLS[kind]) for kind in Nas.Kind.values]
    shown = [
        {"label": labels[kind], "here": kind in kinds, "items": items, "wall": wall} for kind, items, wall in answers
    ]
    shown.sort(key=lambda one: not one["here"])
    context = {"username": username, "account": account, "answers": shown, "missing": bool(username) and account is None,
               "may_add": request.actor.may("access.routers_view")}  # fmt: skip
    return render(request, "access/preview.html", context)


@staff("access.edit")
@require_POST
def let_in(request: HttpRequest, pk: int) -> HttpResponse:
    guess = get_object_or_404(LoginGuess, pk=pk)
    services.let_in_again(guess, by=request.actor)
    screens.toast(request, _("%(name)s may try again.") % {"name": guess.subject})
    return redirect(screens.back_to(request, reverse("access:loginguess-list")))


@staff("access.rules")
def policy(request: HttpRequest) -> HttpResponse:
    """The tenant's rules for logins."""
    form = PolicyForm(request.POST or None, instance=services.policy())
    if form.is_valid():
        services.save_policy(form.save(commit=False), by=request.actor)
        screens.toast(request, _("The login rules were saved."))
        return redirect("access:policy")
    return screens.form_page(request, form, template="screens/settings.html", title=_("Login rules"))


@staff("access.reveal", own_scope=True)
def reveal_password(request: HttpRequest, pk: int) -> HttpResponse:
    """A line's password, once."""

    def find() -> revealing.Secret:
        account = _account(request, pk)
        return revealing.Secret(
            "access.accessaccount.password", account, _network_tab(account.subscription.subscriber_id)
        )

    return revealing.reveal(request, find)


@staff("access.routers", "access.reveal", own_scope=True)
def reveal_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """A router's secret, once, in the commands that need it."""
    return revealing.reveal(request, lambda: _of_router(request, pk, "secret"))


@staff("access.routers", "access.reveal", own_scope=True)
def reveal_api_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Our password on a router, once."""
    return revealing.reveal(request, lambda: _of_router(request, pk, "api_password"))


def _of_router(request: HttpRequest, pk: int, field: str) -> revealing.Secret:
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), **{"pk": pk, f"{field}__isnull": False})
    also = _commands if field == "secret" and nas.kind == Nas.Kind.MIKROTIK else None
    return revealing.Secret(f"access.nas.{field}", nas, reverse("access:nas", args=[pk]), also)


def _commands(request: HttpRequest, nas: Nas, secret: str, see: Callable[[str], str]) -> str:
    """The whole set-up script. Each secret in it is looked at for itself, and written down."""
    return script(
        nas,
        server=our_address(request.get_host()),
        secret=secret,
        api_password=see("access.nas.api_password") if nas.has_api else "",
        tunnel_key=see("access.nas.tunnel_key") if nas.tunnel and nas.tunnel_key else "",
        version=6 if request.GET.get("os") == "6" else 7,
    )


@staff("access.disconnect")
def disconnect(request: HttpRequest, key: Any) -> HttpResponse:
    """Drop a session, after asking why."""
    session = get_object_or_404(LiveSession.objects.visible_to(request.actor).select_related("nas", "account"), key=key)
    back = screens.back_to(request, reverse("access:livesession-list"))
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        services.disconnect(session, reason=form.cleaned_data["reason"], by=request.actor)
        screens.toast(
            request,
            _("%(name)s: disconnection wanted; the router's answer will show here.") % {"name": session.username},
            "info",
        )
        return redirect(back)
    return screens.form_page(
        request, form, title=_("Disconnect %(name)s") % {"name": session.username}, submit=_("Disconnect"), back=back,
        template="screens/task.html", help=_("The device may come back at once, with what its line is granted now."),
    )  # fmt: skip


@staff("access.sessions")
def drift_list(request: HttpRequest) -> HttpResponse:
    """Where the network is not what the books say, under a line that says how much of it is."""
    return screens.list_page(request, drift_screen, template="access/drift.html", **drift.agreement(request.actor))


def accept_page(request: HttpRequest, found: Any, accept: Any, *, name: str, back: str, help: str) -> HttpResponse:
    """Leave something as it is for a while, after asking until when and why. `accept` is the verb that does it."""
    form = AcceptForm(request.POST or None)
    if form.is_valid():
        until = calendar.now() + timedelta(hours=form.cleaned_data["hours"])
        try:
            accept(found, until=until, why=form.cleaned_data["why"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(name)s stays as it is for now.") % {"name": name})
            return redirect(back)
    return screens.form_page(
        request, form, title=_("Accept %(name)s as it is") % {"name": name}, submit=_("Accept"), back=back,
        template="screens/task.html", help=help,
    )  # fmt: skip


@staff("access.edit")
def accept_drift(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a session as it is for a while."""
    found = get_object_or_404(Drift.objects.visible_to(request.actor), pk=pk)
    return accept_page(
        request,
        found,
        drift.accept,
        name=found.username,
        back=screens.back_to(request, reverse("access:drift-list")),
        help=_("Nothing is sent to the router for this session until then, unless what it should have changes."),
    )


@staff("access.routers")
def router_pools(request: HttpRequest, pk: int) -> HttpResponse:
    """Which pools a router has: a note of ours, for whoever plans; the router itself is set up by hand."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    back = f"{reverse('access:nas', args=[pk])}?tab=pools"
    mine = list(Pool.objects.filter(routers__nas=nas))
    form = PoolsForm(request.POST or None, initial={"pools": mine})
    if request.method == "POST" and form.is_valid():
        services.set_pools(nas, form.cleaned_data["pools"], by=request.actor)
        screens.toast(request, _("The pools of %(router)s are noted.") % {"router": nas})
        return redirect(back)
    return screens.form_page(request, form, title=_("Pools of %(router)s") % {"router": nas}, back=back)


@staff("access.routers")
@require_POST
def test_router(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the router asked over its API and by a command that harms nobody; the job's answer shows on its page."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    probing.want(nas)
    return redirect(f"{reverse('access:nas', args=[pk])}?tab=health")


@staff("access.routers_view")
def router_health(request: HttpRequest, pk: int) -> HttpResponse:
    """How the router is: the fragment that takes its own place until the answer is there."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    return render(request, "access/_probe.html", pages.probed(request, nas))


@staff("access.routers")
def accept_certificate(request: HttpRequest, pk: int) -> HttpResponse:
    """Know the router by another certificate from now on, after both have been looked at."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    back = f"{reverse('access:nas', args=[pk])}?tab=health"
    if request.method == "POST":
        try:
            probing.accept_certificate(nas, by=request.actor)
        except Refusal as refusal:
            screens.toast(request, str(refusal), "bad")
        else:
            screens.toast(request, _("%(name)s is known by its new certificate.") % {"name": nas.name})
        return redirect(back)
    return render(
        request,
        "access/certificate.html",
        {
            "nas": nas,
            "back": (nas.name, back),
            "known": probing.fingerprint(nas.certificate),
            "offered": probing.fingerprint(nas.certificate_offered),
        },
    )


@staff("access.routers")
@require_POST
def read_router(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the router asked over its API who is on it; the job's answer shows on the router's page."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    services.ask_router(nas.pk)
    screens.toast(request, _("It is being asked; what it says will show here in a moment."), "info")
    return redirect(f"{reverse('access:nas', args=[pk])}?tab=on-router")


@staff("access.sessions")
def online(request: HttpRequest) -> HttpResponse:
    """Who is online: the list, under a line that says how fresh it is. Both keep themselves fresh."""
    return screens.list_page(request, live_sessions, template="access/online.html", **_online_facts(request))


@staff("access.sessions")
def online_count(request: HttpRequest) -> HttpResponse:
    """How many are online, and when we looked: the fragment that takes its own place."""
    return render(request, "access/_online.html", _online_facts(request))


def _online_facts(request: HttpRequest) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE terms = 'walled'), max(updated_at) FROM access_livesession WHERE tenant_id = %s",
            [request.tenant.pk],
        )
        online, walled, last = cursor.fetchone()
    return {"online": online, "walled": walled, "last": last}
