from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from fiberledger.identity import permissions
from fiberledger.identity.models import Membership, Role
from fiberledger.identity.services import Grant
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import current_tenant


class GrantForm(forms.Form):
    """Which roles, over which part of the business, from where."""

    roles = forms.ModelMultipleChoiceField(Role.objects.none(), label=_("Roles"), widget=forms.CheckboxSelectMultiple)
    scope = forms.ChoiceField(
        label=_("Reaches"), choices=Membership.Scope.choices, initial=Membership.Scope.ALL, widget=forms.RadioSelect
    )
    branches = forms.ModelMultipleChoiceField(
        Branch.objects.none(), label=_("Branches"), required=False, help_text=_("For “Some branches”.")
    )
    areas = forms.ModelMultipleChoiceField(
        Area.objects.none(),
        label=_("Areas"),
        required=False,
        help_text=_("For “Some areas”; everything within goes with it."),
    )
    resellers = forms.CharField(
        label=_("Resellers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For “Some resellers' subscribers”: one name a line, as it stands on the subscribers."),
    )
    networks = forms.CharField(
        label=_("Only from these addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One network a line, e.g. 203.0.113.0/24. Empty: from anywhere."),
    )

    sections = [
        (_("Roles"), ["roles"]),
        (_("Reach"), ["scope", "branches", "areas", "resellers"]),
        (_("Safety"), ["networks"]),
    ]

    def __init__(self, data: Any = None, *, member: Membership | None = None) -> None:
        grant = Grant.of(member) if member is not None else None
        initial = (
            {}
            if grant is None
            else {
                "roles": grant.role_ids,
                "scope": grant.scope,
                "branches": grant.branch_ids,
                "areas": grant.area_ids,
                "resellers": "\n".join(grant.reseller_names),
                "networks": "\n".join(grant.networks),
            }
        )
        super().__init__(data, initial=initial)
        self.fields["roles"].queryset = Role.objects.active().order_by("id")
        self.fields["branches"].queryset = Branch.objects.order_by("name")
        self.fields["areas"].queryset = Area.objects.active().in_tree_order()
        self.fields["areas"].label_from_instance = lambda area: area.full_name

    def grant(self) -> Grant:
        chosen = self.cleaned_data
        return Grant(
            role_ids=tuple(role.pk for role in chosen["roles"]),
            scope=chosen["scope"],
            branch_ids=tuple(branch.pk for branch in chosen["branches"]),
            area_ids=tuple(area.pk for area in chosen["areas"]),
            reseller_names=tuple(_lines(chosen["resellers"])),
            networks=tuple(_lines(chosen["networks"])),
        )


class InviteForm(GrantForm):
    email = forms.EmailField(label=_("E-mail"))
    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language of the letter"), required=False)

    field_order = ["name", "email", "language"]
    sections = [(_("Who"), ["name", "email", "language"]), *GrantForm.sections]

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["language"].choices = [("", _("As the company's")), *settings.LANGUAGES]


def _lines(text: str) -> list[str]:
    return sorted({line.strip() for line in text.splitlines() if line.strip()})


class RoleForm(forms.Form):
    """A role's name and its permissions, in the groups of the rooms they come from."""

    name = forms.CharField(label=_("Name"), max_length=60)
    description = forms.CharField(label=_("What for"), max_length=200, required=False)

    def __init__(self, data: Any = None, *, role: Role | None = None, actor: Any = None) -> None:
        held = role.granted() if role is not None and role.pk else frozenset()
        initial = {"name": str(role), "description": role.description} if role is not None and role.pk else {}
        super().__init__(data, initial=initial)
        self.held, self.actor = held, actor
        self.picked = set(data.getlist("permit")) if data is not None else set(held)

    @property
    def chosen(self) -> set[str]:
        """What was ticked. A box the actor may not touch is not sent by the browser, and stays as it was."""
        untouchable = {code for code in self.held if not self.actor.may(code)}
        return self.picked | untouchable

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [
            {
                "code": group.code,
                "label": group.label,
                "permissions": [
                    {"code": code, "label": label, "on": code in self.picked, "fixed": not self.actor.may(code)}
                    for code, label in group.permissions.items()
                ],
            }
            for group in permissions.groups(current_tenant().kind)
        ]


class CloneForm(forms.Form):
    name = forms.CharField(label=_("Name of the new role"), max_length=60)
