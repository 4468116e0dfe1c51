"""What people write as a network, and what is left between networks."""

from __future__ import annotations

import ipaddress

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.ipam.networks import gaps, outermost, read_address, read_network, supernets


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.0.0.0/24", "10.0.0.0/24"),
        (" 10.0.0.0 / 24 ", "10.0.0.0/24"),
        ("10.0.0.0 255.255.255.0", "10.0.0.0/24"),
        ("10.0.0.0/255.255.255.0", "10.0.0.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("\ufeff192.168.1.0/24\u00a0", "192.168.1.0/24"),
    ],
)
def test_a_network_is_read_as_people_write_it(text, meant):
    assert str(read_network(text)) == meant


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("10.0.0.7/24", "did you mean 10.0.0.0/24?"),
        ("2001:db8::1/64", "did you mean 2001:db8::/64?"),
        ("10.0.0.0", "did you mean 10.0.0.0/24?"),
        ("10.0.0.0/33", "from 0 to 32"),
        ("2001:db8::/129", "from 0 to 128"),
        ("10.0.0.0/abc", "from 0 to 32"),
        ("10.0.300.0/24", "300 is more than 255"),
        ("10.00.0.1/24", "did you mean 10.0.0.1"),
        ("lahore", "is no address"),
        ("", "e.g. 10.0.0.0/24"),
    ],
)
def test_a_malformed_network_is_refused_with_the_remedy(text, remedy):
    with pytest.raises(ValidationError) as refused:
        read_network(text)
    assert remedy in str(refused.value.messages)


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused(text):
    for read in (read_network, read_address):
        try:
            read(text)
        except ValidationError as refused:
            assert refused.messages


@given(st.ip_addresses())
def test_an_address_lies_in_each_of_its_supernets(ip):
    nets = supernets(ip)
    assert len(nets) == ip.max_prefixlen + 1 and all(ip in net for net in nets)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=12))
def test_gaps_are_what_is_taken_by_none(ranges):
    taken = [(begin, begin + more) for begin, more in ranges]
    left = {n for begin, end in gaps(5, 50, taken) for n in range(begin, end + 1)}
    assert left == {n for n in range(5, 51) if not any(a <= n <= b for a, b in taken)}


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=20))
def test_the_outermost_cover_all_and_touch_nothing(parts):
    nets = [ipaddress.ip_network(f"10.0.0.{host}/{size}", strict=False) for host, size in parts]
    kept = outermost(nets)
    assert all(any(net.subnet_of(other) for other in kept) for net in nets) and set(kept) <= set(nets)
    assert not any(a.overlaps(b) for a in kept for b in kept if a != b)
