from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "lines_on_router.kept": _("What is kept on a router changed"),
    "difference.accepted": _("Difference on a router accepted"),
    "difference.taken_over": _("Somebody else's entry on a router taken over"),
    "difference.healed": _("Difference on a router put right by hand"),
}
CRITICAL = {"lines_on_router.kept"}
