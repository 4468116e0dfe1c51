from django.urls import include, path

from fiberledger.screens.addresses import screen_urls

from . import views
from .screens import exemptions, graces, runs

app_name = "dunning"

urlpatterns = [
    path("preview/", views.preview, name="preview"),
    path("start/", views.start, name="start"),
    path("why/<int:pk>/", views.why, name="why"),
    path("exempt/<int:pk>/", views.exempt, name="exempt"),
    path("exemptions/<int:pk>/end/", views.end_exemption, name="end_exemption"),
    path("forgive/<int:pk>/", views.forgive, name="forgive"),
    path("runs/<int:pk>/lift/", views.lift, name="lift"),
    path("runs/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("settings/", views.settings, name="settings"),
    path("grace/<int:pk>/remove/", views.remove_grace, name="remove_grace"),
    path("grace/", include(screen_urls(graces))),
    path("exemptions/", include(screen_urls(exemptions))),
    path("runs/", include(screen_urls(runs, record=views.show_run))),
]
