from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "lines_on_router.kept": _("What is kept on a router changed"),
    "difference.accepted": _("Difference on a router accepted"),
    "difference.taken_over": _("Somebody else's entry on a router taken over"),
    "difference.healed": _("Difference on a router put right by hand"),
    "router.brought_over": _("Router read for an import"),
    "router_change.asked": _("Change of a router prepared"),
    "router_change.approved": _("Change of a router approved"),
    "router_config.seen": _("Configuration of a router looked at"),
}
CRITICAL = {"lines_on_router.kept", "router_change.approved"}
