from __future__ import annotations

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from fiberledger.audit import actions
from fiberledger.audit.models import Entry, Proof
from fiberledger.identity.models import Invitation, Membership, Role
from fiberledger.screens import Button, Column, Empty, Filter, Screen, View, cells
from fiberledger.screens.cells import looks
from fiberledger.vault import services as vault
from fiberledger.vault.models import Kept, Look


def _role_choices(request):
    return [(str(role.pk), str(role)) for role in Role.objects.all()]


members = Screen(
    model=Membership,
    name="member",
    namespace="team",
    permission="members",
    edit_needs="members.manage",
    create_needs="members.manage",
    icon="users-round",
    rows="with_roles",
    columns=(
        Column("name", _("Name"), needs="user", sort=False),
        Column("user__email", _("E-mail"), sort=False),
        Column("roles", _("Roles"), value=lambda m: ", ".join(str(role) for role in m.roles), sort=False),
        Column("scope", _("Reaches")),
        "status",
        Column("last_seen_at", _("Last signed in"), kind="ago", sort=False),
        Column("joined_at", _("Member since"), hidden=True, sort=False),
    ),
    filters=(
        "status",
        "scope",
        Filter(
            "role",
            _("Role"),
            choices=_role_choices,
            apply=lambda qs, values: qs.filter(role_links__role__in=[v for v in values if v.isdigit()]).distinct(),
        ),
    ),
    search=("user__name", "user__email"),
    views=(View("active", _("Active"), "status=active"), View("disabled", _("Disabled"), "status=disabled")),
    exports=False,
    list_buttons=(
        Button(_("Invite"), "team:invite", "user-plus", permission="members.manage", primary=True),
        Button(_("Invitations"), "team:invitation-list", "mail", permission="members.view"),
    ),
    help=_("Who works here, with which roles, over which part of the business."),
)

invitations = Screen(
    model=Invitation,
    name="invitation",
    namespace="team",
    permission="members",
    icon="mail",
    columns=(
        Column("email", _("E-mail"), sort=False),
        "name",
        Column("invited_by_name", _("Invited by"), sort=False),
        Column("created_at", _("When"), kind="ago", sort=False),
        Column("state", _("State"), value=lambda i: state_of(i), sort=False),
    ),
    filters=(Filter("open", _("Open"), test=lambda qs: qs.filter(accepted_at=None, withdrawn_at=None)),),
    search=("email", "name"),
    views=(View("open", _("Open"), "open=1"),),
    exports=False,
    empty=Empty(
        _("Nobody has been invited yet"),
        _("An invitation is a letter with a link; whoever opens it is in."),
        "mail",
        "team:invite",
        _("Invite somebody"),
    ),
    list_buttons=(Button(_("Invite"), "team:invite", "user-plus", permission="members.manage", primary=True),),
)


def state_of(invitation):
    """In words: what became of the letter."""
    if invitation.accepted_at:
        return _("Accepted")
    if invitation.withdrawn_at:
        return _("Withdrawn")
    return _("Expired") if invitation.is_expired else _("Waiting")


roles = Screen(
    model=Role,
    name="role",
    namespace="team",
    permission="roles",
    edit_needs="roles.manage",
    create_needs="roles.manage",
    icon="shield-check",
    order="pk",
    rows="with_members",
    columns=(
        Column("display_name", _("Role"), sort=False),
        Column("about", _("What for"), value=lambda role: about(role), sort=False),
        Column("members", _("Members"), kind="number", value=lambda role: role.members, sort=False),
        Column("permits", _("Permits"), kind="number", value=lambda role: len(role.granted()), sort=False),
        Column("is_active", _("In use"), sort=False),
    ),
    search=("name",),
    exports=False,
    list_buttons=(Button(_("New role"), "team:role-create", "plus", permission="roles.manage", primary=True),),
    help=_("A role is a set of permissions. Members hold one or several; what they may is all of it together."),
)


def about(role):
    """What the role is for: the tenant's own words, else the template's."""
    from fiberledger.identity.roles import TEMPLATES

    if role.description:
        return role.description
    template = TEMPLATES.get(role.template)
    return template.description if template else ""


def _find(queryset, text, actor):
    return queryset.filter(
        Q(actor_name__icontains=text) | Q(target_label__icontains=text) | Q(target_id=text) | Q(action__icontains=text)
    )


def _action_choices(request):
    return sorted(((code, str(label)) for code, label in actions.labels().items()), key=lambda pair: pair[1])


def _type_choices(request):
    from django.apps import apps

    from fiberledger.tenancy.models import TenantModel

    found = [m for m in apps.get_models() if issubclass(m, TenantModel)]
    return sorted(((m._meta.label_lower, str(m._meta.verbose_name).capitalize()) for m in found), key=lambda p: p[1])


