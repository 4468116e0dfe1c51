"""The test base: an embedded PostgreSQL of its own, migrated once, and the cast (see tests/stage.py).

Tests live in their own tenants: everything commits for real, threads, jobs and FreeRADIUS see it, and nothing is
cleaned up. DATA_DIR names a folder to keep between runs; without it the database is made anew and thrown away.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.nets.books"]

_throw_away = "DATA_DIR" not in os.environ
if _throw_away:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="fl-test-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
os.environ["EMAIL_BACKEND"] = "django.core.mail.backends.locmem.EmailBackend"
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in the test's own thread


def pytest_configure(config: pytest.Config) -> None:
    import django

    from fiberledger import operate

    operate.ensure_database()
    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _throw_away and not hasattr(config, "workerinput"):
        from fiberledger.operate import postgres

        postgres.embedded().stop()
        shutil.rmtree(Path(os.environ["DATA_DIR"]), ignore_errors=True)


@pytest.fixture
def clock():
    from tests.stage import Clock

    with Clock() as moving:
        yield moving


@pytest.fixture
def isp():
    """Bright ISP, in Pakistan: a tenant of this test's own."""
    from tests.stage import Isp

    with Isp.open("Bright ISP", "PK") as bright:
        yield bright


@pytest.fixture
def zed():
    """Another tenant, in Kenya, which must see none of it."""
    from tests.stage import Isp

    with Isp.open("Zed Net", "KE") as other:
        yield other


@pytest.fixture(scope="session")
def freeradius():
    """A real FreeRADIUS with our configuration, one for all tests. Where it is not installed, the tests fail."""
    from tests.radius import FreeRadius

    with FreeRadius.running() as server:
        yield server


@pytest.fixture(scope="module")
def house():
    """An installation of a module's own, run by `fiberledger run`: for tests that kill it."""
    from fiberledger.operate import postgres
    from tests.house import House

    folder = Path(tempfile.mkdtemp(prefix="fl-house-", dir="/tmp"))
    opened = House(folder)
    opened.start()
    yield opened
    if opened.process.poll() is None:
        opened.end()
    postgres.Cluster(folder).stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture
def router(isp, freeradius):
    """A router of Bright ISP's, able to ask FreeRADIUS: router.login("asha", "secret").kind == "accept"."""
    from tests.radius import Router

    return Router.of(freeradius, isp)
