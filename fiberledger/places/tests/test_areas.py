import pytest

from fiberledger.places import services
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import Refusal


@pytest.fixture
def inside(isp):
    with isp.scope():
        yield isp.system()


def tree(by):
    lahore = services.add_area("Lahore", level="city", by=by)
    town = services.add_area("Gulberg", level="town", parent=lahore, by=by)
    area = services.add_area("Block G", level="area", parent=town, by=by)
    street = services.add_area("Street 4", level="street", parent=area, by=by)
    return lahore, town, area, street


def test_a_path_names_every_place_above(inside):
    lahore, town, area, street = tree(inside)
    assert street.path == f"/{lahore.pk}/{town.pk}/{area.pk}/{street.pk}/"
    assert street.path_names == "Lahore › Gulberg › Block G › Street 4"
    assert street.ancestor_ids == [lahore.pk, town.pk, area.pk]


def test_a_subtree_holds_what_lies_below_and_nothing_whose_id_merely_begins_so(inside):
    lahore, town, area, street = tree(inside)
    other = services.add_area("Kasur", level="city", by=inside)
    assert set(Area.objects.inside(town)) == {town, area, street}
    assert services.subtree_ids([lahore.pk]) == {lahore.pk, town.pk, area.pk, street.pk}
    assert services.subtree_ids([other.pk]) == {other.pk}
    assert services.subtree_ids([]) == set()


def test_moving_a_place_moves_everything_below_it(inside):
    _lahore, town, area, street = tree(inside)
    kasur = services.add_area("Kasur", level="city", by=inside)
    services.move_area(town, kasur, by=inside)
    street.refresh_from_db()
    assert street.path == f"/{kasur.pk}/{town.pk}/{area.pk}/{street.pk}/"
    assert street.path_names.startswith("Kasur › Gulberg")


def test_renaming_a_place_shows_below_it(inside):
    lahore, _town, _area, street = tree(inside)
    lahore.name = "Lāhaur"
    services.save_area(lahore, by=inside)
    street.refresh_from_db()
    assert street.path_names.startswith("Lāhaur › ")


def test_a_place_cannot_lie_inside_itself(inside):
    lahore, town, _area, street = tree(inside)
    with pytest.raises(Refusal):
        services.move_area(town, street, by=inside)
    with pytest.raises(Refusal):
        services.move_area(lahore, lahore, by=inside)


def test_levels_go_down(inside):
    _lahore, town, *_ = tree(inside)
    with pytest.raises(Refusal):
        services.add_area("Punjab", level="city", parent=town, by=inside)


def test_a_name_occurs_once_in_one_place_in_any_case(inside):
    lahore, town, _area, _street = tree(inside)
    with pytest.raises(Refusal):
        services.add_area("block g", parent=town, by=inside)
    assert services.add_area("Block G", level="area", parent=lahore, by=inside).pk


def test_a_place_without_a_branch_has_the_one_above(inside):
    lahore, town, area, street = tree(inside)
    main, north = Branch.objects.create(name="Main", code="M"), Branch.objects.create(name="North", code="N")
    services.assign_branch([lahore], main, by=inside)
    services.assign_branch([area], north, by=inside)
    fresh = list(Area.objects.in_bulk([lahore.pk, town.pk, street.pk]).values())
    assert services.branches_of(fresh) == {lahore.pk: main.pk, town.pk: main.pk, street.pk: north.pk}
    assert set(services.served_by({main.pk})) == {lahore.pk, town.pk}
    assert set(services.served_by({north.pk})) == {area.pk, street.pk}


def test_areas_are_found_as_spreadsheets_name_them(inside):
    _lahore, town, area, _street = tree(inside)
    pairs = [("Lahore", "block g"), ("", "Gulberg"), ("Kasur", "Block G"), ("Kasur", "Kot Haleem"), ("", "")]
    found = services.areas_for(pairs)
    assert found == {("Lahore", "block g"): area, ("", "Gulberg"): town}
    found = services.areas_for(pairs, create=True, by=inside)
    assert found[("Kasur", "Kot Haleem")].path_names == "Kasur › Kot Haleem"
    assert found[("Kasur", "Block G")] != area
    assert services.areas_for(pairs, create=True, by=inside).keys() == found.keys()
    assert Area.objects.filter(name="Kasur").count() == 1


def test_the_range_that_reads_a_subtree_is_leakproof_so_an_index_may_serve_it_below_the_policy():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT bool_and(proleakproof) FROM pg_proc WHERE proname IN ('text_ge', 'text_lt')")
        assert cursor.fetchone() == (True,)
