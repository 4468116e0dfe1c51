from django.utils.translation import gettext_lazy as _

from fiberledger.vault.registry import Locked

LOCKED = [
    Locked("access.nas", "secret", "nas", _("RADIUS secret"), "router.secret_revealed", listed=True),
    Locked("access.nas", "api_password", "nas-api", _("API password"), "router.api_password_revealed", listed=True),
    Locked("access.nas", "tunnel_key", "nas-tunnel", _("WireGuard key"), "router.tunnel_key_revealed", listed=True),
    Locked("access.accessaccount", "password", "account", _("Network password"), "account.password_revealed"),
]
NOT_LOCKED = {
    "access.Nas.radius_secret": "boxed for FreeRADIUS, with its own key (docs/decisions/radius-secrets.md)",
    "access.RadiusLine.secret": "boxed for FreeRADIUS, with its own key",
}
