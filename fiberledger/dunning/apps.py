from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DunningConfig(AppConfig):
    name = "fiberledger.dunning"
    label = "dunning"
    verbose_name = _("Suspension")

    def ready(self) -> None:
        from . import tasks  # noqa: F401  registers the jobs
