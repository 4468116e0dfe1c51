from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "subscribers.view": _("See subscribers"),
    "subscribers.create": _("Register subscribers"),
    "subscribers.edit": _("Change subscribers and their tags"),
    "subscribers.note": _("Write notes about subscribers"),
    "subscribers.national_id": _("See national identity numbers in full"),
    "subscribers.blacklist": _("Blacklist, lift a blacklist, and register a blacklisted person anew"),
    "subscribers.export": _("Export subscribers"),
    "subscribers.settings": _("Change registration rules and tags"),
}