entries = Screen(
    model=Entry,
    name="entry",
    namespace="team",
    permission="audit",
    title=_("Audit log"),
    one=_("entry"),
    icon="scroll-text",
    columns=(
        Column("at", _("When"), kind="moment", sort=False),
        Column("actor_name", _("Who"), kind="who", sort=False),
        Column("action_label", _("What"), sort=False),
        Column("target_label", _("On"), sort=False),
        Column("changes", _("Changed"), value=lambda entry: changed_fields(entry), sort=False),
        Column("weight", _("Weight"), kind="badge", value=lambda entry: weight(entry), sort=False),
        Column("ip", _("From"), sort=False),
        Column("on_behalf_of", _("On behalf of"), hidden=True, sort=False),
        Column("target_type", _("Kind of record"), hidden=True, sort=False),
    ),
    filters=(
        Filter("critical", _("Critical only"), test=lambda qs: qs.critical(), icon="triangle-alert"),  # type: ignore[attr-defined]
        Filter("action", _("Action"), choices=_action_choices, apply=lambda qs, values: qs.filter(action__in=values)),
        Filter(
            "type",
            _("Kind of record"),
            choices=_type_choices,
            apply=lambda qs, values: qs.filter(target_type__in=values),
        ),
        "actor_kind",
        "at",
    ),
    search=_find,
    search_hint=_("Who, what, or the record's name or number"),
    views=(View("critical", _("Critical"), "critical=1"), View("people", _("By people"), "actor_kind=staff")),
    exports=False,
    status="",
    list_buttons=(
        Button(_("Nightly proofs"), "team:proof-list", "shield-check", permission="audit.view"),
        Button(_("Download CSV"), "team:entry-csv", "download", permission="audit.export"),
    ),
    empty=Empty(
        _("Nothing fits"), _("Everything anybody does is written here, and sealed every minute."), "scroll-text"
    ),
)


looks("bad", "triangle-alert", "critical")


class Weight(TextChoices):
    CRITICAL = "critical", _("Critical")


def weight(entry):
    return Weight.CRITICAL if entry.is_critical else ""


def changed_fields(entry):
    """The names of what changed, a few of them."""
    names = [
        cells.field_label(entry.target_type, name)
        for name, before, after in entry.differences
        if name and (before or after)
    ]
    return ", ".join(names[:4]) + ("…" if len(names) > 4 else "")


proofs = Screen(
    model=Proof,
    name="proof",
    namespace="team",
    permission="audit",
    title=_("Nightly proofs"),
    icon="shield-check",
    order="what",
    columns=(
        Column("what", sort=False),
        Column("at", kind="moment", sort=False),
        Column("count", kind="number", sort=False),
    ),
    exports=False,
    status="",
    help=_(
        "Every night the books are added up anew and the audit log's seals are checked. A fault is shown to you at once."
    ),
    empty=Empty(_("Nothing has been proven yet"), _("The first night does it."), "shield-check"),
)


def _due(rows):
    return rows.due(vault.policy())


secrets = Screen(
    model=Kept,
    name="kept",
    namespace="team",
    view_needs="vault.view",
    edit_needs="-",
    create_needs="-",
    icon="key-round",
    title=_("Secrets"),
    columns=(
        "label",
        Column("what", _("What"), sort=False),
        Column("changed_at", kind="ago"),
        Column("seen_at", kind="ago", sort=False),
        Column("seen_by", _("By"), kind="who", sort=False),
    ),
    filters=("changed_at", Filter("due", _("Due to be changed"), test=_due, icon="calendar-clock")),
    views=(View("due", _("Due to be changed"), "due=1"),),
    search=("label__icontains",),
    search_hint=_("Name"),
    order="changed_at",
    record=False,
    status="",
    list_buttons=(
        Button(_("Who looked"), "team:look-list", "eye", permission="vault.view"),
        Button(_("How often to change them"), "team:secrets-policy", "settings-2", permission="vault.settings"),
    ),
    help=_(
        "What we keep locked. A secret is shown on its own record, to who may see it, gives a reason and the own password."
    ),
    empty=Empty(
        _("No secrets yet"), _("Routers bring a RADIUS secret and an API password; they are listed here."), "key-round"
    ),
)

looks_at_secrets = Screen(
    model=Look,
    name="look",
    namespace="team",
    view_needs="vault.view",
    edit_needs="-",
    create_needs="-",
    icon="eye",
    title=_("Looks at secrets"),
    columns=(
        Column("at", kind="moment", sort=False),
        Column("who", kind="who", sort=False),
        Column("what", _("What"), sort=False),
        Column("label", sort=False),
        Column("reason", sort=False),
    ),
    filters=("at",),
    search=("who__icontains", "label__icontains"),
    order="-pk",
    record=False,
    status="",
    empty=Empty(_("Nobody has looked"), _("Whoever has a secret shown to them stands here, with their reason."), "eye"),
)
