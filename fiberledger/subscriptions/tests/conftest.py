import pytest


@pytest.fixture
def shop(isp):
    from .shop import Shop  # models are not ready when this file is read

    with isp.scope():
        yield Shop(isp)
