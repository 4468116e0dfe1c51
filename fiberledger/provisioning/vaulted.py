from django.utils.translation import gettext_lazy as _

from fiberledger.vault.registry import Locked

LOCKED = [Locked("provisioning.configcopy", "text", "config", _("Configuration of a router"), "router_config.seen")]
