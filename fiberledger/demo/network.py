"""The demonstration's network: a simulated router for each company, with whoever is online on it.

It obeys: a line that is cut here is dropped there, comes back behind the wall, and is let out again by a payment.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from django.db.models import F

from fiberledger.access import play, reading, served
from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount, LiveSession, Nas
from fiberledger.access.secrets import strong_password
from fiberledger.identity import Actor
from fiberledger.provisioning import services as provisioning
from fiberledger.provisioning.models import OnRouter
from fiberledger.routers.simulator import CommandPort, Simulator
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.tenancy.models import Tenant

from .cast import COMPANIES

EVERY = 10.0  # seconds between two looks at who is online
LINES = 24  # on the tower's router


def run() -> None:
    """Until the process is ended."""
    with ExitStack() as stack:
        companies = [
            (tenant.pk, stack.enter_context(_router(stack, tenant.pk)))
            for tenant in Tenant.objects.filter(slug__in=COMPANIES).order_by("pk")
        ]
        for tenant_id, _router_of in companies:
            _tower(stack, tenant_id)
        print(f"{len(companies)} simulated routers", flush=True)
        while True:
            for tenant_id, router in companies:
                play.play_on(tenant_id)
                _populate(tenant_id, router)
            time.sleep(EVERY)


def break_something() -> list[str]:
    """What an engineer in a hurry does on a router by hand: one client who has paid is put on the wall's list, another gets a
    queue that is ten times as fast. Returns a sentence each."""
    tenant = Tenant.objects.filter(slug__in=COMPANIES).order_by("pk").first()
    if tenant is None:
        raise Refusal("there is no demo here: fiberledger demo load")
    with tenant_scope(tenant.pk):
        nas = Nas.objects.order_by("pk").first()
        assert nas is not None, "the demo has a router for each company"
        paid = LiveSession.objects.filter(nas=nas, ip__isnull=False).exclude(terms="walled").order_by("username")
        lucky, unlucky = paid[0], paid[1]
    with reading.open_api(nas) as api:
        api.add(served.LISTS, {"list": nas.walled_list, "address": unlucky.ip})
        api.add(served.QUEUES, {"name": f"test {lucky.username}", "target": f"{lucky.ip}/32", "max-limit": "100M/100M"})
    return [
        f"{tenant.name}, {nas.name}: {unlucky.username}, who has paid, stands on the list {nas.walled_list}.",
        f"{tenant.name}, {nas.name}: {lucky.username} has a queue of 100M/100M that goes before the one that was paid for.",
    ]


def _router(stack: ExitStack, tenant_id: int) -> Simulator:
    """The company's first router, simulated at its own address; on other ports where those it had are taken."""
    by = Actor.system("demo network")
    with tenant_scope(tenant_id):
        nas = Nas.objects.order_by("pk").first()
        assert nas is not None, "the demo has a router for each company"
        password, secret = strong_password(20), nas.plain_secret()
        router = _at(lambda port: Simulator(nas.src_ip, port, password=password), nas.api_port)
        commands = stack.enter_context(_at(lambda port: CommandPort(router, secret, port), nas.coa_port))
        nas.api_username, nas.api_port, nas.coa_port = router.username, router.port, commands.port
        access.save_nas(nas, api_password=password, by=by)
    router.removed = lambda _path, row: play.drop(tenant_id, row["session-id"].removeprefix("0x").upper())
    return router


def _tower(stack: ExitStack, tenant_id: int) -> None:
    """The company's second router, where it has one: some lines live on it, beside what somebody once made there by hand."""
    by = Actor.system("demo network")
    with tenant_scope(tenant_id):
        nas = Nas.objects.order_by("pk")[1:2].first()
        if nas is None:
            return
        password = strong_password(20)
        router = stack.enter_context(_at(lambda port: Simulator(nas.src_ip, port, password=password), nas.api_port))
        nas.api_username, nas.api_port = router.username, router.port
        access.save_nas(nas, api_password=password, by=by)
        accounts = AccessAccount.objects.filter(kind="pppoe").annotate(last=F("pk") % 10)
        if not accounts.filter(only_nas=nas).exists():
            for account in accounts.filter(last__gte=7, only_nas=None).order_by("pk")[:LINES]:  # nobody plays these
                account.only_nas = nas
                access.save_account(account, by=by)
        first = accounts.filter(only_nas=nas).order_by("pk").first()
        if first is not None:
            router.put(
                "/ppp/secret", name=first.username, password="before", profile="default", comment="by hand, 2019"
            )
        router.put("/queue/simple", name="office", target="192.168.88.0/24", max_limit="50M/50M")
        router.put("/queue/simple", name="left over", target="10.20.3.9/32", max_limit="1M/1M", comment="fl:999999999")
        kept = OnRouter.objects.filter(pk=nas.pk).first() or OnRouter(nas=nas, mode=OnRouter.Mode.EVERYTHING)
        provisioning.keep(kept, by=by)


def _at(make, port):  # type: ignore[no-untyped-def]
    try:
        return make(port)
    except OSError:
        return make(0)


def _populate(tenant_id: int, router: Simulator) -> None:
    """The router has whoever is online, served as they were let in, and nobody else."""
    with tenant_scope(tenant_id):
        online = {f"0x{session.session_id.lower()}": session for session in LiveSession.objects.select_related("nas")}
        there = {row["session-id"]: row for row in router.rows["/ppp/active"]}
        come = [online[session_id] for session_id in online.keys() - there.keys()]
        granted = served.granted(session.username for session in come)
    for session_id in there.keys() - online.keys():
        router.drop(there[session_id])
    for session in come:
        walled = session.behind_wall
        router.come_online(
            name=session.username, caller_id=session.mac, address=session.ip or "", uptime=f"{session.seconds}s",
            session_id=f"0x{session.session_id.lower()}", on_list=session.nas.walled_list if walled else "",
            rate=session.nas.walled_rate if walled else granted.get(session.username, {}).get("Mikrotik-Rate-Limit", ""),
        )  # fmt: skip
