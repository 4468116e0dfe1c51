from django.utils.translation import gettext_lazy as _

ACTIONS = {"vault.policy_changed": _("How often secrets are to be changed was changed")}
