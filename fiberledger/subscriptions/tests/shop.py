from decimal import Decimal

from fiberledger import calendar
from fiberledger.catalog.models import Plan
from fiberledger.subscribers.tests.shop import Shop as Records
from fiberledger.subscriptions import services


class Shop(Records):
    """The same shop with plans to sell."""

    def __init__(self, isp):
        super().__init__(isp)
        self.home = self.plan("Home 20M", "2200")
        self.fast = self.plan("Fiber 50M", "3500")

    def plan(self, name, price, **fields):
        code = name.upper().replace(" ", "-")
        return Plan.objects.create(
            name=name,
            code=code,
            price=Decimal(price),
            currency="PKR",
            download_kbps=20_000,
            upload_kbps=20_000,
            **fields,
        )

    def line(self, name="Asha", status=None, on=None, **fields):
        subscriber = self.register(name)
        return services.sell(
            subscriber, fields.pop("plan", self.home), on=on or calendar.today(), by=self.by, status=status, **fields
        )
