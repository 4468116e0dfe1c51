import shutil
import tempfile
from pathlib import Path

import pytest

from fiberledger.operate import postgres


@pytest.fixture
def folder(monkeypatch):
    """A DATA_DIR of its own, as any user may have it; its server is stopped afterwards."""
    place = Path(tempfile.mkdtemp(prefix="fl-operate-", dir="/tmp"))
    monkeypatch.setenv("DATA_DIR", str(place))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    yield place
    if (place / "postgres").exists():
        postgres.Cluster(place).stop("immediate")
    shutil.rmtree(place)
