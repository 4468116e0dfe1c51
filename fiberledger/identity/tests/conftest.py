from __future__ import annotations

from uuid import uuid4

import pytest


@pytest.fixture
def asha(isp):
    """The owner of Bright ISP."""
    return isp.member("owner").user


@pytest.fixture
def address():
    """An address of the test's own, or the tests would lock each other out."""
    raw = uuid4().bytes
    return f"10.{raw[0]}.{raw[1]}.{raw[2]}"
