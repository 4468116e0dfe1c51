from django.apps import AppConfig


class FiberLedgerConfig(AppConfig):
    """The house itself: when every room stands, the wiring is laid."""

    name = "fiberledger"
    label = "house"

    def ready(self) -> None:
        from fiberledger import wiring

        wiring.install()
