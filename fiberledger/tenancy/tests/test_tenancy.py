from threading import Thread

import pytest
from django.db import ProgrammingError, connection, transaction

from fiberledger.tenancy import NoTenantInScope, Refusal, WrongTenant, current_tenant, numbers, tenant_scope
from fiberledger.tenancy.models import Counter, Profile, Tenant
from fiberledger.tenancy.services import create_tenant, provision


def test_rows_are_seen_in_their_own_scope_only(isp, zed):
    with isp.scope():
        Profile.objects.update(phone="0300")
        assert Profile.objects.get().legal_name == "Bright ISP"
    with zed.scope():
        assert Profile.objects.get().legal_name == "Zed Net"
        assert not Profile.objects.filter(phone="0300").exists()


def test_outside_a_scope_the_slip_is_loud():
    with pytest.raises(NoTenantInScope):
        list(Profile.objects.all())
    with pytest.raises(NoTenantInScope):
        Profile(legal_name="x")


def test_raw_sql_outside_a_scope_sees_nothing(isp):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tenancy_profile")
        assert cursor.fetchone() == (0,)


def test_one_scope_does_not_open_inside_another(isp, zed):
    with isp.scope(), pytest.raises(WrongTenant), zed.scope():
        pass


def test_a_scope_inside_itself_is_a_savepoint(isp):
    with isp.scope():
        with pytest.raises(ZeroDivisionError), isp.scope():
            Profile.objects.update(phone="lost")
            raise ZeroDivisionError
        assert Profile.objects.get().phone == ""
        assert current_tenant().pk == isp.tenant.pk


def test_the_setting_does_not_outlive_the_scope(isp):
    with transaction.atomic():
        with isp.scope():
            pass
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.tenant_id', true)")
            assert cursor.fetchone() == ("",)


def test_the_app_role_neither_writes_tenants_nor_skips_policies(isp):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("fl_app", False, False)
    with pytest.raises(ProgrammingError), transaction.atomic():
        Tenant.objects.filter(pk=isp.tenant.pk).update(name="Mine")


def test_numbers_have_no_gap_and_no_repetition_under_eight_threads(isp):
    taken: list[int] = []

    def take():
        for count in (1, 3, 2):
            with tenant_scope(isp.tenant.pk):
                taken.extend(numbers.take("invoice", count))
            with pytest.raises(ZeroDivisionError), tenant_scope(isp.tenant.pk):
                numbers.take("invoice", 5)
                raise ZeroDivisionError
        connection.close()

    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 49))


@pytest.mark.parametrize(
    ("slug", "name", "country"),
    [
        ("Bright", "x", "PK"),
        ("a b", "x", "PK"),
        ("-a", "x", "PK"),
        ("ok-1", "x", "ZZ"),
        ("ok-1", "  ", "PK"),
        ("ok-1", "x", "Pakistan"),
    ],
)
def test_a_bad_tenant_is_refused_in_words(slug, name, country):
    with pytest.raises(Refusal):
        create_tenant(slug, name=name, country=country)


def test_a_taken_slug_is_refused(isp):
    with pytest.raises(Refusal, match="taken"):
        create_tenant(isp.tenant.slug, name="Other", country="PK")


def test_country_gives_currency_and_zone(isp, zed):
    assert (isp.tenant.currency, isp.tenant.timezone) == ("PKR", "Asia/Karachi")
    assert (zed.tenant.currency, zed.tenant.timezone) == ("KES", "Africa/Nairobi")


def test_furnishing_a_tenant_again_changes_nothing(isp):
    with isp.scope():
        before = Profile.objects.count(), Counter.objects.count()
    provision(isp.tenant)
    with isp.scope():
        assert (Profile.objects.count(), Counter.objects.count()) == before
