"""The catalogue's add-ons over HTTP: added, changed, put on and off sale; what their kind does not allow is refused."""

import pytest

from fiberledger.catalog.forms import AddOnForm
from fiberledger.catalog.models import AddOn

FORM = {"name": "10 GB top-up", "code": "", "kind": "data", "status": "active", "price": "300", "mb": "10000"}


def test_an_add_on_is_added_changed_and_taken_off_sale(isp):
    owner = isp.client("owner")
    assert "No add-ons yet" in owner.get("/catalog/add-ons/").content.decode()
    answer = owner.post("/catalog/add-ons/new/", FORM)
    assert answer.status_code == 302, answer.content.decode()
    with isp.scope():
        made = AddOn.objects.get()
    assert (made.code, made.currency, made.gives) == ("10-GB-TOP-UP", "PKR", "10 GB")
    page = owner.get(f"/catalog/add-ons/{made.pk}/").content.decode()
    assert "10 GB top-up" in page and "once" in page
    assert owner.post(f"/catalog/add-ons/{made.pk}/edit/", FORM | {"price": "350"}).status_code == 302
    assert owner.post(f"/catalog/add-ons/{made.pk}/stop/").status_code == 302
    with isp.scope():
        made.refresh_from_db()
    assert (made.price, made.status) == (350, "deprecated")
    assert isp.client("collector").get("/catalog/add-ons/").status_code == 403


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"mb": ""}, "mb", "how much data"),
        ({"mb": "-5"}, "mb", ""),
        ({"price": "-1"}, "price", "less than zero"),
        ({"price": "1.005"}, "price", ""),
        ({"download_kbps": "1000"}, "download_kbps", "has none"),
        ({"every_period": "on", "hours": "6"}, "hours", "leave this empty"),
        ({"kind": "speed", "mb": "", "hours": "6", "download_kbps": "50000"}, "upload_kbps", "how fast"),
        ({"kind": "speed", "mb": "", "download_kbps": "50000", "upload_kbps": "1"}, "hours", "how many hours"),
        ({"kind": "address", "mb": ""}, "every_period", "every period"),
        ({"kind": "service"}, "mb", "has none"),
    ],
)
def test_what_its_kind_does_not_allow_is_refused_at_the_field(isp, change, field, says):
    with isp.scope():
        form = AddOnForm(FORM | change)
        assert set(form.errors) == {field} and says in form.errors[field][0]
    answer = isp.client("owner").post("/catalog/add-ons/new/", FORM | change)
    assert answer.status_code == 422 and f'href="#id_{field}"' in answer.content.decode()
