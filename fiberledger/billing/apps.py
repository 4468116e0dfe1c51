from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "fiberledger.billing"
    label = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        from . import tasks  # noqa: F401  registers the jobs
