"""Run by test_access_accounting in a process and a database of its own: the database is stopped under FreeRADIUS."""

from __future__ import annotations

import json
import sys

from fiberledger import operate
from fiberledger.operate import postgres


def main() -> None:
    operate.ensure_database()
    from django.db import connections

    from fiberledger.access.models import LiveSession
    from fiberledger.tenancy.services import create_tenant
    from tests.radius import FreeRadius, Router, make_line, wait_until
    from tests.stage import Isp

    isp = Isp(create_tenant("bright", name="Bright ISP", country="PK"))
    cluster, told = postgres.embedded(), {}
    try:
        with FreeRadius.running() as server:
            make_line(isp)
            router = Router.of(server, isp)
            told["before"] = router.login("asha", "let me in").kind
            connections.close_all()
            cluster.stop()
            told["during"] = router.login("asha", "let me in", wait=1.5).kind
            told["accounting_during"] = router.tell("Start", "asha", Acct_Input_Octets=4242, wait=6).kind
            cluster.start()
            wait_until(lambda: router.login("asha", "let me in", wait=1).kind == "accept", 30)
            told["after"] = "accept"

            def replayed():
                with isp.scope():
                    found = LiveSession.objects.first()
                    told["session"] = [found.username, found.in_octets] if found else None
                    return found

            wait_until(replayed, 30)
    finally:
        cluster.stop()
    print(json.dumps(told))


if __name__ == "__main__":
    sys.exit(main())
