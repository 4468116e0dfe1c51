from django.urls import include, path

from . import screens
from .views import invitations, log, members, proofs, roles, secrets

app_name = "team"
urlpatterns = [
    path("members/", include(list(screens.members.urls(record=members.member)))),
    path("members/invite/", invitations.invite, name="invite"),
    path("members/<int:pk>/change/", members.change, name="member-change"),
    path("members/<int:pk>/disable/", members.disable, name="member-disable"),
    path("members/<int:pk>/enable/", members.enable, name="member-enable"),
    path("members/<int:pk>/reset/", members.send_reset, name="member-reset"),
    path("members/<int:pk>/new-password/", members.require_new_password, name="member-new-password"),
    path("members/<int:pk>/unlock/", members.unlock, name="member-unlock"),
    path("members/<int:pk>/sign-out/", members.sign_out, name="member-sign-out"),
    path("invitations/", include(list(screens.invitations.urls(record=invitations.invitation)))),
    path("invitations/<int:pk>/again/", invitations.again, name="invitation-again"),
    path("invitations/<int:pk>/withdraw/", invitations.withdraw, name="invitation-withdraw"),
    path("roles/", include(list(screens.roles.urls(record=roles.role)))),
    path("roles/create/", roles.create, name="role-create"),
    path("roles/<int:pk>/change/", roles.change, name="role-change"),
    path("roles/<int:pk>/clone/", roles.clone, name="role-clone"),
    path("roles/<int:pk>/disable/", roles.disable, name="role-disable"),
    path("roles/<int:pk>/enable/", roles.enable, name="role-enable"),
    path("roles/<int:pk>/follow/", roles.follow_template, name="role-follow"),
    path("log/", include(list(screens.entries.urls(record=log.entry)))),
    path("proofs/", include(list(screens.proofs.urls(record=proofs.proof)))),
    path("proofs/<int:pk>/again/", proofs.prove_again, name="proof-again"),
    path("secrets/policy/", secrets.policy, name="secrets-policy"),
    path("secrets/looks/", include(list(screens.looks_at_secrets.urls()))),
    path("secrets/", include(list(screens.secrets.urls()))),
    path("log.csv", log.entries_csv, name="entry-csv"),
]
