from django.urls import path

from . import views

app_name = "identity"
urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("login/<slug:code>/", views.sign_in_step, name="login_step"),
    path("logout/", views.sign_out, name="logout"),
    path("choose/", views.choose_tenant, name="choose_tenant"),
    path("forgot/", views.forgot, name="forgot"),
    path("reset/<str:secret>/", views.reset, name="reset"),
    path("join/<slug:slug>/<str:secret>/", views.join, name="join"),
    path("account/", views.account, name="account"),
    path("account/password/", views.change_password, name="password"),
    path("account/logins/", views.logins, name="logins"),
    path("account/logins/end/", views.end_logins, name="end_logins"),
    path("account/preference/", views.preference, name="preference"),
]
