"""From the commit of a payment to the line being back: RADIUS answers with the plan's terms, and the router has obeyed.

Size is the number of live sessions, at four simulated routers. Of the lines some were cut for debt and their sessions
stand behind the wall. Their payments are recorded through the service that the counter and the gateways call, with a real
worker and a real FreeRADIUS running; each is asked for at RADIUS until it is let out, and its router's confirmation is
the command's own. The second row does the same while everybody else at these routers is being disconnected. Percentiles
are in seconds from the moment the payment was committed. No floor: the target is a median below 2 s and 99 % below 10 s.
"""

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal

from benchmarks import _radius as radius

NAME = "restore-after-payment"
SIZES = (10_000,)
ROUTERS = 4
PER_SECOND = 20  # payments
PATIENCE = 60


def run(size):
    import django

    radius.check_tools()
    django.setup()
    for each in [size] if size else SIZES:
        with ExitStack() as stack:
            auth, _acct = stack.enter_context(radius.server("ours"))
            isp = Isp(each, payers=max(20, min(200, each // 20)), stack=stack)
            worker = subprocess.Popen([sys.executable, "-m", "fiberledger", "worker"], env=os.environ)
            stack.callback(worker.wait, 30)
            stack.callback(worker.terminate)
            isp.pay_one(isp.payers.pop(), auth)  # the worker is there, and warm
            half = len(isp.payers) // 2
            yield {"size": each, "meanwhile": "nothing", **isp.measure(isp.payers[:half], auth)}
            cut = isp.cut_everybody_else()
            yield {"size": each, "meanwhile": f"{cut} disconnections", **isp.measure(isp.payers[half:], auth)}


class Isp:
    """A tenant whose lines are all online, and the routers they are online at."""

    def __init__(self, size, payers, stack):
        from fiberledger import calendar
        from fiberledger.access import services as access
        from fiberledger.access.models import Nas, RadiusLine
        from fiberledger.billing import services as billing
        from fiberledger.catalog.models import Plan
        from fiberledger.identity import Actor
        from fiberledger.places.models import Area
        from fiberledger.routers.simulator import CommandPort, Simulator
        from fiberledger.subscribers import services as subscribers
        from fiberledger.subscriptions import services as subscriptions
        from fiberledger.tenancy import tenant_scope
        from fiberledger.tenancy.services import create_tenant

        self.by = Actor.system("bench")
        tenant = create_tenant(f"restore-{uuid.uuid4().hex[:8]}", name="Restore", country="PK")
        self.tenant_id = tenant.pk
        began = time.monotonic()
        with tenant_scope(tenant.pk):
            area = Area.objects.create(level="city", name="Lahore")
            plan = Plan.objects.create(
                name="Home",
                code="H",
                price=1200,
                currency="PKR",
                download_kbps=20_000,
                upload_kbps=10_000,
                status="active",
            )
            ids = subscribers.register_many(
                [
                    subscribers.NewSubscriber(name=f"S {n}", phone=f"+92300{n:07d}", area_id=area.pk, address="House 1")
                    for n in range(size)
                ],
                by=self.by,
            )
            on = calendar.today() - timedelta(days=60)
            lines = subscriptions.sell_many(
                [subscriptions.Sale(subscriber_id=pk, plan_id=plan.pk, on=on) for pk in ids], by=self.by, check=False
            )
            subscriptions.activate(lines, by=self.by)
            accounts = access.open_accounts(
                [{"subscription_id": pk, "username": f"r{n}", "password": f"word{n}"} for n, pk in enumerate(lines)],
                by=self.by,
            )
        with tenant_scope(tenant.pk):
            billing.issue_opening(dict.fromkeys(ids[:payers], Decimal(1000)), on=on, by=self.by)
            subscriptions.suspend(lines[:payers], by=self.by)
            access.rebuild()
            terms = dict(RadiusLine.objects.values_list("account_id", "terms"))
            self.routers = []
            for n in range(1, ROUTERS + 1):
                address = f"127.78.0.{n}"
                simulated = stack.enter_context(Simulator(address))
                ear = stack.enter_context(CommandPort(simulated, radius.SECRET))
                nas = access.save_nas(
                    Nas(name=f"R{n}", src_ip=address, coa_port=ear.port), secret=radius.SECRET, by=self.by
                )
                self.routers.append((nas.pk, address, simulated))
        self.payers, rows = [], []
        for n, (pk, line) in enumerate(zip(ids, lines, strict=True)):
            nas, address, simulated = self.routers[n % ROUTERS]
            session = f"{0x81000000 + n:X}"
            rows.append(
                (
                    uuid.uuid4(),
                    tenant.pk,
                    nas,
                    accounts[line],
                    f"r{n}",
                    session,
                    "walled" if n < payers else terms[accounts[line]],
                )
            )
            simulated.put("/ppp/active", name=f"r{n}", session_id=f"0x{session}")
            if n < payers:
                self.payers.append((n, pk, address))
        with radius.superuser() as opened:
            with opened.cursor() as cursor:
                cursor.executemany(
                    """INSERT INTO access_livesession (key, tenant_id, nas_id, account_id, username, session_id, mac, prefix6,
                         called, started_at, updated_at, seconds, in_octets, out_octets, terms)
                       VALUES (%s, %s, %s, %s, %s, %s, '', '', '', now() - interval '1 hour', now(), 3600, 1, 1, %s)""",
                    rows,
                )
            # The jobs of furnishing are no part of what is measured.
            opened.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
        radius.settle(None)
        radius.say(f"{size:,} lines online after {time.monotonic() - began:.0f} s")

    def cut_everybody_else(self):
        """Every other session is to be dropped."""
        from fiberledger.access import services as access
        from fiberledger.access.models import LiveSession
        from fiberledger.tenancy import tenant_scope

        with tenant_scope(self.tenant_id):
            rest = LiveSession.objects.exclude(username__in=[f"r{n}" for n, _pk, _address in self.payers])
            found = rest.values_list("key", "nas_id", "username")
            return access.want_commands(
                [(key, nas, name, "disconnect", "bench") for key, nas, name in found], by="bench"
            )

    def pay_one(self, payer, auth):
        done = self.measure([payer], auth)
        radius.say(f"the first: {done}")

    def measure(self, payers, auth):
        let_out = Asker(auth)
        paid = {}
        began = time.monotonic()
        for turn, payer in enumerate(payers):
            time.sleep(max(0.0, began + turn / PER_SECOND - time.monotonic()))
            self._record(payer)
            paid[payer[0]] = time.time()
            let_out.watch(payer)
        accepted = let_out.wait()
        obeyed = self._obeyed(payers)
        missing = [n for n, _pk, _address in payers if n not in accepted or n not in obeyed]
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(payers)} were not restored within {PATIENCE} s")
        return {
            "payments": len(payers),
            **_percentiles("accept", [accepted[n] - paid[n] for n in paid]),
            **_percentiles("obeyed", [obeyed[n] - paid[n] for n in paid]),
        }

    def _record(self, payer):
        from fiberledger import calendar
        from fiberledger.money import Money
        from fiberledger.payments import services as payments
        from fiberledger.tenancy import tenant_scope

        with tenant_scope(self.tenant_id):
            payments.record_payment(
                payer[1],
                Money(Decimal(1000), "PKR"),
                method="cash",
                key=uuid.uuid4(),
                received_on=calendar.today(),
                by=self.by,
            )

    def _obeyed(self, payers):
        """When each payer's router had confirmed."""
        names, until = {f"r{n}": n for n, _pk, _address in payers}, time.monotonic() + PATIENCE
        while True:
            with radius.superuser() as opened:
                found = opened.execute(
                    """SELECT username, extract(epoch FROM max(answered_at))::float FROM access_linecommand
                        WHERE tenant_id = %s AND state = 'confirmed' AND username = ANY (%s) GROUP BY 1""",
                    [self.tenant_id, list(names)],
                ).fetchall()
            if len(found) == len(names) or time.monotonic() > until:
                return {names[name]: at for name, at in found}
            time.sleep(0.05)


class Asker:
    """Asks RADIUS for whoever paid, again and again, until the wall's list is not in the answer any more."""

    def __init__(self, port):
        self.port, self.waiting, self.accepted, self.closed = port, {}, {}, False
        self.sockets = {}
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def watch(self, payer):
        self.waiting[payer[0]] = payer

    def wait(self):
        self.closed = True
        self.thread.join(PATIENCE)
        return self.accepted

    def _ask(self):
        until = time.monotonic() + PATIENCE + 60
        while (self.waiting or not self.closed) and time.monotonic() < until:
            for n, _pk, address in list(self.waiting.values()):
                if self._is_out(n, address):
                    self.accepted[n] = time.time()
                    del self.waiting[n]
            time.sleep(0.005)

    def _is_out(self, n, address):
        if address not in self.sockets:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, 0))
            sock.settimeout(2)
            self.sockets[address] = sock
        authenticator, number = os.urandom(16), os.urandom(1)[0]
        plain = f"word{n}".encode().ljust(16, b"\0")
        stream = hashlib.md5(radius.SECRET.encode() + authenticator).digest()
        hidden = bytes(a ^ b for a, b in zip(plain, stream, strict=True))
        body = radius.text(1, f"r{n}") + radius.text(2, hidden)
        sock = self.sockets[address]
        sock.sendto(struct.pack("!BBH", 1, number, 20 + len(body)) + authenticator + body, ("127.0.0.1", self.port))
        try:
            while (answer := sock.recv(4096))[1] != number:
                pass
        except TimeoutError:
            return False
        return answer[0] == 2 and b"expired" not in answer


def _percentiles(name, seconds):
    ordered = sorted(seconds)
    at = {"median": 0.5, "p99": 0.99}
    return {
        f"{name}_{word}": round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 3)
        for word, part in at.items()
    }
