"""FreeRADIUS twice, on our functions and on its stock SQL schema, in one PostgreSQL and under one load generator.

The stock side is what Debian's package ships: schema.sql, queries.conf, acct_unique, simultaneous use; its tables get
the index on open sessions by username that its own comments leave out. Statistics are fresh on both sides. Both run
the same program with the same threads, and answer the same attributes; 64 requests are in flight.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

STOCK = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql")
POLICY = Path("/etc/freeradius/3.0/policy.d/accounting")
SECRET = "benchSecret42"
TENANTS, ROUTERS, PLANS = 200, 200, 10
IN_FLIGHT = 64
ONLINE = 20_000
NEEDED = ("freeradius",)


def say(text):
    print(text, file=sys.stderr, flush=True)


def address(router):
    """Router 1 … 200 on the loopback."""
    return f"127.77.{router // 200}.{router % 200 + 1}"


def superuser(dbname=None):
    from fiberledger.operate import environment

    given = environment.superuser()
    return psycopg.connect(**{**given, "dbname": dbname or given["dbname"]}, autocommit=True)


def settle(database):
    """Everything written down, counted and vacuumed, so that neither side pays for what came before."""
    with superuser(database) as opened:
        opened.execute("VACUUM (ANALYZE, FREEZE)")
        opened.execute("CHECKPOINT")


def remembered(opened, what, size):
    """Was this database filled in an earlier run (BENCH_DIR)?"""
    opened.execute("CREATE TABLE IF NOT EXISTS bench_filled (what text PRIMARY KEY, size bigint)")
    return opened.execute("SELECT 1 FROM bench_filled WHERE what = %s AND size = %s", [what, size]).fetchone()


def remember(opened, what, size):
    opened.execute(
        "INSERT INTO bench_filled VALUES (%s, %s) ON CONFLICT (what) DO UPDATE SET size = excluded.size", [what, size]
    )


def plan_of(line):
    """Ten speeds, as (rate limit, up, down)."""
    speed = line % PLANS + 1
    return f"{speed}M/{speed * 2}M", speed * 1_000_000, speed * 2_000_000


def fill_ours(lines):
    from fiberledger.access import secrets
    from fiberledger.access.rules import Facts, desired_access

    with superuser() as opened:
        if remembered(opened, "bound lines", lines):
            return
        began = time.monotonic()
        opened.execute("SET session_replication_role = replica")  # the projection alone: no accounts behind it
        opened.execute("TRUNCATE radius_line, access_livesession")
        opened.execute("DELETE FROM access_nas WHERE src_ip <<= '127.77.0.0/16'")
        columns = (
            "id, tenant_id, name, src_ip, kind, active, interim_seconds, for_suspended, for_unknown, walled_pool, "
        )
        columns += "walled_list, walled_rate, coa_port, signing, note, secret, radius_secret, created_at, api_username, api_port, api_tls"
        with opened.cursor().copy(f"COPY access_nas ({columns}) FROM STDIN") as rows:
            for n in range(1, ROUTERS + 1):
                rows.write_row(
                    (1_000_000 + n, 1_000_000 + n, f"bench {n}", address(n), "mikrotik", True, 300, "walled", "reject", "",
                     "expired", "", 3799, "auto", "", b"", secrets.box(SECRET, f"bench{n}"), "2026-01-01", "", 8728, False)
                )  # fmt: skip
        columns = "account_id, tenant_id, username, verdict, message, secret, only_mac, devices, by_mac, attributes, values_, kinds, terms"
        with opened.cursor().copy(f"COPY radius_line ({columns}) FROM STDIN") as rows:
            for n in range(1, lines + 1):
                speed = n % PLANS + 1
                facts = Facts(
                    tenant_id=n % TENANTS, account_id=n, kind="pppoe", username=f"user{n}", plan_pool="home",
                    upload_kbps=speed * 1000, download_kbps=speed * 2000, only_mac=mac(n), learn_mac=True, devices=1,
                )  # fmt: skip
                access = desired_access(facts)
                rows.write_row(
                    (n, 1_000_001 + n % ROUTERS, access.username, "accept", "", secrets.box(f"pass{n}", f"{n}"),
                     access.only_mac, access.devices, False, [name for name, _value in access.items],
                     [value for _name, value in access.items], list(access.kinds), access.terms)
                )  # fmt: skip
        remember(opened, "bound lines", lines)
        say(f"our projection of {lines:,} lines written in {time.monotonic() - began:.0f} s")


def fill_stock(lines):
    with superuser("postgres") as opened:
        if not opened.execute("SELECT 1 FROM pg_database WHERE datname = 'bench_stock'").fetchone():
            opened.execute("CREATE DATABASE bench_stock TEMPLATE template0")
    with superuser("bench_stock") as opened:
        if not opened.execute("SELECT to_regclass('radcheck')").fetchone()[0]:
            opened.execute((STOCK / "schema.sql").read_text())
            opened.execute("CREATE INDEX radacct_open_user ON radacct (username) WHERE acctstoptime IS NULL")
        if remembered(opened, "bound radcheck", lines):
            return
        began = time.monotonic()
        opened.execute("TRUNCATE radcheck, radreply, radusergroup, radgroupcheck, radgroupreply, nas RESTART IDENTITY")
        with opened.cursor().copy("COPY nas (nasname, shortname, secret) FROM STDIN") as rows:
            for n in range(1, ROUTERS + 1):
                rows.write_row((address(n), f"bench{n}", SECRET))
        opened.execute(
            """INSERT INTO radcheck (username, attribute, op, value)
               SELECT 'user' || n, a, ':=', CASE a WHEN 'Simultaneous-Use' THEN '1' ELSE 'pass' || n END
                 FROM generate_series(1, %s) n, unnest(ARRAY['Cleartext-Password', 'Simultaneous-Use']) a""",
            [lines],
        )
        opened.execute(
            "INSERT INTO radusergroup (username, groupname) SELECT 'user' || n, 'plan' || n %% %s FROM generate_series(1, %s) n",
            [PLANS, lines],
        )
        with opened.cursor().copy("COPY radcheck (username, attribute, op, value) FROM STDIN") as rows:
            for n in range(1, lines + 1):
                rows.write_row((f"user{n}", "Calling-Station-Id", "==", mac(n)))
        for plan in range(PLANS):
            rate, up, down = plan_of(plan)
            for name, value in (
                ("Acct-Interim-Interval", 300), ("Class", f"plan{plan}"), ("Framed-Pool", "home"),
                ("Mikrotik-Rate-Limit", rate), ("WISPr-Bandwidth-Max-Up", up), ("WISPr-Bandwidth-Max-Down", down),
            ):  # fmt: skip
                opened.execute(
                    "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES (%s, %s, ':=', %s)",
                    [f"plan{plan}", name, str(value)],
                )
        remember(opened, "bound radcheck", lines)
        say(f"the stock tables of {lines:,} users filled in {time.monotonic() - began:.0f} s")


def _stock_configuration(folder, ours):
    """Ours with its modules and servers exchanged for the stock ones: program, threads, log and pool are the same."""
    from fiberledger.operate import environment

    given = {**environment.superuser(), "dbname": "bench_stock"}
    conninfo = " ".join(f"{key}='{value}'" for key, value in given.items())
    head, rest = ours.split("server isp {", 1)
    head = head[: head.index("# Whoever sends")]
    head = re.sub(r"sql \{.*?pool \{", f'''sql {{
		dialect = "postgresql"
		driver = "rlm_sql_postgresql"
		radius_db = "{conninfo}"
		acct_table1 = "radacct"
		acct_table2 = "radacct"
		postauth_table = "radpostauth"
		authcheck_table = "radcheck"
		groupcheck_table = "radgroupcheck"
		authreply_table = "radreply"
		groupreply_table = "radgroupreply"
		usergroup_table = "radusergroup"
		read_groups = yes
		read_profiles = no
		read_clients = yes
		client_table = "nas"
		group_attribute = "SQL-Group"
		$INCLUDE {STOCK / "queries.conf"}
		pool {{''', head, flags=re.DOTALL)  # fmt: skip
    ports = re.findall(r"port = (\d+)", rest)
    return (
        head.replace("start = 0", "start = 2").replace("modules {", "modules {\n\texpr {\n\t}", 1)
        + f"""
