from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from fiberledger import audit, calendar, jobs, screens
from fiberledger.audit.models import Entry, Proof
from fiberledger.identity import permissions, services, throttle
from fiberledger.identity.guards import staff
from fiberledger.identity.models import Invitation, LoginAttempt, Membership, Role
from fiberledger.screens import Button, Fact, Tab
from fiberledger.tenancy import Refusal, current_tenant

from .forms import CloneForm, GrantForm, InviteForm, RoleForm
from .screens import about, entries, state_of

CSV_ROWS = 50_000


def _do(request: HttpRequest, verb: Callable[[], Any], done: str, back: str) -> HttpResponse:
    """A button was pressed: do it, or say why not, and go back to the record."""
    try:
        verb()
    except Refusal as refusal:
        screens.toast(request, str(refusal), tone="bad")
    else:
        screens.toast(request, done)
    return redirect(back)


# -- members --------------------------------------------------------------------------------------------------


def _member(pk: int) -> Membership:
    return get_object_or_404(Membership.objects.with_roles(), pk=pk)


def _is_locked(member: Membership) -> bool:
    return throttle.locked_until(throttle.LOGIN_ACCOUNT, member.user.email) is not None


def _overview(request: HttpRequest, member: Membership) -> dict[str, Any]:
    held = frozenset().union(*(role.granted() for role in member.roles if role.is_active))
    words = permissions.all()
    return {
        "grant": services.Grant.of(member).in_words(),
        "groups": [
            (group.label, [words[code] for code in group.permissions if code in held])
            for group in permissions.groups(current_tenant().kind)
            if held & group.permissions.keys()
        ],
    }


def _logins(request: HttpRequest, member: Membership) -> dict[str, Any]:
    # What the person does at other companies is none of this one's business.
    here = LoginAttempt.objects.filter(user=member.user, at_tenant_id__in=[current_tenant().pk])
    return {"attempts": here.order_by("-id")[:50]}


_MEMBER_TABS = (
    Tab("overview", gettext_lazy("Overview"), "team/_member.html", _overview, icon="user-round"),
    Tab("logins", gettext_lazy("Logins"), "team/_logins.html", _logins, icon="log-in"),
)
_MEMBER_BUTTONS = (
    Button(gettext_lazy("Change roles"), "team:member-change", "pencil", "members.manage", primary=True),
    Button(gettext_lazy("Send password reset"), "team:member-reset", "key-round", "members.reset", post=True),
    Button(
        gettext_lazy("Require a new password"),
        "team:member-new-password",
        "rectangle-ellipsis",
        "members.reset",
        post=True,
        confirm=gettext_lazy("They are signed out everywhere and choose a new password when they sign in again."),
    ),
    Button(gettext_lazy("Unlock"), "team:member-unlock", "lock-open", "members.reset", post=True, when=_is_locked),
    Button(
        gettext_lazy("Sign out everywhere"),
        "team:member-sign-out",
        "log-out",
        "members.reset",
        post=True,
        confirm=gettext_lazy("Every browser this person is signed in with is signed out, at once."),
    ),
    Button(
        gettext_lazy("Disable"),
        "team:member-disable",
        "user-x",
        "members.manage",
        post=True,
        tone="bad",
        when=lambda member: member.is_active,
        confirm=gettext_lazy("They are shut out with their next click. What they did stays under their name."),
    ),
    Button(
        gettext_lazy("Enable"),
        "team:member-enable",
        "user-check",
        "members.manage",
        post=True,
        when=lambda member: not member.is_active,
    ),
)


