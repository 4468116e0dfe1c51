from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.identity.models import Membership
from fiberledger.screens import Hit, PaletteAction

ACTIONS = [
    PaletteAction(_("Invite a member"), "team:invite", "user-plus", "members.manage"),
    PaletteAction(_("New role"), "team:role-create", "shield-plus", "roles.manage"),
]


def find(actor, text):
    """Members by name or address."""
    if not actor.may("members.view") or len(text) < 2:
        return []
    found = Membership.objects.select_related("user").filter(
        Q(user__name__icontains=text) | Q(user__email__icontains=text)
    )
    return [
        Hit(m.name, reverse("team:member", args=[m.pk]), m.user.email, "user-round", m, kind=_("Member"))
        for m in found[:5]
    ]
