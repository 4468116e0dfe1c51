from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry(
        "network", _("Online now"), "access:livesession-list", "wifi", "access.sessions", order=10, phone=25, keys="g o"
    ),
    Entry("network", _("Past sessions"), "access:sessionhistory-list", "history", "access.sessions", order=20),
    Entry("network", _("Refused logins"), "access:refusedlogin-list", "shield-x", "access.sessions", order=30),
    Entry("network", _("Login log"), "access:loginentry-list", "scroll-text", "access.sessions", order=32),
    Entry("network", _("Password guessing"), "access:loginguess-list", "siren", "access.sessions", order=34),
    Entry("network", _("Routers"), "access:nas-list", "router", "access.routers_view", order=40, keys="g r"),
    Entry("network", _("Points of presence"), "access:pop-list", "map-pin", "access.routers_view", order=42),
    Entry("network", _("Drift"), "access:drift-list", "git-compare", "access.sessions", order=45, keys="g d"),
    Entry("network", _("Router commands"), "access:linecommand-list", "send", "access.sessions", order=50),
    Entry("network", _("RADIUS attributes"), "access:radiusattribute-list", "braces", "access.routers_view", order=52),
    Entry("network", _("RADIUS answers"), "access:preview", "reply", "access.view", order=54),
    Entry("settings", _("Login rules"), "access:policy", "key-round", "access.rules", order=50),
]
