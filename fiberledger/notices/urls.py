from django.urls import include, path

from fiberledger.screens.addresses import screen_urls

from . import views
from .screens import notices

app_name = "notices"

urlpatterns = [
    path("outbox/", views.outbox, name="outbox"),
    path("<int:pk>/sent/", views.sent, name="sent"),
    path("<int:pk>/skip/", views.skip, name="skip"),
    path("settings/", views.settings, name="settings"),
    path("wording/<str:event>/<slug:language>/", views.wording, name="wording"),
    path("", include(screen_urls(notices, record=views.show_notice))),
]
