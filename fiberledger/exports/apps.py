from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "fiberledger.exports"

    def ready(self) -> None:
        from fiberledger import screens

        from . import services

        screens.use_exporter(services.start)  # type: ignore[arg-type]  # a FileResponse is an answer, too
