"""Nobody grants what they do not hold, and the last owner stays."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from fiberledger.audit.models import Entry
from fiberledger.identity import Actor, permissions, roles, services, tenants
from fiberledger.identity.models import Membership, MembershipRole, Role
from fiberledger.identity.services import Grant
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import Refusal


def actor_of(isp, member):
    with isp.scope():
        return tenants.actor_for(member.user, isp.tenant, None)


def role(template):
    return Role.objects.get(template=template)


def test_who_collects_in_the_field_may_send_the_receipt(isp):
    with isp.scope():
        assert {"notices.view", "notices.send"} <= Role.objects.get(template="collector").granted()


def test_every_tenant_has_the_roles_of_its_kind(isp):
    with isp.scope():
        have = set(Role.objects.values_list("template", flat=True))
        services.provision()
        assert set(Role.objects.values_list("template", flat=True)) == have
    assert have == {template.code for template in roles.for_kind("isp")}


def test_the_owner_holds_everything_there_is_for_an_isp_and_nothing_of_the_platforms(isp):
    owner = actor_of(isp, isp.member("owner"))
    assert owner.permissions == permissions.for_kind("isp")
    assert not any(code.startswith("control.") for code in owner.permissions)


def test_every_template_permits_something_and_only_owner_and_administrator_manage_roles(isp):
    for template in roles.for_kind("isp"):
        held = roles.granted("isp", template.code, None)
        assert held, template.code
        assert ("roles.manage" in held) == (template.code in ("owner", "admin")), template.code


def test_an_administrator_cannot_make_an_owner_nor_touch_one(isp):
    owner, admin = isp.member("owner"), isp.member("admin")
    by = actor_of(isp, admin)
    with isp.scope():
        with pytest.raises(Refusal, match="owner"):
            services.invite("x@example.org", "x", Grant((role("owner").pk,)), by=by)
        with pytest.raises(Refusal):
            services.disable_member(owner, by=by)
        with pytest.raises(Refusal):
            services.change_member(owner, Grant((role("support").pk,)), by=by)
        with pytest.raises(Refusal):
            services.sign_out_member(owner, by=by)


def test_nobody_grants_what_they_do_not_hold(isp):
    helper = isp.member("support")
    with isp.scope():
        chosen = sorted({"members.view", "members.manage", "roles.manage", "roles.view"})
        own = services.save_role(Role(), name="People only", description="", chosen=chosen, by=isp.system())
        services.change_member(helper, Grant((own.pk,)), by=isp.system())
    by = actor_of(isp, helper)
    with isp.scope():
        with pytest.raises(Refusal, match="do not hold"):
            services.invite("x@example.org", "x", Grant((role("admin").pk,)), by=by)
        with pytest.raises(Refusal, match="do not hold"):
            services.save_role(Role(), name="More", description="", chosen=["audit.view"], by=by)
        with pytest.raises(Refusal, match="do not hold"):
            services.clone_role(role("accountant"), name="Copy", by=by)
        with pytest.raises(Refusal, match="do not hold"):  # nor take away what they could not give
            services.save_role(role("accountant"), name="Accountant", description="", chosen=[], by=by)
        with pytest.raises(Refusal, match="own roles"):
            services.change_member(helper, Grant((own.pk, role("support").pk)), by=by)
        services.invite("y@example.org", "y", Grant((own.pk,)), by=by)


def test_who_reaches_one_branch_lets_nobody_reach_more(isp):
    with isp.scope():
        here = Branch.objects.create(name="Here", code="H")
        there = Branch.objects.create(name="There", code="T")
        services.save_role(
            Role(), name="Local head", description="", chosen=["members.view", "members.manage"], by=isp.system()
        )
        own = Role.objects.get(name="Local head")
    head = isp.member("support")
    with isp.scope():
        services.change_member(head, Grant((own.pk,), "branches", branch_ids=(here.pk,)), by=isp.system())
    by = actor_of(isp, head)
    assert by.branch_ids == {here.pk}
    with isp.scope():
        for grant in (Grant((own.pk,)), Grant((own.pk,), "branches", branch_ids=(here.pk, there.pk))):
            with pytest.raises(Refusal, match="reach"):
                services.invite("x@example.org", "x", grant, by=by)
        services.invite("x@example.org", "x", Grant((own.pk,), "branches", branch_ids=(here.pk,)), by=by)


def test_another_tenants_roles_and_branches_cannot_be_granted(isp, zed):
    with zed.scope():
        theirs, branch = role("support"), Branch.objects.create(name="Zed", code="Z")
    with isp.scope():
        with pytest.raises(Refusal):
            services.invite("x@example.org", "x", Grant((theirs.pk,)), by=isp.system())
        with pytest.raises(Refusal):
            grant = Grant((role("support").pk,), "branches", branch_ids=(branch.pk,))
            services.invite("x@example.org", "x", grant, by=isp.system())


def test_the_last_owner_can_neither_leave_nor_be_demoted(isp):
    first = isp.member("owner")
    with isp.scope():
        with pytest.raises(Refusal, match="at least one active owner"):
            services.disable_member(first, by=isp.system())
        with pytest.raises(Refusal, match="at least one active owner"):
            services.change_member(first, Grant((role("manager").pk,)), by=isp.system())
    second = isp.member("owner")
    with isp.scope():
        services.disable_member(first, by=isp.system())
        with pytest.raises(Refusal, match="at least one active owner"):
            services.disable_member(second, by=isp.system())


def test_postgresql_itself_keeps_the_last_owner(isp):
    first = isp.member("owner")
    with isp.scope():
        for statement in (
            "UPDATE identity_membership SET status = 'disabled' WHERE id = %s",
            "DELETE FROM identity_membershiprole WHERE membership_id = %s",
        ):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, [first.pk])


def test_two_owners_who_leave_at_the_same_moment_do_not_both_go(isp):
    members, outcomes = [isp.member("owner"), isp.member("owner")], []
    start = threading.Barrier(2)

    def leave(member):
        try:
            start.wait()
            with isp.scope():
                services.disable_member(member, by=isp.system())
            outcomes.append("left")
        except Refusal:
            outcomes.append("stayed")
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[member]) for member in members]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == ["left", "stayed"]
    with isp.scope():
        assert Membership.objects.active().count() == 1


def test_a_role_follows_its_template_until_it_is_edited_and_each_change_is_written_down(isp):
    with isp.scope():
        support = role("support")
        assert support.follows_template and support.granted() == roles.granted("isp", "support", None)
        chosen = sorted(support.granted() | {"audit.view"})
        services.save_role(support, name="Support desk", description="", chosen=chosen, by=isp.system())
        support.refresh_from_db()
        assert not support.follows_template and "audit.view" in support.granted()
        entry = Entry.objects.filter(action="role.changed").newest_first()[0]
        assert entry.extra == {"granted": ["audit.view"], "taken": []}
        assert "audit.view" in entry.after["permits"] and "audit.view" not in entry.before["permits"]
        assert entry.is_critical
        services.follow_template_again(support, by=isp.system())
        support.refresh_from_db()
        assert support.follows_template


def test_renaming_alone_goes_on_following(isp):
    with isp.scope():
        noc = role("noc")
        services.save_role(noc, name="Night watch", description="", chosen=noc.granted(), by=isp.system())
        noc.refresh_from_db()
        assert noc.follows_template and str(noc) == "Night watch"


def test_the_owners_role_is_not_edited(isp):
    with isp.scope():
        for change in (
            lambda: services.save_role(role("owner"), name="x", description="", chosen=[], by=isp.system()),
            lambda: services.disable_role(role("owner"), by=isp.system()),
        ):
            with pytest.raises(Refusal):
                change()
        with pytest.raises(IntegrityError), transaction.atomic():
            Role.objects.filter(template="owner").update(permissions=[])


def test_a_role_out_of_use_permits_nothing(isp):
    member = isp.member("accountant")
    assert actor_of(isp, member).may("audit.view")
    with isp.scope():
        services.disable_role(role("accountant"), by=isp.system())
    assert actor_of(isp, member).permissions == frozenset()


def test_two_roles_add_up(isp):
    member = isp.member("noc")
    with isp.scope():
        both = Grant((role("noc").pk, role("accountant").pk))
        services.change_member(member, both, by=isp.system())
        wanted = role("noc").granted() | role("accountant").granted()
        entry = Entry.objects.filter(action="member.changed").newest_first()[0]
        assert entry.after["roles"] == ["Accountant", "NOC technician"]
    assert actor_of(isp, member).permissions == wanted


class Branches(ScopedQuerySet):
    branch_lookup = "pk"


class Areas(ScopedQuerySet):
    area_lookup = "pk"


def test_rows_are_reached_through_what_the_actor_reaches(isp):
    with isp.scope():
        lahore, karachi = (Branch.objects.create(name=name, code=name[:3]) for name in ("Lahore", "Karachi"))
        city = Area.objects.create(name="Lahore", level="city")
        town = Area.objects.create(name="Gulberg", level="town", parent=city)
        street = Area.objects.create(name="Main street", level="street", parent=town)
        other = Area.objects.create(name="Karachi", level="city")
        everyone = role("support")
    by_branch = isp.member("branch_manager", scope="branches", branch_ids=[lahore.pk])
    by_area = isp.member("collector", scope="areas", area_ids=[town.pk])
    manager, collector = actor_of(isp, by_branch), actor_of(isp, by_area)
    assert collector.area_ids == {town.pk, street.pk}
    with isp.scope():
        branches, areas = Branches(Branch), Areas(Area)
        own = {"tenant_id": isp.tenant.pk}
        assert set(branches.filter(**own).visible_to(manager)) == {lahore}
        assert set(areas.filter(**own).visible_to(collector)) == {town, street}
        assert set(branches.filter(**own).visible_to(Actor.system("x"))) == {lahore, karachi}
        assert set(areas.filter(**own).visible_to(actor_of(isp, isp.member("owner")))) == {city, town, street, other}
        # limited in a way these rows know nothing of: nothing
        assert not branches.filter(**own).visible_to(collector).exists()
        assert not areas.filter(**own).visible_to(manager).exists()
        assert not branches.filter(**own).visible_to(None).exists()
        assert everyone.is_active


def test_adding_the_same_member_again_changes_nothing(isp):
    with isp.scope():
        one = services.add_member("Again@Example.org", "Again", "support", password="correct horse battery")
        entries = Entry.objects.count()
        two = services.add_member("again@example.org", "Other name", "support")
        assert one == two and Entry.objects.count() == entries
        assert MembershipRole.objects.filter(membership=one).count() == 1
