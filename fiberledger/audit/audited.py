from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "audit.exported": _("Audit log exported"),
    "proof.failed": _("A nightly proof found faults"),
}
