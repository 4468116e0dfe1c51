from django.urls import path

from . import views

app_name = "control"
urlpatterns = [
    path("", views.tenants, name="tenants"),
    path("new/", views.take_in, name="take_in"),
    path("<int:pk>/", views.tenant, name="tenant"),
    path("<int:pk>/suspend/", views.suspend, name="suspend"),
    path("<int:pk>/resume/", views.resume, name="resume"),
]
