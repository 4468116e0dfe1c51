from django.urls import include, path

from . import screens, views

app_name = "ipam"
urlpatterns = [
    path("prefixes/<int:pk>/assign/", views.assign, name="assign"),
    path("prefixes/<int:pk>/reserve/", views.reserve, name="reserve"),
    path("prefixes/<int:pk>/split/", views.split, name="split"),
    path("prefixes/<int:pk>/remove/", views.remove_prefix, name="remove-prefix"),
    path("prefixes/", include(list(screens.prefixes.urls(record=views.prefix)))),
    path("pools/<int:pk>/assign/", views.assign_of_pool, name="assign-of-pool"),
    path("pools/<int:pk>/remove/", views.remove_pool, name="remove-pool"),
    path("pools/", include(list(screens.pools.urls()))),
    path("addresses/<int:pk>/release/", views.release, name="release"),
    path("addresses/", include(list(screens.holdings.urls(record=views.holding)))),
    path("cgnat/<int:pk>/end/", views.end_rule, name="end-rule"),
    path("cgnat/", include(list(screens.rules.urls()))),
    path("vlans/", include(list(screens.vlans.urls()))),
    path("vrfs/", include(list(screens.vrfs.urls()))),
]
