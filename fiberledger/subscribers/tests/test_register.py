import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, connections

from fiberledger import audit
from fiberledger.identity import Actor
from fiberledger.subscribers import services
from fiberledger.subscribers.models import RegistrationPolicy, Subscriber
from fiberledger.subscribers.services import RegistrationRefused
from fiberledger.subscribers.states import Status

clerk = Actor("staff", "Clerk", permissions=frozenset({"subscribers.create", "subscribers.edit"}))


def codes(shop, by=None, **fields):
    with pytest.raises(RegistrationRefused) as caught:
        services.register(shop.person(**fields), by=by or shop.by)
    return {(fault.field, fault.code) for found in caught.value.faults.values() for fault in found}


def test_a_new_subscriber_has_a_number_an_account_and_the_areas_branch(shop):
    asha = shop.register("Asha", area_id=shop.there.pk)
    assert asha.number == "C-00001" and shop.register("Ravi").number == "C-00002"
    assert asha.phone.startswith("+92300") and asha.shown_phone.startswith("0300 ")
    assert asha.branch == shop.north and asha.status == Status.LEAD
    assert asha.receivable.is_party and asha.balance == 0 and asha.receivable.currency == "PKR"
    [entry] = audit.timeline("subscribers.Subscriber", asha.pk)
    assert entry.action == "subscriber.registered" and entry.after["name"] == "Asha"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "  "}, ("name", "name missing")),
        ({"phone": ""}, ("phone", "phone invalid")),
        ({"phone": "0300-ABCDEFG"}, ("phone", "phone invalid")),
        ({"phone2": "12345"}, ("phone2", "phone invalid")),
        ({"whatsapp": "n/a"}, ("whatsapp", "phone invalid")),
        ({"area_id": None}, ("area_id", "area missing")),
        ({"area_id": 999_999_999}, ("area_id", "area missing")),
        ({"national_id": "35202-12345-1"}, ("national_id", "national id invalid")),
        ({"address": "", "status": Status.PENDING}, ("address", "address missing")),
        ({"email": "asha@"}, ("email", "email invalid")),
        ({"latitude": Decimal("90.1"), "longitude": Decimal("74")}, ("latitude", "coordinates out of range")),
        ({"longitude": Decimal("-180.5")}, ("longitude", "coordinates out of range")),
        ({"longitude": Decimal("NaN")}, ("longitude", "coordinates out of range")),
        ({"status": "cancelled"}, ("status", "status unknown")),
        ({"name": "x" * 121}, ("name", "too long")),
    ],
)
def test_each_field_has_its_own_fault(shop, fields, fault):
    assert codes(shop, **fields) == {fault}


def test_a_refused_row_stores_nothing(shop):
    before = Subscriber.objects.count()
    rows = [shop.person("Asha"), shop.person("", phone="x")]
    with pytest.raises(RegistrationRefused) as caught:
        services.register_many(rows, by=shop.by)
    assert set(caught.value.faults) == {1} and Subscriber.objects.count() == before


def test_the_tenant_may_require_the_national_id(shop):
    RegistrationPolicy.objects.update(national_id="required")
    assert codes(shop) == {("national_id", "national id missing")}
    assert shop.register(national_id="35202-1234567-1").national_id == "3520212345671"


def test_the_tenant_says_how_numbers_look_and_a_given_one_is_skipped_over(shop):
    RegistrationPolicy.objects.update(number_prefix="LHR", number_digits=3)
    assert shop.register(number="LHR002").number == "LHR002"
    assert [shop.register().number for _ in range(2)] == ["LHR001", "LHR003"]
    assert codes(shop, number="LHR001") == {("number", "number duplicate")}


def test_a_phone_that_is_taken_names_who_has_it(shop):
    asha = shop.register("Asha", phone="0300-1234567")
    with pytest.raises(RegistrationRefused) as caught:
        shop.register("Ravi", phone="00923001234567")
    [[fault]] = caught.value.faults.values()
    assert fault.other == asha.pk and "C-00001 Asha" in fault.text and "0300 1234567" in fault.text


def test_a_phone_twice_in_one_set_is_refused(shop):
    row = shop.person()
    with pytest.raises(RegistrationRefused) as caught:
        services.register_many([row, replace(row, name="Ravi")], by=shop.by)
    assert [fault.code for fault in caught.value.faults[1]] == ["phone duplicate"]


def test_the_same_phone_lives_in_another_tenant_undisturbed(isp, zed):
    from .shop import Shop

    for tenant in (isp, zed):
        with tenant.scope():
            assert Shop(tenant).register(phone="+923001234567").number == "C-00001"


def test_a_national_id_twice_is_a_warning_not_a_refusal(shop):
    asha = shop.register("Asha", national_id="3520212345671")
    again = shop.person("Asha B", national_id="35202-1234567-1")
    assert services.register(again, by=clerk).pk
    tidy, _faults = services.clean(again, services.policy(), "PK")
    assert asha.pk in [warning.other for warning in services.warnings_for(tidy)]


