from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ScreensConfig(AppConfig):
    name = "fiberledger.screens"
    label = "screens"
    verbose_name = _("Screens")

    def ready(self):
        from .registry import discover

        discover()
