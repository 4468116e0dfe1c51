from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    name = "fiberledger.onboarding"

    def ready(self) -> None:
        from . import plans, subscribers  # noqa: F401 - they register themselves
