from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "fiberledger.payments"
    label = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from fiberledger.billing import reading

        from . import services, tasks  # noqa: F401  registers the jobs

        reading.describe("payment", services.names_for_statement)
