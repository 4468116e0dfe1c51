from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "fiberledger.reports"
    label = "reports"
