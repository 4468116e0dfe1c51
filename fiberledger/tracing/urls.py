from django.urls import include, path

from . import screens, views

app_name = "tracing"
urlpatterns = [
    path("<int:pk>/approve/", views.approve, name="approve"),
    path("<int:pk>/refuse/", views.refuse, name="refuse"),
    path("<int:pk>/print/", views.print_case, name="print"),
    path("", include(list(screens.cases.urls(record=views.case)))),
]
