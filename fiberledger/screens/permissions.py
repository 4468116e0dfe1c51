from django.utils.translation import gettext_lazy as _

LABEL = _("Lists")
KINDS = ("platform", "platform_reseller", "isp")

PERMISSIONS = {
    "screens.share_views": _("Share saved views of lists with everyone"),
}
