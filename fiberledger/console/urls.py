from django.urls import path

from . import views

app_name = "console"
urlpatterns = [
    path("", views.home, name="home"),
    path("charts/<slug:code>/", views.chart, name="chart"),
    path("palette/", views.palette, name="palette"),
    path("pulse/", views.pulse, name="pulse"),
    path("alerts/", views.alerts, name="alerts"),
    path("scope/", views.scope_panel, name="scope"),
    path("jobs/", views.runs, name="runs"),
    path("brand/<str:colour>.css", views.brand_css, name="brand"),
    path("company/", views.company, name="company"),
]
