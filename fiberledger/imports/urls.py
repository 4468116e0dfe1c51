from django.urls import include, path

from . import views
from .screens import import_runs

app_name = "imports"
urlpatterns = [
    path("new/", views.upload, name="new"),
    path("<int:pk>/map/", views.map_columns, name="map"),
    path("<int:pk>/take/", views.take, name="take"),
    path("<int:pk>/check/", views.check_again, name="check"),
    path("<int:pk>/undo/", views.undo, name="undo"),
    path("<int:pk>/discard/", views.discard, name="discard"),
    path("<int:pk>/errors.<str:format>", views.error_file, name="errors"),
    path("", include(list(import_runs.urls(record=views.show)))),
]
