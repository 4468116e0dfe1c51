from django.urls import include, path

from . import views
from .screens import add_ons, plans, taxes

app_name = "catalog"
urlpatterns = [
    path("plans/<int:pk>/on-sale/", views.put_on_sale, name="plan-on-sale"),
    path("plans/<int:pk>/stop/", views.stop_selling, name="plan-stop"),
    path("plans/<int:pk>/archive/", views.archive, name="plan-archive"),
    path("plans/<int:pk>/hours/new/", views.add_hours, name="hours-new"),
    path("hours/<int:pk>/", views.edit_hours, name="hours"),
    path("hours/<int:pk>/remove/", views.remove_hours, name="hours-remove"),
    path("add-ons/<int:pk>/on-sale/", views.put_add_on_on_sale, name="addon-on-sale"),
    path("add-ons/<int:pk>/stop/", views.stop_selling_add_on, name="addon-stop"),
    path("add-ons/<int:pk>/archive/", views.archive_add_on, name="addon-archive"),
    path("add-ons/", include(add_ons.urls())),
    path("plans/", include(plans.urls())),
    path("taxes/", include(taxes.urls())),
]
