from django.urls import include, path

from . import screens, views

app_name = "access"
urlpatterns = [
    path("routers/<int:pk>/test/", views.test_router, name="test-router"),
    path("routers/<int:pk>/health/", views.router_health, name="router-health"),
    path("routers/<int:pk>/certificate/", views.accept_certificate, name="accept-certificate"),
    path("routers/<int:pk>/read/", views.read_router, name="read-router"),
    path("routers/<int:pk>/pools/", views.router_pools, name="router-pools"),
    path("routers/<int:pk>/secret/", views.reveal_secret, name="reveal-secret"),
    path("routers/<int:pk>/api-password/", views.reveal_api_password, name="reveal-api-password"),
    path("routers/", include(list(screens.routers.urls()))),
    path("pops/", include(list(screens.pops.urls()))),
    path("online/count/", views.online_count, name="online-count"),
    path("online/<uuid:key>/disconnect/", views.disconnect, name="disconnect"),
    path("online/", views.online),  # in place of the plain list below
    path("online/", include(list(screens.live_sessions.urls()))),
    path("sessions/", include(list(screens.past_sessions.urls()))),
    path("refused/<int:pk>/rebind/", views.rebind, name="rebind"),
    path("attributes/<int:pk>/remove/", views.remove_attribute, name="remove-attribute"),
    path("attributes/preview/", views.preview, name="preview"),
    path("attributes/", include(list(screens.attributes.urls()))),
    path("log/", include(list(screens.login_log.urls()))),
    path("guessing/<int:pk>/let-in/", views.let_in, name="let-in"),
    path("guessing/", include(list(screens.guessing.urls()))),
    path("rules/", views.policy, name="policy"),
    path("refused/", include(list(screens.refusals.urls()))),
    path("commands/", include(list(screens.commands.urls()))),
    path("drift/<int:pk>/accept/", views.accept_drift, name="accept-drift"),
    path("drift/", views.drift_list),  # in place of the plain list below
    path("drift/", include(list(screens.drift.urls()))),
    path("lines/<int:pk>/account/", views.open_account, name="open-account"),
    path("accounts/<int:pk>/", views.edit_account, name="account"),
    path("accounts/<int:pk>/password/", views.reveal_password, name="reveal-password"),
]
