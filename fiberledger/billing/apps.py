from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "fiberledger.billing"
    label = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        from fiberledger.subscriptions import charging, terms

        from . import services, tasks  # noqa: F401  registers the jobs

        terms.provide(services.agreed_terms)
        charging.provide(services.charge_add_on)
        charging.provide_difference(services.difference_of)
