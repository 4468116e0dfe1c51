"""Two tenants for all the nets: casting them anew for each table would take the day."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def bright_rows():
    from tests.stage import Isp

    from .rows import Rows

    with Isp.open("Bright ISP", "PK") as isp:
        yield Rows(isp)


@pytest.fixture(scope="session")
def zed_rows():
    from tests.stage import Isp

    from .rows import Rows

    with Isp.open("Zed Net", "KE") as isp:
        yield Rows(isp)