policy {{
	$INCLUDE {POLICY}
}}
server isp {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {ports[0]}
	}}
	listen {{
		type = acct
		ipaddr = 127.0.0.1
		port = {ports[1]}
	}}
	authorize {{
		chap
		mschap
		sql
		pap
	}}
	authenticate {{
		Auth-Type PAP {{
			pap
		}}
		Auth-Type CHAP {{
			chap
		}}
		Auth-Type MS-CHAP {{
			mschap
		}}
	}}
	session {{
		sql
	}}
	preacct {{
		acct_unique
	}}
	accounting {{
		sql
	}}
}}
"""
    )


@contextmanager
def server(which):
    """A FreeRADIUS, "ours" or "stock", on free ports; yields (auth port, acct port)."""
    from fiberledger.access import freeradius, secrets
    from fiberledger.operate import environment

    ports = []
    for _port in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            ports.append(sock.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix=f"fl-bench-{which}-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "raddb"
        setup = freeradius.Setup(
            database=environment.connection("fl_radius"), key=secrets.radius_key(), listen="127.0.0.1",
            auth_port=ports[0], acct_port=ports[1], client_seconds=3600,
        )  # fmt: skip
        freeradius.write(folder, setup)
        if which == "stock":
            conf = folder / "radiusd.conf"
            conf.write_text(_stock_configuration(folder, conf.read_text()))
        if fault := freeradius.check(folder):
            raise RuntimeError(f"{which}: {fault}")
        child = subprocess.Popen([freeradius.program(), "-f", "-l", str(folder / "log/out.log"), "-d", str(folder)])
        try:
            wanted = {f"{port:04X}" for port in ports}
            until = time.monotonic() + 20
            while not wanted <= {
                line.split()[1].rpartition(":")[2] for line in Path("/proc/net/udp").read_text().splitlines()[1:]
            }:
                if child.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{which} does not start: {(folder / 'log/out.log').read_text()[-500:]}")
                time.sleep(0.05)
            yield tuple(ports)
        finally:
            child.terminate()
            child.wait(20)


class Load:
    """Packets of many routers, each from its own address, built beforehand; `send` only sends and receives."""

    def __init__(self, code):
        self.code, self.packets, self.numbers = code, [], {}

    def add(self, router, attributes, password=None):
        """One packet of that router. Its identifier is the router's next one."""
        number = self.numbers[router] = (self.numbers.get(router, -1) + 1) % 256
        body, signature = b"".join(attributes), os.urandom(16)
        if password is not None:
            plain = password.encode().ljust(16, b"\0")
            stream = hashlib.md5(SECRET.encode() + signature).digest()
            body += text(2, (int.from_bytes(plain, "big") ^ int.from_bytes(stream, "big")).to_bytes(16, "big"))
        head = struct.pack("!BBH", self.code, number, 20 + len(body))
        if password is None:
            signature = hashlib.md5(head + bytes(16) + body + SECRET.encode()).digest()
        self.packets.append((router, number, head + signature + body))

    def send(self, port):
        """Everything, 64 in flight, sent again after four tenths of a second of silence; returns seconds. All must be accepted."""
        wanted = {1: 2, 4: 5}[self.code]
        sockets, waiting = {}, {}
        ready = select.epoll()
        try:
            for router in self.numbers:
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setblocking(False)
                sock.bind((address(router), 0))
                sock.connect(("127.0.0.1", port))
                ready.register(sock.fileno(), select.EPOLLIN)
                sockets[router] = sock
            by_file = {sock.fileno(): (router, sock) for router, sock in sockets.items()}
            left = iter(self.packets)
            began = time.perf_counter()
            more = True
            while more or waiting:
                while more and len(waiting) < IN_FLIGHT:
                    if (packet := next(left, None)) is None:
                        more = False
                        break
                    router, number, data = packet
                    sockets[router].send(data)
                    waiting[router, number] = (time.perf_counter(), data)
                for file, _event in ready.poll(0.1):
                    router, sock = by_file[file]
                    with suppress(BlockingIOError):
                        while True:
                            answer = sock.recv(4096)
                            if waiting.pop((router, answer[1]), None) and answer[0] != wanted:
                                raise RuntimeError(f"a packet was answered with code {answer[0]}")
                now = time.perf_counter()
                if now - began > 600:
                    raise RuntimeError(f"{len(waiting)} packets got no answer")
                if len(waiting) == IN_FLIGHT or not more:
                    for (router, number), (at, data) in list(waiting.items()):
                        if now - at > 0.4:
                            sockets[router].send(data)
                            waiting[router, number] = (now, data)
            return time.perf_counter() - began
        finally:
            ready.close()
            for sock in sockets.values():
                sock.close()


