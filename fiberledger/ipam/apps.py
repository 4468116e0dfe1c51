from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IpamConfig(AppConfig):
    name = "fiberledger.ipam"
    verbose_name = _("Addresses")

    def ready(self) -> None:
        from fiberledger.subscriptions import addressing

        from . import sold, tasks  # noqa: F401  registers the job

        addressing.provide(sold.give)
