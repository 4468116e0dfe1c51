"""What an ISP keeps of its subscribers and plans it can see in the list, and take out whole."""

from __future__ import annotations

import csv
import io


def exported(client, path):
    answer = client.post(f"{path}export/", {"format": "csv", "query": ""})
    assert answer.status_code == 200, answer.content[:300]
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def register(isp, client):
    with isp.scope():
        from fiberledger.subscribers.models import Tag

        tag = Tag.objects.create(name="shop")
    collector = isp.member("collector")
    form = {
        "name": "Asha Bibi", "phone": "0300 1234567", "guardian": "Nadeem", "national_id": "35202-1234567-1",
        "whatsapp": "0300 1234568", "phone2": "042 35761234", "email": "asha@example.org", "language": "ur",
        "area": isp.area().pk, "address": "House 5", "street_house": "Street 9", "latitude": "31.500000",
        "longitude": "74.300000", "number": "A-1", "reseller_name": "Ravi", "collector": collector.pk, "take": "now",
        "plan": isp.plan("Home 20", "1200").pk, "on": "2026-11-10", "price": "1100", "billing": "prepaid",
        "cycle": "anniversary", "first_period": "prorate", "tags": tag.pk, "first_note": "Knows the dog.", "consent": "on",
    }  # fmt: skip
    answer = client.post("/subscriptions/register/", form)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    return collector


def test_every_particular_of_a_subscriber_is_in_the_file(isp, clock):
    clock.move_to("2026-11-10")
    owner = isp.client("owner")
    collector = register(isp, owner)
    [row] = exported(owner, "/subscribers/")
    assert row | {
        "Name": "Asha Bibi", "Number": "A-1", "Phone": "0300 1234567", "Father or husband": "Nadeem",
        "National ID": "35202-1234567-1", "WhatsApp": "0300 1234568", "Second phone": "(042) 35761234",
        "E-mail": "asha@example.org", "Area, in full": "Lahore › Main Bazar", "Address": "House 5",
        "Street and house": "Street 9", "Latitude": "31.50", "Longitude": "74.30", "Reseller": "Ravi",
        "Collector": collector.user.name, "Plan": "Home 20", "Monthly fee": "1100.00", "Connection": "PPPoE",
        "Billing": "Prepaid", "Tags": "shop", "Installed on": "2026-11-10", "Status": "Active", "Language": "ur",
    } == row  # fmt: skip


def test_the_card_number_stays_with_those_who_may_see_it(isp, clock):
    clock.move_to("2026-11-10")
    register(isp, isp.client("owner"))
    [row] = exported(isp.client("billing"), "/subscribers/")
    assert "National ID" not in row and row["WhatsApp"] == "0300 1234568"


def test_every_field_of_a_plan_is_in_the_file(isp, clock):
    clock.move_to("2026-11-10")
    owner, area = isp.client("owner"), isp.area()
    form = {
        "name": "Shop 50", "code": "S50", "category": "business", "status": "active", "connection_type": "static",
        "description": "For shops", "price": "4500.50", "validity_days": "30", "installation_fee": "1500", "deposit": "2000",
        "reconnection_fee": "200", "late_fee": "100", "download_kbps": "50000", "upload_kbps": "25000",
        "burst_download_kbps": "80000", "burst_upload_kbps": "30000", "burst_threshold_download_kbps": "40000",
        "burst_threshold_upload_kbps": "20000", "burst_seconds": "8", "quota_mb": "900000", "at_limit": "nothing", "router_profile": "shop",
        "radius_profile": "shop-radius", "address_pool": "pool-1", "static_ip_allowed": "on", "areas": area.pk,
        "sold_by_resellers": "on", "tax_inclusive": "on",
    }  # fmt: skip
    assert owner.post("/catalog/plans/new/", form).status_code == 302
    [row] = exported(owner, "/catalog/plans/")
    assert row | {
        "Name": "Shop 50", "Code": "S50", "Price": "4500.50", "Category": "Business", "Connection type": "Static IP",
        "Download": "50000", "Upload": "25000", "Burst download": "80000", "Burst time": "8", "Data limit": "900000",
        "Days": "30", "Installation charge": "1500.00", "Security deposit": "2000.00", "Reconnection fee": "200.00",
        "Late fee": "100.00", "Router profile": "shop", "RADIUS profile": "shop-radius", "Address pool": "pool-1",
        "Static IP allowed": "1", "Public IP allowed": "0", "Sold by resellers": "1", "Price includes tax": "1",
        "Areas": "Lahore › Main Bazar", "Description": "For shops", "Status": "On sale",
    } == row, row  # fmt: skip