def test_a_blacklisted_person_is_not_recreated_without_permission(shop):
    from fiberledger.subscriptions import services as subscriptions

    bad = shop.register("Bad", national_id="3520212345671", phone2="0300 7654321")
    subscriptions.blacklist(bad, why="broke the box", by=shop.by)
    assert codes(shop, by=clerk, national_id="3520212345671") == {("national_id", "blacklisted")}
    assert codes(shop, by=clerk, phone="0300 7654321") == {("phone", "blacklisted")}
    forgiving = replace(clerk, permissions=clerk.permissions | {"subscribers.blacklist"})
    assert services.register(shop.person(national_id="3520212345671"), by=forgiving).pk


def test_editing_obeys_the_same_rules_and_is_noted(shop):
    asha, ravi = shop.register("Asha"), shop.register("Ravi")
    services.edit(asha, {"name": " Asha  Bibi ", "area_id": shop.there.pk}, by=shop.by)
    asha.refresh_from_db()
    assert (asha.name, asha.area, asha.branch, asha.receivable.name) == (
        "Asha Bibi",
        shop.there,
        shop.north,
        "Asha Bibi",
    )
    entry = audit.timeline("subscribers.subscriber", asha.pk)[0]
    assert entry.before["name"] == "Asha" and entry.after["name"] == "Asha Bibi"
    with pytest.raises(RegistrationRefused) as caught:
        services.edit(asha, {"phone": ravi.phone}, by=shop.by)
    assert caught.value.faults[0][0].other == ravi.pk
    with pytest.raises(RegistrationRefused):
        services.edit(asha, {"number": ravi.number}, by=shop.by)
    services.edit(asha, {"number": "VIP-1"}, by=shop.by)
    asha.refresh_from_db()
    assert asha.receivable.code == "1200-VIP-1"
    assert shop.register("New", number="C-00001").number == "C-00001"


def test_two_clerks_with_one_phone_make_one_subscriber(isp):
    from .shop import Shop

    with isp.scope():
        shop = Shop(isp)
        rows = [shop.person(f"Clerk {n}", phone="0300 5555555") for n in range(2)]
    barrier, results = threading.Barrier(2), []

    def work(row):
        try:
            barrier.wait(10)
            with isp.scope():
                results.append(services.register(row, by=isp.system()).pk)
        except RegistrationRefused as refusal:
            results.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(row,)) for row in rows]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert {type(result) for result in results} == {int, str}, results
    with isp.scope():
        assert Subscriber.objects.filter(phone="+923005555555").count() == 1


def test_numbers_have_no_gap_and_no_twin_when_many_register_at_once(isp):
    from .shop import Shop

    with isp.scope():
        shop = Shop(isp)
        rows = [shop.person(f"Person {n}") for n in range(12)]
    barrier = threading.Barrier(4)

    def work(mine):
        try:
            barrier.wait(10)
            for row in mine:
                with isp.scope():
                    services.register(row, by=isp.system())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(rows[n::4],)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    with isp.scope():
        assert sorted(Subscriber.objects.values_list("number", flat=True)) == [f"C-{n:05}" for n in range(1, 13)]


def test_many_are_registered_in_a_fixed_number_of_statements(shop):
    from django.test.utils import CaptureQueriesContext

    counts = []
    for size in (10, 200):
        rows = [shop.person(f"Person {n}") for n in range(size)]
        with CaptureQueriesContext(connection) as queries:
            ids = services.register_many(rows, by=shop.by)
        counts.append(len(queries))
        assert list(Subscriber.objects.filter(pk__in=ids).order_by("pk").values_list("name", flat=True)) == [
            r.name for r in rows
        ]
    assert counts[1] <= counts[0] <= 20, counts


def test_tags_and_notes(shop):
    asha, ravi = shop.register("Asha"), shop.register("Ravi")
    assert services.tag([asha, ravi], "Fibre", by=shop.by) == 2
    assert services.tag([asha.pk], " fibre ", by=shop.by) == 0
    assert [tag.name for tag in asha.tags.all()] == ["Fibre"]
    assert services.untag([asha], asha.tags.get(), by=shop.by) == 1
    note = services.add_note(asha, " Call after five. ", by=shop.by)
    assert note.text == "Call after five."
    services.remove_note(note, by=shop.by)
    assert audit.timeline("subscribers.subscriber", asha.pk)[0].before["note"] == "Call after five."


def test_nobody_is_seen_by_another_tenant(shop, isp):
    shop.register("Asha")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', '999999999', true)")
        for table in ("subscribers_subscriber", "subscribers_search"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM subscriber_search('asha')")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(isp.tenant.pk)])
        cursor.execute("SELECT count(*) FROM subscriber_search('asha')")
        assert cursor.fetchone() == (1,)
