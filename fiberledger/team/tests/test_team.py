"""The pages on which an owner manages people and roles, and reads what was done."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

from django.core import mail

from fiberledger import audit
from fiberledger.audit.models import Entry
from fiberledger.identity import permissions
from fiberledger.identity.models import Invitation, Membership, Role, User
from fiberledger.places.models import Branch


def role(isp, template):
    with isp.scope():
        return Role.objects.get(template=template)


def test_an_owner_invites_somebody_to_one_branch(isp):
    client, email = isp.client("owner"), f"{uuid4().hex[:8]}@example.org"
    with isp.scope():
        branch = Branch.objects.create(name="Gulberg", code="GUL")
    form = {"email": email, "name": "Ravi", "roles": [role(isp, "branch_manager").pk], "scope": "branches"}
    assert client.get("/team/members/invite/").status_code == 200
    answer = client.post("/team/members/invite/", form)
    assert answer.status_code == 422 and "at least one branch" in answer.content.decode()
    assert client.post("/team/members/invite/", {**form, "branches": [branch.pk]}).status_code == 302
    isp.run()
    assert [letter.to for letter in mail.outbox if letter.to == [email]]
    with isp.scope():
        invitation = Invitation.objects.get(email=email)
        assert Entry.objects.filter(action="member.invited").get().after["branches"] == ["Gulberg"]
    page = client.get(f"/team/invitations/{invitation.pk}/").content.decode()
    assert "Gulberg" in page
    assert client.post(f"/team/invitations/{invitation.pk}/withdraw/").status_code == 302
    with isp.scope():
        assert not Invitation.objects.open().exists()


def test_changing_roles_shows_in_the_log_with_before_and_after(isp):
    client, member = isp.client("owner"), isp.member("support")
    new = {"roles": [role(isp, "cashier").pk], "scope": "all", "networks": "192.0.2.0/24"}
    url = f"/team/members/{member.pk}/change/"
    assert client.get(url).status_code == 200
    assert client.post(url, {**new, "networks": "nowhere"}).status_code == 422
    assert client.post(url, new).status_code == 302
    with isp.scope():
        entry = Entry.objects.filter(action="member.changed").get()
        assert (entry.before["roles"], entry.after["roles"]) == (["Support agent"], ["Cashier"])
        assert Membership.objects.get(pk=member.pk).allowed_networks == ["192.0.2.0/24"]
    page = client.get(f"/team/log/{entry.pk}/").content.decode()
    assert "<del" in page and "Support agent" in page and "<ins" in page and "Cashier" in page


def test_the_buttons_of_a_member_do_what_they_say(isp):
    client, member = isp.client("owner"), isp.member("support")
    theirs = isp.client("support")
    for verb, action in (
        ("disable", "member.disabled"),
        ("enable", "member.enabled"),
        ("reset", "password.reset_sent"),
        ("sign-out", "member.signed_out"),
        ("new-password", "password.change_required"),
    ):
        url = f"/team/members/{member.pk}/{verb}/"
        assert client.get(url).status_code == 405
        assert theirs.post(url).status_code == 403
        assert client.post(url).status_code == 302
        with isp.scope():
            assert Entry.objects.filter(action=action, target_id=str(member.pk)).count() == 1, action
    assert User.objects.get(pk=member.user_id).must_change_password
    page = client.get(f"/team/members/{member.pk}/").content.decode()
    assert member.user.email in page


def test_what_is_refused_is_said(isp):
    client = isp.client("owner")
    with isp.scope():
        me = Membership.objects.get()
    answer = client.post(f"/team/members/{me.pk}/disable/", follow=True)
    assert "cannot shut yourself out" in answer.content.decode()


def test_an_administrator_sees_an_owner_but_no_buttons(isp):
    owner, admin = isp.member("owner"), isp.client("admin")
    page = admin.get(f"/team/members/{owner.pk}/").content.decode()
    assert owner.user.email in page and f"/team/members/{owner.pk}/disable/" not in page
    admin.post(f"/team/members/{owner.pk}/sign-out/")
    with isp.scope():
        assert not Entry.objects.filter(action="member.signed_out").exists()


def test_a_role_is_made_cloned_edited_and_put_aside(isp):
    client = isp.client("owner")
    new = {"name": "Night desk", "description": "After hours", "permit": ["audit.view", "members.view"]}
    assert client.get("/team/roles/create/").status_code == 200
    assert client.post("/team/roles/create/", new).status_code == 302
    with isp.scope():
        made = Role.objects.get(name="Night desk")
        assert made.granted() == {"audit.view", "members.view"}
    assert client.post("/team/roles/create/", new).status_code == 422  # the name is taken
    assert client.post(f"/team/roles/{made.pk}/change/", {**new, "permit": ["audit.view"]}).status_code == 302
    assert client.post(f"/team/roles/{made.pk}/clone/", {"name": "Day desk"}).status_code == 302
    assert client.post(f"/team/roles/{made.pk}/disable/").status_code == 302
    with isp.scope():
        made.refresh_from_db()
        assert made.granted() == {"audit.view"} and not made.is_active
        assert Role.objects.get(name="Day desk").granted() == {"audit.view"}
        entry = Entry.objects.filter(action="role.changed").get()
        assert entry.extra == {"granted": [], "taken": ["members.view"]}
    for tab in ("", "?tab=holders", "?tab=history"):
        assert client.get(f"/team/roles/{made.pk}/{tab}").status_code == 200


def test_a_made_up_permission_is_refused(isp):
    client = isp.client("owner")
    answer = client.post("/team/roles/create/", {"name": "X", "permit": ["control.create"]})
    assert answer.status_code == 422
    answer = client.post("/team/roles/create/", {"name": "X", "permit": ["no.such"]})
    assert answer.status_code == 422


def test_boxes_one_does_not_hold_are_not_for_ticking(isp):
    client = isp.client("admin")
    page = client.get("/team/roles/create/").content.decode()
    assert page.count('name="permit"') == len(permissions.for_kind("isp"))


def test_the_log_is_searched_filtered_and_taken_home(isp):
    client = isp.client("owner")
    with isp.scope():
        actor = isp.system()
        audit.note(actor, "plan.changed", after={"price": "100"})
        audit.note(actor, "payment.reversed", after={"text": "=cmd()"})
    page = client.get("/team/log/").content.decode()
    assert "Plan changed" in page or "plan changed" in page.lower()
    critical = client.get("/team/log/?critical=1").content.decode().lower()
    assert "payment reversed" in critical and "plan changed" not in critical
    found = client.get("/team/log/?q=payment.rev").content.decode().lower()
    assert "payment reversed" in found and "plan changed" not in found
    answer = client.get("/team/log.csv?q=payment.rev")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["action"] for row in rows] == ["payment.reversed"]
    with isp.scope():
        assert Entry.objects.filter(action="audit.exported").get().after["rows"] == 1
    assert isp.client("accountant").get("/team/log.csv").status_code == 403
    assert isp.client("accountant").get("/team/log/").status_code == 200


def test_a_formula_in_the_log_stays_text(isp):
    client = isp.client("owner")
    with isp.scope():
        profile = type(
            "P", (), {"pk": 1, "_meta": type("M", (), {"label_lower": "x.y"}), "__str__": lambda s: "=1+1"}
        )()
        audit.note(isp.system(), "x.y", profile)
    rows = list(csv.DictReader(io.StringIO(client.get("/team/log.csv?q=x.y").content.decode("utf-8-sig"))))
    assert rows[0]["name"] == "'=1+1"


def test_logins_elsewhere_are_not_shown_here(isp, zed):
    member = isp.member("support")
    isp.client("support")
    page = isp.client("owner").get(f"/team/members/{member.pk}/?tab=logins")
    assert page.status_code == 200
