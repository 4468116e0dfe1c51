from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "notice.sent": _("Message sent"),
    "notices.settings_changed": _("Message settings changed"),
    "notices.wording_changed": _("Message wording changed"),
}
