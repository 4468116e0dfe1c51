from django.urls import include, path

from . import views
from .screens import plans, taxes

app_name = "catalog"
urlpatterns = [
    path("plans/<int:pk>/on-sale/", views.put_on_sale, name="plan-on-sale"),
    path("plans/<int:pk>/stop/", views.stop_selling, name="plan-stop"),
    path("plans/<int:pk>/archive/", views.archive, name="plan-archive"),
    path("plans/", include(plans.urls())),
    path("taxes/", include(taxes.urls())),
]