def text(kind, value):
    value = value if isinstance(value, bytes) else str(value).encode()
    return bytes([kind, len(value) + 2]) + value


def number(kind, value):
    return struct.pack("!BBI", kind, 6, value)


def router_of(line):
    return line % ROUTERS + 1


def mac(line):
    return f"02:00:{line >> 24 & 255:02X}:{line >> 16 & 255:02X}:{line >> 8 & 255:02X}:{line & 255:02X}"


def _who(line):
    router = socket.inet_aton(address(router_of(line)))
    return [
        text(1, f"user{line}"), text(4, router), number(61, 15), text(87, "ether1"), text(30, "pppoe1"), text(31, mac(line)),
        number(6, 2), number(7, 1),
    ]  # fmt: skip


def logins(lines):
    load = Load(1)
    for line in lines:
        load.add(router_of(line), _who(line), f"pass{line}")
    return load


STATUS = {"Start": 1, "Stop": 2, "Interim-Update": 3}


def reports(lines, steps):
    """Accounting packets: of each (status, session prefix, seconds) one a line, line by line."""
    load, now = Load(4), int(time.time())
    for line in lines:
        for status, prefix, seconds in steps:
            load.add(
                router_of(line),
                [
                    *_who(line), number(40, STATUS[status]), text(44, f"{prefix}-{line}"), number(8, 10 << 24 | line),
                    text(25, f"a{line}.0123456789ab"), number(46, seconds), number(42, seconds * 1000),
                    number(43, seconds * 7000), number(55, now),
                ],
            )  # fmt: skip
    return load