@staff("members.view")
def member(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    facts = [
        Fact(_("Roles"), ", ".join(str(role) for role in found.roles) or _("none")),
        Fact(_("Reaches"), found.get_scope_display()),
    ]
    if found.last_seen_at:
        facts.append(Fact(_("Last signed in"), found.last_seen_at))
    if _is_locked(found):
        facts.append(Fact(_("Locked"), _("too many wrong passwords"), tone="bad"))
    return screens.record_page(
        request,
        found,
        title=found.name,
        number=found.user.email,
        facts=facts,
        tabs=_MEMBER_TABS,
        buttons=_MEMBER_BUTTONS if services.may_manage(found, request.actor) else (),
        back=(_("Members"), reverse("team:member-list")),
        icon="user-round",
    )


@staff("members.manage")
def invite(request: HttpRequest) -> HttpResponse:
    """A letter to somebody who is to work here."""
    form = InviteForm(request.POST or None)
    if form.is_valid():
        who = form.cleaned_data
        try:
            services.invite(who["email"], who["name"], form.grant(), language=who["language"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("A letter to %s is on its way.") % who["email"])
            return redirect("team:invitation-list")
    back = (_("Members"), reverse("team:member-list"))
    return screens.form_page(request, form, title=_("Invite a member"), submit=_("Send the invitation"), back=back)


@staff("members.manage")
def change_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Other roles, another reach."""
    found = _member(pk)
    form = GrantForm(request.POST or None, member=found)
    if form.is_valid():
        try:
            services.change_member(found, form.grant(), by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("Saved. It counts from their next click on."))
            return redirect("team:member", pk)
    back = (found.name, reverse("team:member", args=[pk]))
    return screens.form_page(request, form, title=_("Roles of %s") % found.name, back=back)


@staff("members.manage")
@require_POST
def disable_member(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    done = _("%s is shut out.") % found
    return _do(
        request, lambda: services.disable_member(found, by=request.actor), done, reverse("team:member", args=[pk])
    )


@staff("members.manage")
@require_POST
def enable_member(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    done = _("%s is let in again.") % found
    return _do(
        request, lambda: services.enable_member(found, by=request.actor), done, reverse("team:member", args=[pk])
    )


@staff("members.reset")
@require_POST
def send_reset(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    done = _("A letter to %s is on its way.") % found.user.email
    return _do(
        request, lambda: services.send_reset_to(found, by=request.actor), done, reverse("team:member", args=[pk])
    )


@staff("members.reset")
@require_POST
def require_new_password(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    return _do(
        request,
        lambda: services.require_new_password(found, by=request.actor),
        _("%s chooses a new password at the next sign-in.") % found,
        reverse("team:member", args=[pk]),
    )


@staff("members.reset")
@require_POST
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    done = _("%s may try again at once.") % found
    return _do(request, lambda: services.unlock(found, by=request.actor), done, reverse("team:member", args=[pk]))


@staff("members.reset")
@require_POST
def sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    done = _("%s is signed out everywhere.") % found
    return _do(
        request, lambda: services.sign_out_member(found, by=request.actor), done, reverse("team:member", args=[pk])
    )


# -- invitations ----------------------------------------------------------------------------------------------


@staff("members.view")
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Invitation.objects, pk=pk)

    def contents(request: HttpRequest, found: Invitation) -> dict[str, Any]:
        return {"grant": services.Grant.from_json(found.grant).in_words(), "groups": []}

    return screens.record_page(
        request,
        found,
        title=found.name,
        number=found.email,
        status="",
        facts=[
            Fact(_("State"), state_of(found)),
            Fact(_("Invited by"), found.invited_by_name),
            Fact(_("Works until"), found.expires_at),
        ],
        tabs=(Tab("overview", _("Overview"), "team/_member.html", contents),),
        buttons=(
            Button(
                _("Send again"),
                "team:invitation-again",
                "send",
                "members.manage",
                primary=True,
                post=True,
                when=lambda i: i.is_open,
            ),
            Button(
                _("Withdraw"),
                "team:invitation-withdraw",
                "x",
                "members.manage",
                post=True,
                tone="bad",
                when=lambda i: i.is_open,
            ),
        ),
        back=(_("Invitations"), reverse("team:invitation-list")),
        icon="mail",
    )


@staff("members.manage")
@require_POST
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Invitation.objects, pk=pk)
    return _do(
        request,
        lambda: services.send_invitation_again(found, by=request.actor),
        _("A new letter to %s is on its way; the old link is dead.") % found.email,
        reverse("team:invitation", args=[pk]),
    )


@staff("members.manage")
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Invitation.objects, pk=pk)
    return _do(
        request,
        lambda: services.withdraw_invitation(found, by=request.actor),
        _("The link does not work any more."),
        reverse("team:invitation", args=[pk]),
    )


# -- roles ----------------------------------------------------------------------------------------------------


def _holders(request: HttpRequest, found: Role) -> dict[str, Any]:
    links = found.member_links.select_related("membership__user").order_by("membership__user__name")
    return {"holders": [link.membership for link in links[:200]]}


def _permits(request: HttpRequest, found: Role) -> dict[str, Any]:
    held = found.granted()
    return {
        "groups": [
            (group.label, [(label, code in held) for code, label in group.permissions.items()])
            for group in permissions.groups(current_tenant().kind)
        ]
    }


_ROLE_TABS = (
    Tab("permits", gettext_lazy("Permits"), "team/_permits.html", _permits, icon="shield-check"),
    Tab(
        "holders",
        gettext_lazy("Members"),
        "team/_holders.html",
        _holders,
        permission="members.view",
        icon="users-round",
    ),
)
_ROLE_BUTTONS = (
    Button(
        gettext_lazy("Edit"),
        "team:role-change",
        "pencil",
        "roles.manage",
        primary=True,
        when=lambda role: not role.is_owner,
    ),
    Button(gettext_lazy("Clone"), "team:role-clone", "copy", "roles.manage"),
    Button(
        gettext_lazy("Follow the template again"),
        "team:role-follow",
        "rotate-ccw",
        "roles.manage",
        post=True,
        when=lambda role: bool(role.template) and not role.follows_template,
        confirm=gettext_lazy("What was changed on this role is undone; from now on it grows with the product."),
    ),
    Button(
        gettext_lazy("Take out of use"),
        "team:role-disable",
        "archive",
        "roles.manage",
        post=True,
        tone="bad",
        when=lambda role: role.is_active and not role.is_owner,
        confirm=gettext_lazy("Whoever holds this role loses what it permits, at once."),
    ),
    Button(
        gettext_lazy("Put into use"),
        "team:role-enable",
        "archive-restore",
        "roles.manage",
        post=True,
        when=lambda role: not role.is_active,
    ),
)


@staff("roles.view")
def role(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Role.objects, pk=pk)
    return screens.record_page(
        request,
        found,
        title=str(found),
        status="",
        facts=[
            Fact(_("What for"), about(found) or "–"),
            Fact(_("Permissions"), _("follow the template") if found.follows_template else _("chosen here")),
            Fact(_("In use"), _("yes") if found.is_active else _("no")),
        ],
        tabs=_ROLE_TABS,
        buttons=_ROLE_BUTTONS,
        back=(_("Roles"), reverse("team:role-list")),
        icon="shield-check",
    )


def _role_form(request: HttpRequest, found: Role, title: str, back: tuple[str, str]) -> HttpResponse:
    form = RoleForm(request.POST if request.method == "POST" else None, role=found, actor=request.actor)
    if form.is_valid():
        try:
            saved = services.save_role(
                found,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                chosen=form.chosen,
                by=request.actor,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("Saved. It counts from their next click on."))
            return redirect("team:role", saved.pk)
    return screens.form_page(request, form, title=title, back=back, template="team/role_form.html")


@staff("roles.manage")
def create_role(request: HttpRequest) -> HttpResponse:
    return _role_form(request, Role(), _("New role"), (_("Roles"), reverse("team:role-list")))


@staff("roles.manage")
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Role.objects, pk=pk)
    return _role_form(
        request, found, _("Edit %(what)s") % {"what": found}, (str(found), reverse("team:role", args=[pk]))
    )


@staff("roles.manage")
def clone_role(request: HttpRequest, pk: int) -> HttpResponse:
    """A copy under another name, to be changed."""
    found = get_object_or_404(Role.objects, pk=pk)
    form = CloneForm(request.POST or None, initial={"name": _("%s (copy)") % found})
    if form.is_valid():
        try:
            copy = services.clone_role(found, name=form.cleaned_data["name"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("team:role-change", copy.pk)
    back = (str(found), reverse("team:role", args=[pk]))
    return screens.form_page(request, form, title=_("Clone %s") % found, submit=_("Clone"), back=back)


@staff("roles.manage")
@require_POST
def disable_role(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Role.objects, pk=pk)
    return _do(
        request,
        lambda: services.disable_role(found, by=request.actor),
        _("%s is out of use.") % found,
        reverse("team:role", args=[pk]),
    )


@staff("roles.manage")
@require_POST
def enable_role(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Role.objects, pk=pk)
    return _do(
        request,
        lambda: services.enable_role(found, by=request.actor),
        _("%s is in use again.") % found,
        reverse("team:role", args=[pk]),
    )


@staff("roles.manage")
@require_POST
def follow_template(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Role.objects, pk=pk)
    return _do(
        request,
        lambda: services.follow_template_again(found, by=request.actor),
        _("%s follows its template again.") % found,
        reverse("team:role", args=[pk]),
    )


# -- the audit log --------------------------------------------------------------------------------------------


@staff("audit.view")
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: who, what, when, from where, and before beside after."""
    found = get_object_or_404(Entry.objects, pk=pk)
    facts = [
        Fact(_("Who"), found.actor_name, hint=found.get_actor_kind_display()),
        Fact(_("When"), found.at),
        Fact(_("From"), found.ip or "–"),
    ]
    if found.on_behalf_of:
        facts.append(Fact(_("On behalf of"), found.on_behalf_of))
    if found.is_critical:
        facts.append(Fact(_("Critical"), _("yes"), tone="bad"))
    return screens.record_page(
        request,
        found,
        title=found.action_label,
        number=str(found.pk),
        status="",
        facts=facts,
        tabs=(Tab("changes", _("What changed"), "team/_entry.html", _entry_context),),
        back=(_("Audit log"), reverse("team:entry-list")),
        icon="scroll-text",
        history=False,
    )


def _entry_context(request: HttpRequest, found: Entry) -> dict[str, Any]:
    return {
        "entry": found,
        "differences": [(name, _shown(before), _shown(after)) for name, before, after in found.differences],
        "extra": [(name, _shown(value)) for name, value in (found.extra or {}).items()],
        "target_url": _target_url(found),
    }


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(not isinstance(part, (list, dict)) for part in value):
        return "\n".join(str(part) for part in value)
    return json.dumps(value, ensure_ascii=False, indent=1) if isinstance(value, (list, dict)) else str(value)


def _target_url(found: Entry) -> str:
    from django.apps import apps

    try:
        model = apps.get_model(found.target_type)
    except (LookupError, ValueError):
        return ""
    screen = screens.find_screen(model)
    return screen.url("one", found.target_id) if screen and screen.record and found.target_id.isdigit() else ""


# -- the nightly proofs ---------------------------------------------------------------------------------------

_PROVERS = {Proof.What.BOOKS: "ledger.prove", Proof.What.LOG: "audit.prove"}


@staff("audit.view")
def proof(request: HttpRequest, pk: int) -> HttpResponse:
    """What the last proof of one thing found."""
    found = get_object_or_404(Proof.objects, pk=pk)
    return screens.record_page(
        request,
        found,
        title=str(found),
        status="",
        facts=[
            Fact(_("Proven"), found.at),
            Fact(_("Faults"), found.count, tone="bad" if found.count else "good"),
        ],
        tabs=(Tab("faults", _("Faults"), "team/_proof.html", lambda request, found: {"proof": found}),),
        buttons=(
            Button(
                _("Prove again"), "team:proof-again", "rotate-ccw", "audit.view", primary=True, post=True,
                when=lambda found: bool(found.count),
            ),
        ),
        back=(_("Nightly proofs"), reverse("team:proof-list")),
        icon="shield-check",
    )  # fmt: skip


@staff("audit.view")
@require_POST
def prove_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Now, instead of in the coming night."""
    found = get_object_or_404(Proof.objects, pk=pk)
    name = _PROVERS[Proof.What(found.what)]
    jobs.enqueue(name, queueing_lock=f"{name}.again", again=True)
    screens.toast(request, _("It is being proven; this page shows the outcome."))
    return redirect("team:proof", pk)


@staff("audit.export")
def entries_csv(request: HttpRequest) -> HttpResponse:
    """The entries the list shows, newest first, as a file. That it was taken is itself written down."""
    rows = screens.rows_for(entries, request.actor, request.GET).order_by("-id")[:CSV_ROWS]
    out = io.StringIO()
    out.write("\ufeff")  # Excel takes the file for UTF-8
    write = csv.writer(out).writerow
    write(
        [
            "id",
            "at",
            "who",
            "kind",
            "on behalf of",
            "from",
            "action",
            "record",
            "record id",
            "name",
            "before",
            "after",
            "details",
        ]
    )
    count = 0
    for row in rows.iterator(chunk_size=2000):
        count += 1
        write(
            _harmless(cell)
            for cell in (
                row.pk,
                calendar.local(row.at).isoformat(timespec="seconds"),
                row.actor_name,
                row.actor_kind,
                row.on_behalf_of,
                row.ip or "",
                row.action,
                row.target_type,
                row.target_id,
                row.target_label,
                _json(row.before),
                _json(row.after),
                _json(row.extra),
            )
        )
    audit.note(request.actor, "audit.exported", after={"rows": count, "filter": request.GET.urlencode()})
    name = f"audit-{current_tenant().slug}-{calendar.today().isoformat()}.csv"
    return HttpResponse(
        out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _harmless(cell: Any) -> Any:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
