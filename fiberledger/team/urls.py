from django.urls import include, path

from . import views
from .screens import entries, invitations, members, proofs, roles

app_name = "team"
urlpatterns = [
    path("members/", include(list(members.urls(record=views.member)))),
    path("members/invite/", views.invite, name="invite"),
    path("members/<int:pk>/change/", views.change_member, name="member-change"),
    path("members/<int:pk>/disable/", views.disable_member, name="member-disable"),
    path("members/<int:pk>/enable/", views.enable_member, name="member-enable"),
    path("members/<int:pk>/reset/", views.send_reset, name="member-reset"),
    path("members/<int:pk>/new-password/", views.require_new_password, name="member-new-password"),
    path("members/<int:pk>/unlock/", views.unlock, name="member-unlock"),
    path("members/<int:pk>/sign-out/", views.sign_out, name="member-sign-out"),
    path("invitations/", include(list(invitations.urls(record=views.invitation)))),
    path("invitations/<int:pk>/again/", views.invite_again, name="invitation-again"),
    path("invitations/<int:pk>/withdraw/", views.withdraw, name="invitation-withdraw"),
    path("roles/", include(list(roles.urls(record=views.role)))),
    path("roles/create/", views.create_role, name="role-create"),
    path("roles/<int:pk>/change/", views.change_role, name="role-change"),
    path("roles/<int:pk>/clone/", views.clone_role, name="role-clone"),
    path("roles/<int:pk>/disable/", views.disable_role, name="role-disable"),
    path("roles/<int:pk>/enable/", views.enable_role, name="role-enable"),
    path("roles/<int:pk>/follow/", views.follow_template, name="role-follow"),
    path("log/", include(list(entries.urls(record=views.entry)))),
    path("proofs/", include(list(proofs.urls(record=views.proof)))),
    path("proofs/<int:pk>/again/", views.prove_again, name="proof-again"),
    path("log.csv", views.entries_csv, name="entry-csv"),
]
