from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "area.added": _("Area added"),
    "area.changed": _("Area changed"),
    "area.branch_assigned": _("Area given to a branch"),
    "branch.created": _("Branch added"),
    "branch.changed": _("Branch changed"),
}
