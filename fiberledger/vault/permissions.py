from django.utils.translation import gettext_lazy as _

LABEL = _("Secrets")
KINDS = ("isp",)

PERMISSIONS = {
    "vault.view": _("See which secrets are kept, and who looked at them"),
    "vault.settings": _("Say how often secrets are to be changed"),
}
