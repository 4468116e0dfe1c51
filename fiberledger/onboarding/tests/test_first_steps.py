"""The dashboard of day one leads to the first step, and stops when the first bill is out."""

from __future__ import annotations


def _steps(isp) -> list[str]:
    page = isp.client().get("/").text
    known = ["Bring your spreadsheet in", "Say what you sell", "Say where you sell it", "Register your first subscriber",
             "Connect a router", "Make the first bills", "Invite your team"]  # fmt: skip
    return [step for step in known if step in page]


def test_each_step_is_shown_until_it_is_done(isp, clock):
    clock.move_to("2026-03-01T06:00")
    first = ["Bring your spreadsheet in", "Say what you sell", "Say where you sell it", "Connect a router"]
    assert _steps(isp) == [*first, "Invite your team"]
    isp.plan()
    isp.area()
    isp.client("cashier")
    assert _steps(isp) == ["Bring your spreadsheet in", "Register your first subscriber", "Connect a router"]
    isp.sell(on="2026-03-01")
    assert _steps(isp) == ["Connect a router", "Make the first bills"]
    isp.bill("2026-03-01")
    assert _steps(isp) == []


def test_who_may_not_take_a_step_is_not_sent_there(isp):
    assert "Bring your spreadsheet in" not in isp.client("cashier").get("/").text
