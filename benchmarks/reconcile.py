"""Keeping routers right. One router with as many PPP secrets as queues (size of each), one in a hundred spoilt by hand: read, put
right and written down; and five hundred routers on one worker of which twenty swallow every packet.

`bytes_ratio`: what the router sent over the bytes of the fields that are compared, as they stand in its answers; `full_ratio`: what it
would have sent if everything had been asked for. `living_seconds`: until the last router that lives was read and written down; `all_seconds`: until
the dead ones were given up, too. The routers are simulated in a process of their own.
"""

import multiprocessing
import random
import tempfile
import time
from pathlib import Path

NAME = "reconcile"
SIZES = (2_000,)
ROUTERS, DEAD = 500, 20
PASSWORD = "bench"


def run(size):
    import django

    django.setup()
    yield _one_router(size or SIZES[0])
    yield _many_routers(
        ROUTERS if size is None or size >= SIZES[0] else 50, DEAD if size is None or size >= SIZES[0] else 2
    )


def _one_router(size):
    from benchmarks.import_subscribers import _import, _tenant, _write
    from fiberledger.access import services as access
    from fiberledger.access.models import AccessAccount
    from fiberledger.provisioning import rounds
    from fiberledger.provisioning.models import OnRouter, RouterStep
    from fiberledger.provisioning.rules import EVERYTHING
    from fiberledger.routers.simulator import Simulator
    from fiberledger.tenancy import tenant_scope

    tenant = _tenant("router")
    tenant_id = tenant.pk
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "customers.csv"
        _write(path, size * 2)
        _import(tenant, path)
    router = Simulator("127.88.0.1", password=PASSWORD).__enter__()
    with tenant_scope(tenant_id):
        AccessAccount.objects.extra(where=["id %% 2 = 0"]).update(kind="static")
        for account in AccessAccount.objects.filter(kind="static").order_by("pk"):
            account.static_ip = f"10.{account.pk >> 16 & 255}.{account.pk >> 8 & 255}.{account.pk & 255}"
            account.save(update_fields=["static_ip"])
        access.rebuild()
        nas = _add(router)
        OnRouter.objects.create(nas=nas, mode="everything", unbound_too=True, most_queues=100_000)
    began = time.perf_counter()
    turns = 0
    while True:
        rounds.reconcile(tenant_id, nas.pk)
        turns += 1
        with tenant_scope(tenant_id):
            kept = OnRouter.objects.get(pk=nas.pk)
            assert not kept.problem, kept.problem
            if kept.right == kept.lines:
                break
    first = time.perf_counter() - began
    spoil = random.Random(1)
    rows = router.rows["/ppp/secret"] + router.rows["/queue/simple"]
    for row in spoil.sample(rows, len(rows) // 100):
        row["profile" if "profile" in row else "max-limit"] = "default" if "profile" in row else "1M/1M"
    needed = full = 0
    for kind in EVERYTHING:
        asked = {".id", "comment", *(name.replace("_", "-") for name in kind.__slots__)}
        for row in router.rows[kind.path]:
            full += sum(len(f"={name}={value}") + 1 for name, value in _as_routers_say(kind, row).items())
            needed += sum(len(f"={name}={value}") + 1 for name, value in row.items() if name in asked)
    with tenant_scope(tenant_id):
        done = RouterStep.objects.count()
    router.sent = 0
    began = time.perf_counter()
    rounds.reconcile(tenant_id, nas.pk)
    seconds = time.perf_counter() - began
    with tenant_scope(tenant_id):
        kept = OnRouter.objects.get(pk=nas.pk)
        healed = RouterStep.objects.count() - done
    if kept.right != kept.lines or healed != len(rows) // 100:
        raise RuntimeError(f"{kept.right} of {kept.lines} lines are right after {healed} steps")
    return {
        "size": size, "seconds": round(seconds, 2), "healed": healed, "bytes": router.sent, "bytes_ratio": round(router.sent / needed, 2),
        "full_ratio": round(full / needed, 2), "first_seconds": round(first, 1), "first_turns": turns,
    }  # fmt: skip


def _as_routers_say(kind, row):
    """A row with what a RouterOS 7 prints of it besides, where nobody says which fields are wanted."""
    if kind.path == "/ppp/secret":
        return {**row, "service": "any", "routes": "", "ipv6-routes": "", "limit-bytes-in": "0", "limit-bytes-out": "0",
                "last-logged-out": "2026-01-01 00:00:00", "last-caller-id": "AA:BB:CC:00:11:22", "last-disconnect-reason": "peer-request"}  # fmt: skip
    if kind.path == "/queue/simple":
        zeros = "bytes packets dropped rate packet-rate queued-bytes queued-packets total-bytes total-packets total-dropped".split()
        return {**row, "parent": "none", "packet-marks": "", "priority": "8/8", "queue": "default-small/default-small", "limit-at": "0/0",
                "bucket-size": "0.1/0.1", "invalid": "false", "dynamic": "false", **dict.fromkeys(zeros, "0/0")}  # fmt: skip
    return row


def _many_routers(count, dead):
    from benchmarks.import_subscribers import _tenant
    from fiberledger.provisioning import rounds
    from fiberledger.provisioning.models import OnRouter
    from fiberledger.tenancy import tenant_scope

    tenant_id = _tenant("routers").pk
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_stand, args=(theirs, count, dead), daemon=True)
    process.start()
    try:
        where = ours.recv()
        with tenant_scope(tenant_id):
            for address, port in where:
                nas = _add_at(address, port)
                OnRouter.objects.create(nas=nas, mode="everything")
        last, living = {}, count - dead

        def watched(work, want, result):
            record(work, want, result)
            if not result.problem:
                last["read"], last["n"] = time.perf_counter(), last.get("n", 0) + 1

        record, rounds.services.record = rounds.services.record, watched
        began = time.perf_counter()
        try:
            asked = rounds.run_round([tenant_id])
        finally:
            rounds.services.record = record
        seconds = time.perf_counter() - began
    finally:
        process.terminate()
    if asked != count or last["n"] != living:
        raise RuntimeError(f"{asked} asked, {last['n']} read")
    return {
        "routers": count, "dead": dead, "living_seconds": round(last["read"] - began, 1), "all_seconds": round(seconds, 1),
    }  # fmt: skip


def _stand(pipe, count, dead):
    from fiberledger.routers.simulator import Simulator

    routers = [Simulator(f"127.88.{n // 250 + 1}.{n % 250 + 1}", password=PASSWORD).__enter__() for n in range(count)]
    for router in random.Random(2).sample(routers, dead):
        router.silent = True
    for router in routers:
        for n in range(20):
            router.put("/ppp/secret", name=f"by hand {n}", profile="default")
    pipe.send([(router.address, router.port) for router in routers])
    time.sleep(3600)


def _add(router):
    return _add_at(router.address, router.port)


def _add_at(address, port):
    from fiberledger.access import services as access
    from fiberledger.access.models import Nas
    from fiberledger.identity import Actor

    nas = Nas(name=f"bench {address}", src_ip=address, api_username="fiberledger", api_port=port)
    return access.save_nas(nas, api_password=PASSWORD, by=Actor.system("bench"))
