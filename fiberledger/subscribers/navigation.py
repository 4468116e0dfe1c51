from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry(
        "subscribers",
        _("Subscribers"),
        "subscribers:subscriber-list",
        "users",
        "subscribers.view",
        order=10,
        phone=20,
        keys="g s",
    ),
    Entry("subscribers", _("Areas"), "subscribers:area-tree", "map-pin", "places.view", order=40, keys="g a"),
    Entry("settings", _("Branches"), "subscribers:branch-list", "building-2", "places.view", order=20),
    Entry("settings", _("Tags"), "subscribers:tag-list", "tag", "subscribers.settings", order=50),
    Entry(
        "settings",
        _("Registration rules"),
        "subscribers:registration-policy",
        "clipboard-check",
        "subscribers.settings",
        order=45,
    ),
]
