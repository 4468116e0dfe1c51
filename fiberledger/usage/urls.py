from django.urls import include, path

from . import views
from .screens import lines

app_name = "usage"
urlpatterns = [
    path("lines/", include(list(lines.urls()))),
    path("rate/<uuid:key>/", views.rate, name="rate"),
]
