from django.urls import include, path

from . import screens, views

app_name = "provisioning"
urlpatterns = [
    path("routers/<int:pk>/", views.keep, name="keep"),
    path("routers/<int:pk>/look/", views.look, name="look"),
    path("routers/<int:pk>/bring-over/", views.bring_over, name="bring-over"),
    path("routers/<int:pk>/change/", views.ask_change, name="ask-change"),
    path("routers/<int:pk>/copy/", views.copy_now, name="copy-now"),
    path("changes/<int:pk>/", views.change, name="change"),
    path("changes/<int:pk>/approve/", views.approve_change, name="approve-change"),
    path("copies/<int:pk>/", views.copy, name="copy"),
    path("differences/<int:pk>/accept/", views.accept, name="accept"),
    path("differences/<int:pk>/take-over/", views.take_over, name="take-over"),
    path("differences/", include(list(screens.differences.urls()))),
    path("steps/", include(list(screens.steps.urls()))),
]
