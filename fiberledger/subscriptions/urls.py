from django.urls import path

from . import views

app_name = "subscriptions"
urlpatterns = [
    path("register/", views.register, name="register"),
    path("of/<int:pk>/sell/", views.sell, name="sell"),
    path("of/<int:pk>/status/", views.status, name="status"),
    path("of/<int:pk>/blacklist/", views.blacklist, name="blacklist"),
    path("of/<int:pk>/lift-blacklist/", views.lift_blacklist, name="lift-blacklist"),
    *(path(f"of/<int:pk>/{name}/", view, name=f"{name}-all") for name, view in views.every.items()),
    *(path(f"<int:pk>/{name}/", view, name=name) for name, view in views.one.items()),
    path("<int:pk>/add-ons/sell/", views.sell_add_on, name="sell-add-on"),
    path("add-ons/<int:pk>/end/", views.end_add_on, name="end-add-on"),
    path("planned-changes/<int:pk>/cancel/", views.cancel_change, name="cancel-change"),
    path("<int:pk>/change-plan/", views.change_plan, name="change-plan"),
]
