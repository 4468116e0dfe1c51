"""Deterministic CGNAT has one way out and the same way back."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger import calendar
from fiberledger.ipam import services
from fiberledger.ipam.cgnat import Plan
from fiberledger.ipam.models import CgnatRule
from fiberledger.tenancy import Refusal

PLANS = st.builds(
    Plan,
    st.sampled_from(["100.64.0.0/22", "100.64.8.0/24", "10.9.0.0/30"]).map(ipaddress.ip_network),
    st.sampled_from(["203.0.113.0/24", "203.0.113.128/27"]).map(ipaddress.ip_network),
    st.integers(64, 8000),
    st.integers(1024, 40_000),
).filter(lambda plan: plan.fits)


@given(PLANS, st.data())
def test_each_inside_address_is_found_again_by_any_of_its_ports(plan, data):
    ip = plan.inside[data.draw(st.integers(0, plan.inside.num_addresses - 1))]
    outside, begin, end = plan.outside_of(ip)
    assert outside in plan.outside and plan.first_port <= begin <= end < 65_536 and end - begin + 1 == plan.ports
    for port in (begin, data.draw(st.integers(begin, end)), end):
        assert plan.inside_of(outside, port) == ip


@given(PLANS, st.data())
def test_no_port_is_anybody_else_s(plan, data):
    outside = plan.outside[data.draw(st.integers(0, plan.outside.num_addresses - 1))]
    port = data.draw(st.integers(1, 65_535))
    ip = plan.inside_of(outside, port)
    if ip is not None:
        there, begin, end = plan.outside_of(ip)
        assert there == outside and begin <= port <= end


def rule(isp, inside, outside, **more):
    nets = {"inside": ipaddress.ip_network(inside), "outside": ipaddress.ip_network(outside)}
    return services.save_rule(CgnatRule(**nets, **more), by=isp.system())


def test_a_rule_that_does_not_fit_or_overlaps_is_refused_and_an_ended_one_is_still_asked(isp, clock):
    clock.move_to("2026-03-01")
    with isp.scope():
        with pytest.raises(Refusal, match=r"1,024 addresses with 2,000 ports each need 32 outside addresses"):
            rule(isp, "100.64.0.0/22", "203.0.113.128/28")
        first = rule(isp, "100.64.0.0/22", "203.0.113.128/27")
        with pytest.raises(Refusal, match=r"Another rule has some of these outside addresses"):
            rule(isp, "100.64.16.0/24", "203.0.113.144/28")
        then, outside = calendar.now(), ipaddress.ip_address("203.0.113.129")
        clock.forward(days=30)
        services.end_rule(first, by=isp.system())
        rule(isp, "100.64.16.0/24", "203.0.113.128/28")
        clock.forward(days=1)
        old, new = (services.inside_of(outside, 5100, at)[0][0] for at in (then + timedelta(days=1), calendar.now()))
        assert (str(old), str(new)) == ("100.64.0.34", "100.64.16.34")
        assert len(services.inside_of(outside, None, then)) == 32
