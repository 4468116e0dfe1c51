from django.urls import include, path

from . import views
from .screens import invoices, runs

app_name = "billing"
urlpatterns = [
    path("invoices/by-hand/", views.invoice_new, name="invoice-new"),
    path("invoices/<int:pk>/pdf/", views.invoice_pdf, name="invoice-pdf"),
    path("invoices/<int:pk>/send/", views.invoice_send, name="invoice-send"),
    path("invoices/<int:pk>/cancel/", views.invoice_void, name="invoice-void"),
    path("invoices/", include(invoices.urls(record=views.invoice))),
    path("statements/<int:pk>/pdf/", views.statement_pdf, name="statement-pdf"),
    path("run/", views.run_new, name="run-new"),
    path("runs/<int:pk>/start/", views.run_start, name="run-start"),
    path("runs/<int:pk>/again/", views.run_again, name="run-again"),
    path("runs/<int:pk>/pdf/", views.run_pdf, name="run-pdf"),
    path("runs/", include(runs.urls(record=views.run))),
    path("rules/", views.policy, name="policy"),
]
