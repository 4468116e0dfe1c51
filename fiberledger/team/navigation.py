from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("settings", _("Members"), "team:member-list", "users-round", "members.view", order=20),
    Entry("settings", _("Roles"), "team:role-list", "shield-check", "roles.view", order=21),
    Entry("settings", _("Secrets"), "team:kept-list", "key-round", "vault.view", order=23),
    Entry("settings", _("Audit log"), "team:entry-list", "scroll-text", "audit.view", order=22),
]
