"""`fiberledger run --radius` on a machine of its own: a router of the loopback asks, a worker cuts, Ctrl-C ends it all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from fiberledger.operate import postgres
from tests.house import House
from tests.radius import Router, free_port, wait_until

ROOT = Path(__file__).parents[2]
SECRET = "a-Secret-of-one-router"

# What the owner does on the pages, by the services behind them.
FURNISH = f"""
import django; django.setup()
from tests.radius import make_line
from tests.stage import Isp
from fiberledger.access.models import Nas
from fiberledger.access.services import save_nas
from fiberledger.tenancy.services import create_tenant
isp = Isp(create_tenant("bright", name="Bright ISP", country="PK"))
make_line(isp, username="asha", password="let me in")
with isp.scope():
    save_nas(Nas(name="Here", src_ip="127.0.0.1", for_suspended="reject"), secret="{SECRET}", by=isp.system())
"""
SUSPEND = """
import django; django.setup()
from tests.stage import Isp
from fiberledger.subscriptions import services
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy.models import Tenant
isp = Isp(Tenant.objects.get(slug="bright"))
with isp.scope():
    services.suspend(Subscription.objects.all(), by=isp.system())
"""


class HouseWithRadius(House):
    """A `fiberledger run --radius` with ports and DATA_DIR of its own, as this user or another."""

    def __init__(self, folder: Path, user: str = "") -> None:
        super().__init__(folder)
        self.auth, self.acct, self.user = free_port(), free_port(), user
        self.log_file = folder.with_name(f"{folder.name}.log")

    def environment(self, **settings: str) -> dict[str, str]:
        radius = {"RADIUS_LISTEN": "127.0.0.1", "RADIUS_AUTH_PORT": str(self.auth), "RADIUS_ACCT_PORT": str(self.acct)}
        return super().environment(
            PYTHONPATH=f"{ROOT}:{sysconfig.get_path('purelib')}",
            DJANGO_SETTINGS_MODULE="fiberledger.settings",
            HOME=str(self.folder),
            **radius,
            **settings,
        )

    def python(self, *arguments: str) -> list[str]:
        """Python as that user, who may be barred from the folder that ours lives in: then the system's."""
        if not self.user:
            return [sys.executable, *arguments]
        become = ["setpriv", f"--reuid={self.user}", "--regid=nogroup", "--clear-groups"]
        barred = subprocess.run([*become, "test", "-x", sys.executable]).returncode
        return [*become, "/usr/bin/python3" if barred else sys.executable, *arguments]

    def start(self) -> None:
        command = self.python("-m", "fiberledger", "run", "--radius", "--no-demo", "--web=1", "--workers=1")
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log, cwd="/")
        wait_until(lambda: self.process.poll() is not None or (self.serves() and self.listens()), 180)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.log_file.read_text(errors="replace")[-4000:]

    def listens(self) -> bool:
        held = {line.split()[1].rpartition(":")[2] for line in Path("/proc/net/udp").read_text().splitlines()[1:]}
        return {f"{self.auth:04X}", f"{self.acct:04X}"} <= held

    def do(self, script: str) -> None:
        done = subprocess.run(
            self.python("-c", script), env=self.environment(), cwd="/", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


# Root tries an ordinary user as well; an ordinary user is one already.
@pytest.fixture(params=["root", "nobody"] if os.geteuid() == 0 else ["myself"])
def house(request):
    folder = Path(tempfile.mkdtemp(prefix="fl-run-", dir="/tmp"))
    if request.param == "nobody":
        shutil.chown(folder, "nobody")
    opened = HouseWithRadius(folder, "nobody" if request.param == "nobody" else "")
    try:
        opened.start()
        yield opened
    finally:
        if opened.process.poll() is None:
            opened.end()
        postgres.Cluster(folder).stop("immediate")
        shutil.rmtree(folder)
        opened.log_file.unlink()


def test_a_fresh_machine_answers_its_first_router(house):
    house.do(FURNISH)
    server, nas = SimpleNamespace(auth=house.auth, acct=house.acct), SimpleNamespace(src_ip="127.0.0.1")
    router = Router(server, nas, SECRET)  # type: ignore[arg-type]
    accepted = router.login("asha", "let me in")
    assert accepted.kind == "accept", accepted.said + house.said()
    assert router.login("asha", "let me guess").kind == "reject"
    house.do(SUSPEND)
    wait_until(lambda: router.login("asha", "let me in").kind == "reject", 30)

    [running] = house.children("radius")
    freeradius = int(Path(f"/proc/{running}/task/{running}/children").read_text().split()[0])
    assert house.end(signal.SIGINT) == 0, house.said()
    assert not house.listens() and not Path(f"/proc/{freeradius}").exists()
    assert not list(house.children("web")) and not list(house.children("worker"))
    assert postgres.Cluster(house.folder).pid() is None
