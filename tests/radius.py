"""A real FreeRADIUS on free ports of the loopback, and routers that talk to it (each from its own 127.x.y.z)."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fiberledger.routers.simulator import CommandPort, Simulator

_fresh = itertools.count(random.randrange(1 << 20))


def fresh_address() -> str:
    """An address of the loopback that no other test's router has."""
    n = (next(_fresh) * 7919 + os.getpid() * 104729) % (1 << 23) + (1 << 17)
    return f"127.{n >> 16 & 127}.{n >> 8 & 255}.{n % 254 + 1}"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(holds: Any, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


class FreeRadius:
    """Started with the configuration that `fiberledger radius config` writes, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.auth, self.acct = folder, free_port(), free_port()
        self.process: subprocess.Popen | None = None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[FreeRadius]:
        # Not below a folder that only root may enter: FreeRADIUS becomes another user.
        with tempfile.TemporaryDirectory(prefix="fl-radius-", dir="/tmp") as folder:
            Path(folder).chmod(0o755)
            server = cls(Path(folder) / "raddb")
            server.write()
            server.start()
            try:
                yield server
            finally:
                server.stop()

    def write(self) -> None:
        command = [sys.executable, "-m", "fiberledger", "radius", "config", "--out", str(self.folder)]
        command += ["--listen", "127.0.0.1", "--auth-port", str(self.auth), "--acct-port", str(self.acct)]
        done = subprocess.run(
            [*command, "--client-seconds", "300", "--reject-delay", "0"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["freeradius", "-f", "-l", str(self.folder / "log" / "out.log"), "-d", str(self.folder)]
        )
        until = time.monotonic() + 15
        while not self.listens():
            assert self.process.poll() is None and time.monotonic() < until, self.said()
            time.sleep(0.05)

    def listens(self) -> bool:
        """Both ports are in the kernel's list: no packet is sent, none is logged."""
        held = {line.split()[1].rpartition(":")[2] for line in Path("/proc/net/udp").read_text().splitlines()[1:]}
        return {f"{self.auth:04X}", f"{self.acct:04X}"} <= held

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def said(self) -> str:
        return "".join(path.read_text(errors="replace")[-4000:] for path in (self.folder / "log").glob("*.log"))

    def forget_router(self, address: str) -> None:
        """What waiting five minutes does: the router's cached secret is dropped."""
        socket_path = self.folder / "run" / "radiusd.sock"
        subprocess.run(
            ["radmin", "-f", str(socket_path), "-e", f"del client ipaddr {address}"], capture_output=True, check=False
        )


class Router:
    """A router of an ISP's: registered with us, and able to ask FreeRADIUS."""

    def __init__(self, server: FreeRadius, nas: Any, secret: str) -> None:
        self.server, self.nas, self.secret, self.address = server, nas, secret, nas.src_ip

    @classmethod
    def of(cls, server: FreeRadius, isp: Any, **settings: Any) -> Router:
        """Register a router with this ISP and return it, ready to ask."""
        from fiberledger.access import services
        from fiberledger.access.models import Nas

        address = settings.pop("src_ip", None) or fresh_address()
        name = settings.pop("name", f"Router {address}")
        with isp.scope():
            nas = services.save_nas(Nas(name=name, src_ip=address, **settings), by=isp.system())
            secret = nas.plain_secret()
        return cls(server, nas, secret)

    def ask(self, port: int, kind: str, lines: list[str], secret: str = "", wait: float = 3, sign: bool = True) -> Any:
        """Send one packet with radclient; returns kind ("accept", "reject", "ok", "silence") and the attributes."""
        text = "\n".join([*lines, f"Packet-Src-IP-Address = {self.address}", "Message-Authenticator = 0x00"]) + "\n"
        if kind == "acct" or not sign:
            text = text.replace("Message-Authenticator = 0x00\n", "")
        done = subprocess.run(
            ["radclient", "-x", "-t", str(wait), "-r", "1", f"127.0.0.1:{port}", kind, secret or self.secret],
            input=text.encode(), capture_output=True,
        )  # fmt: skip
        said = done.stdout.decode(errors="replace")
        answer = SimpleNamespace(kind="silence", attributes={}, said=said + done.stderr.decode(errors="replace"))
        _sent, mark, received = said.partition("Received ")
        if mark:
            word = received.split()[0]
            answer.kind = {"Access-Accept": "accept", "Access-Reject": "reject", "Accounting-Response": "ok"}[word]
            for line in received.splitlines()[1:]:
                name, equals, value = line.strip().partition(" = ")
                if equals:
                    answer.attributes[name] = value.strip('"')
        if answer.kind == "silence":
            answer.said += self.server.said()
        return answer

    def login(
        self, username: str, password: str, *, how: str = "PAP", mac: str = "AA:BB:CC:00:11:22", **more: Any
    ) -> Any:
        name = {"PAP": "User-Password", "CHAP": "CHAP-Password", "MSCHAP": "MS-CHAP-Password"}[how]
        lines = [f"User-Name = {_quoted(username)}", f"{name} = {_quoted(password)}"]
        if how == "CHAP":  # computed here: radclient would read escapes in it differently
            challenge, number = os.urandom(16), b"\x07"
            answer = hashlib.md5(number + password.encode() + challenge).digest()
            lines[1:] = [f"CHAP-Password = 0x{(number + answer).hex()}", f"CHAP-Challenge = 0x{challenge.hex()}"]
        if mac:
            lines.append(f"Calling-Station-Id = {_quoted(mac)}")
        lines += [f"{key.replace('_', '-')} = {_quoted(value)}" for key, value in more.pop("extra", {}).items()]
        return self.ask(self.server.auth, "auth", lines, **more)

    def tell(self, status: str, username: str = "", session: str = "81000001", **attributes: Any) -> Any:
        """An accounting packet. Attributes by name with underscores: Acct_Session_Time=60."""
        wait = attributes.pop("wait", 3)
        lines = [f"Acct-Status-Type = {status}", f"Acct-Session-Id = {_quoted(session)}"]
        if username:
            lines.append(f"User-Name = {_quoted(username)}")
        attributes.setdefault("Calling_Station_Id", "AA:BB:CC:00:11:22")
        for name, value in attributes.items():
            if value is not None:
                lines.append(f"{name.replace('_', '-')} = {value if str(value).startswith('0x') else _quoted(value)}")
        return self.ask(self.server.acct, "acct", lines, wait=wait)

    def accepts(self, username: str, password: str) -> bool:
        return self.login(username, password).kind == "accept"

    def rejects(self, username: str, password: str) -> bool:
        return self.login(username, password).kind == "reject"


def _quoted(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class CommandedRouter:
    """The other half of a router: takes Disconnect and CoA on a port of its own and answers as it is told to."""

    def __init__(self, address: str, secret: str, answer: str = "ack", error: int | None = None) -> None:
        self.secret, self.answer, self.error, self.got, self.packets = secret, answer, error, [], []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> CommandedRouter:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()

    def _serve(self) -> None:
        from pyrad import dictionary, packet

        words = dictionary.Dictionary(str(Path(__file__).with_name("dictionary.pyrad")))
        while True:
            try:
                data, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            self.packets.append(data)
            request = packet.CoAPacket(packet=data, secret=self.secret.encode(), dict=words)
            ours = request.VerifyCoARequest() and request.verify_message_authenticator()
            names = request.keys()  # by name; iterating over the packet itself gives numbers
            self.got.append((request.code, ours, {name: request[name] for name in names}))
            if self.answer == "silence" or not ours:
                continue
            reply = request.CreateReply()
            reply.code = request.code + (1 if self.answer == "ack" else 2)
            if self.error:
                reply["Error-Cause"] = self.error
            self.sock.sendto(reply.ReplyPacket(), peer)


class LivingRouter:
    """A router that does what routers do: whom FreeRADIUS accepts it serves as told and reports, whom it is told to drop it
    drops and reports, and a client that was dropped dials again. Known to us with its API and its ear for commands."""

    def __init__(self, isp: Any, router: Router, passwords: dict[str, str]) -> None:
        self.isp, self.router, self.passwords = isp, router, passwords
        self.dropped: list[str] = []
        self._sessions = itertools.count(0x81100001)
        self.turn_on()

    def turn_on(self, *, keeps: Simulator | None = None) -> None:
        """At the address and with the ports it had before, and with the sessions of `keeps`: only its line to us was down."""
        from fiberledger.access import services

        nas, new = self.router.nas, not self.router.nas.api_username
        self.api = Simulator(self.router.address, 0 if new else nas.api_port, password="api p4ssword")
        self.ear = CommandPort(self.api, self.router.secret, 0 if new else nas.coa_port)
        if keeps is not None:
            self.api.rows = keeps.rows
        self.api.removed = lambda _path, row: self.dropped.append(row["name"])
        if new:
            with self.isp.scope():
                nas.api_username, nas.api_port, nas.coa_port = self.api.username, self.api.port, self.ear.port
                services.save_nas(nas, api_password="api p4ssword", by=self.isp.system())

    def __enter__(self) -> LivingRouter:
        self.api.__enter__()
        self.ear.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.api.stop()
        self.ear.__exit__()

    def dial(self, name: str) -> Any:
        """The client asks to come in. Returns FreeRADIUS' answer."""
        answer = self.router.login(name, self.passwords[name])
        if answer.kind == "accept":
            count, terms = next(self._sessions), answer.attributes
            number, address = f"{count:08X}", terms.get("Framed-IP-Address", f"10.20.0.{count % 200 + 10}")
            self.api.come_online(
                name=name, caller_id="AA:BB:CC:00:11:22", address=address, uptime="10m", session_id=f"0x{number.lower()}",
                rate=terms.get("Mikrotik-Rate-Limit", ""), on_list=terms.get("Mikrotik-Address-List", ""),
            )  # fmt: skip
            self.router.tell("Start", name, session=number, Framed_IP_Address=address, Class=terms["Class"])
        return answer

    def report(self) -> None:
        """What happened since: those dropped are over and dial again; the others go on."""
        dropped, self.dropped = self.dropped, []
        on = {row["name"]: row for row in self.api.rows["/ppp/active"]}
        with self.isp.scope():
            from fiberledger.access.models import LiveSession

            known = list(LiveSession.objects.filter(nas=self.router.nas))
        for session in known:
            row = on.get(session.username)
            status = "Interim-Update" if row and int(row["session-id"], 16) == int(session.session_id, 16) else "Stop"
            self.router.tell(status, session.username, session=session.session_id, Acct_Session_Time=600)
        for name in dropped:
            self.dial(name)

    def served(self, name: str) -> tuple[str, str]:
        """How it serves somebody: the queue's limit, and the address list."""
        row = next(row for row in self.api.rows["/ppp/active"] if row["name"] == name)
        queue = next((q for q in self.api.rows["/queue/simple"] if q["name"] == f"<pppoe-{name}>"), {})
        lists = [one["list"] for one in self.api.rows["/ip/firewall/address-list"] if one["address"] == row["address"]]
        return queue.get("max-limit", ""), " ".join(lists)


def make_line(isp: Any, name="Asha", username="asha", password="let me in", phone="03001234567", plan=None, **terms):
    """A subscriber of the ISP's on a plan, active, with a login."""
    from fiberledger.access import services
    from fiberledger.catalog.models import Plan
    from fiberledger.places.models import Area
    from fiberledger.subscribers.services import NewSubscriber, register
    from fiberledger.subscriptions import services as subscriptions

    by = isp.system()
    with isp.scope():
        area = Area.objects.first() or Area.objects.create(name="Model Town")
        currency = isp.tenant.currency
        plan = plan or Plan.objects.filter(code="H20").first() or Plan.objects.create(
            name="Home 20", code="H20", price=1200, currency=currency, download_kbps=20000, upload_kbps=10000,
            burst_download_kbps=40000, burst_upload_kbps=20000, burst_seconds=16, address_pool="home",
        )  # fmt: skip
        subscriber = register(NewSubscriber(name=name, phone=phone, area_id=area.pk, address="House 1"), by=by)
        line = subscriptions.sell(subscriber, plan, on=date.today(), by=by)
        if line.status != "active":
            subscriptions.activate([line], reason="installed", by=by)
            line.refresh_from_db()
        return services.open_account(line, username=username, password=password, by=by, **terms)
