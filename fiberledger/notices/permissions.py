from django.utils.translation import gettext_lazy as _

LABEL = _("Messages")
KINDS = ("isp",)

PERMISSIONS = {
    "notices.view": _("See messages to subscribers"),
    "notices.send": _("Send or skip messages"),
    "notices.settings": _("Change the messages' wording"),
}