def some(lines, count, seed):
    return random.Random(seed).sample(range(1, lines + 1), min(count, lines))


def check_tools():
    for name in NEEDED:
        if not shutil.which(name) and not Path("/usr/sbin", name).exists():
            raise RuntimeError(f"{name} is not installed: apt install freeradius freeradius-postgresql")
    if not STOCK.exists():
        raise RuntimeError(f"the stock schema is not in {STOCK}: apt install freeradius-postgresql")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")


def past_ours(past):
    with superuser() as opened:
        if remembered(opened, "access_sessionhistory", past):
            return
        opened.execute("SET session_replication_role = replica")  # filled, not lived: nothing of it is to be counted
        opened.execute("TRUNCATE access_sessionhistory, access_sessionfresh, access_livesession")
        opened.execute(
            """INSERT INTO access_sessionhistory (key, tenant_id, nas_id, account_id, username, session_id, mac, ip,
                   started_at, ended_at, seconds, in_octets, out_octets, cause)
               SELECT md5('past' || n)::uuid, 1000001 + n %% %s, 1000001 + n %% %s, n %% 500000 + 1, 'user' || n %% 500000 + 1,
                      'p' || n, '02:00:00:00:00:01', '10.0.0.0'::inet + n %% 500000,
                      at - interval '3 hours', at, 10800, n, n * 7, 'User-Request'
                 FROM (SELECT n, now() - interval '55 days' * random() AS at FROM generate_series(1, %s) n) x""",
            [TENANTS, ROUTERS, past],
        )
        opened.execute(
            """INSERT INTO access_livesession (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
                   called, started_at, updated_at, seconds, in_octets, out_octets, terms)
               SELECT md5('on' || n)::uuid, 1000001 + n %% %s, 1000001 + n %% %s, 1000000 + n, 'online' || n, 'o' || n,
                      '02:00:00:00:00:02', '10.128.0.0'::inet + n, '', 'pppoe1', now() - interval '3 hours', now(), 10800,
                      n, n * 7, '0123456789ab'
                 FROM generate_series(1, %s) n""",
            [TENANTS, ROUTERS, ONLINE],
        )
        remember(opened, "access_sessionhistory", past)
        say(f"our history of {past:,} sessions filled")


def past_stock(past):
    with superuser("bench_stock") as opened:
        if remembered(opened, "radacct", past):
            return
        opened.execute("TRUNCATE radacct")
        opened.execute(
            """INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, nasportid, nasporttype,
                   acctstarttime, acctupdatetime, acctstoptime, acctsessiontime, acctauthentic, acctinputoctets,
                   acctoutputoctets, calledstationid, callingstationid, acctterminatecause, servicetype, framedprotocol,
                   framedipaddress)
               SELECT 'p' || n, md5('past' || n), 'user' || n %% 500000 + 1, '127.77.0.0'::inet + n %% 200 + 1, 'ether1',
                      'Ethernet', at - interval '3 hours', at, at, 10800, 'RADIUS', n, n * 7, 'pppoe1',
                      '02:00:00:00:00:01', 'User-Request', 'Framed-User', 'PPP', '10.0.0.0'::inet + n %% 500000
                 FROM (SELECT n, now() - interval '55 days' * random() AS at FROM generate_series(1, %s) n) x""",
            [past],
        )
        opened.execute(
            """INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, nasportid, nasporttype,
                   acctstarttime, acctupdatetime, acctsessiontime, acctauthentic, acctinputoctets, acctoutputoctets,
                   calledstationid, callingstationid, servicetype, framedprotocol, framedipaddress)
               SELECT 'o' || n, md5('on' || n), 'online' || n, '127.77.0.0'::inet + n %% 200 + 1, 'ether1', 'Ethernet',
                      now() - interval '3 hours', now(), 10800, 'RADIUS', n, n * 7, 'pppoe1', '02:00:00:00:00:02',
                      'Framed-User', 'PPP', '10.128.0.0'::inet + n
                 FROM generate_series(1, %s) n""",
            [ONLINE],
        )
        remember(opened, "radacct", past)
        say(f"the stock table of {past:,} sessions filled")
