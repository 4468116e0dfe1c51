from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def port():
    from tests.browser import chromium as tools

    with tools.server() as number:
        yield number


@pytest.fixture(scope="session")
def chromium():
    from tests.browser import chromium as tools

    with tools.browser() as started:
        yield started


@pytest.fixture
def desk(chromium, port, isp):
    """The owner at a browser; desk.page() opens one."""
    from tests.browser import chromium as tools

    return tools.Desk(chromium, port, isp)
