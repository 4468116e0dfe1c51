from django.urls import path

from .catalogue import REPORTS
from .views import page_of

app_name = "reports"
urlpatterns = [path(f"{report.code}/", page_of(report), name=report.code) for report in REPORTS]
