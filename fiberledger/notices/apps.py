from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    name = "fiberledger.notices"
    label = "notices"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from . import tasks  # noqa: F401  registers the jobs
