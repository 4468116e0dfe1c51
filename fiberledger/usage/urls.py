from django.urls import path

from . import views

app_name = "usage"
urlpatterns = [
    path("rate/<uuid:key>/", views.rate, name="rate"),
]
