from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "fiberledger.demo"
    label = "demo"
