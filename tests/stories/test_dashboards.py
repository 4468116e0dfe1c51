"""What each desk sees first, in figures that agree with the lists behind them."""

from __future__ import annotations

import re

from fiberledger.subscriptions import services as subscriptions


def figures(page):
    """Each of the dashboard's figures, as it reads."""
    plain = re.sub(r"<svg.*?</svg>", "", page, flags=re.S)
    found = re.findall(r'<(a|div)[^>]* class="figure">(.*?)</\1>', plain, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for _tag, one in found]


def test_the_owner_sees_how_many_there_are_and_where_most_is_owed(isp, clock):
    clock.move_to("2026-11-01")
    from fiberledger.places.services import area_for

    with isp.scope():
        gulberg = area_for("Lahore", "Gulberg", create=True, by=isp.system())
    isp.subscriber("Chand", area_id=gulberg.pk)
    isp.subscriber("Daud")
    lines = {name: isp.sell(to=name, on="2026-11-01", price="1200") for name in ("Asha", "Bilal", "Chand")}
    isp.bill("2026-11-01")
    isp.pay("Chand", "1000")
    with isp.scope():
        subscriptions.suspend([lines["Bilal"]], by=isp.system())
    owner = isp.client("owner")
    home = owner.get("/").content.decode()
    said = " | ".join(figures(home))
    assert "Subscribers 3" in said and "2 in service, 1 suspended" in said
    assert "Loading…" in home and "Top unpaid areas" in home and "Main Bazar" not in home
    chart = owner.get("/charts/unpaid_areas/").content.decode()
    assert chart.index("Lahore › Main Bazar") < chart.index("Lahore › Gulberg")
    assert "2,400" in chart and ">200<" in chart
    within = owner.get(f"/charts/unpaid_areas/?in=a{gulberg.pk}").content.decode()
    assert "Gulberg" in within and "Main Bazar" not in within


def test_a_chart_is_shown_to_those_who_may_see_it_only(isp):
    assert isp.client("engineer").get("/charts/unpaid_areas/").status_code == 404
    assert isp.client("owner").get("/charts/nothing/").status_code == 404
    assert isp.client("cashier").get("/charts/unpaid_areas/").status_code == 200
