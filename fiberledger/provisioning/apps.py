from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvisioningConfig(AppConfig):
    name = "fiberledger.provisioning"
    label = "provisioning"
    verbose_name = _("Lines on routers")

    def ready(self) -> None:
        from . import tasks  # noqa: F401  registers the jobs
