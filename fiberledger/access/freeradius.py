"""FreeRADIUS' configuration, written out complete: `freeradius -X -d DIR` starts it as it is.

Everything that differs between machines is in Setup; secrets are in the file itself, which only its reader may read.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from fiberledger.operate.environment import Trouble

DEBIAN_USER = "freerad"


@dataclass(frozen=True)
class Setup:
    database: dict[str, str]  # libpq parameters of fl_radius
    key: str
    listen: str = "*"
    auth_port: int = 1812
    acct_port: int = 1813
    client_seconds: int = 300  # how long a router's secret is remembered
    threads: int = 16
    reject_delay: int = 1  # seconds a refusal waits: guessing passwords takes that long each
    user: str | None = field(default=None)  # whom to become, when started as root


def program() -> str:
    for name in ("freeradius", "radiusd", "/usr/sbin/freeradius", "/usr/sbin/radiusd"):
        if found := shutil.which(name):
            return found
    raise Trouble("FreeRADIUS is not installed: apt install freeradius freeradius-postgresql")


def _libraries() -> str:
    for place in ("/usr/lib/freeradius", "/usr/lib64/freeradius", "/usr/local/lib/freeradius", "/usr/local/lib"):
        if Path(place, "rlm_sql_postgresql.so").exists():
            return place
    raise Trouble("FreeRADIUS' PostgreSQL driver is not installed: apt install freeradius-postgresql")


def _dictionary() -> str:
    for place in ("/usr/share/freeradius", "/usr/local/share/freeradius"):
        if Path(place, "dictionary").exists():
            return place
    raise Trouble("FreeRADIUS' dictionary is not installed: apt install freeradius-common")


def unprivileged_user(*folders: Path) -> str | None:
    """Debian's own user when we are root and it can pass through all these folders; otherwise nobody else."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(DEBIAN_USER)
    except KeyError:
        return None
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    for folder in folders:
        for place in (folder, *folder.parents):
            found = place.stat()
            bit = 0o100 if found.st_uid == user.pw_uid else 0o010 if found.st_gid in groups else 0o001
            if not found.st_mode & bit:
                return None
    return DEBIAN_USER


def write(folder: Path, setup: Setup) -> list[Path]:
    """Write the configuration into the folder, readable to nobody else. Log and spool live below it."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("log", "spool", "run"):
        (folder / name).mkdir(exist_ok=True)
    written = []
    files = {
        "dictionary": _DICTIONARY % _dictionary(),
        "pgpass": _passfile(setup),
        "radiusd.conf": _configuration(folder, setup),
    }
    for name, text in files.items():
        draft = folder / f".{name}"
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        draft.rename(folder / name)
        written.append(folder / name)
    link = folder / "freeradius.conf"  # what Debian's program looks for; elsewhere it is called radiusd
    link.unlink(missing_ok=True)
    link.symlink_to("radiusd.conf")
    if setup.user:
        user = pwd.getpwnam(setup.user)
        for place in (folder, *folder.glob("*")):
            os.chown(place, user.pw_uid, user.pw_gid, follow_symlinks=False)
    for name in ("log", "spool", "run"):
        (folder / name).chmod(0o700)
    return written


def check(folder: Path) -> str | None:
    """What FreeRADIUS itself says is wrong with the configuration, or None."""
    done = subprocess.run([program(), "-C", "-X", "-d", str(folder)], capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        return None
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    faults = [line for line in said if re.search(r"error|failed|cannot|unable|unknown|invalid", line, re.IGNORECASE)]
    return " ".join((faults or said)[-3:]) or "freeradius -C refused it and said nothing"


def _conninfo(folder: Path, setup: Setup) -> str:
    """libpq's own connection string, without the password: FreeRADIUS writes this string into its log."""
    settings = {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "jit": "off",
        "statement_timeout": "5s",
    }
    wanted = {
        "connect_timeout": "3",
        **{name: value for name, value in setup.database.items() if name != "password"},
        "passfile": str(folder / "pgpass"),
        "application_name": "freeradius",
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    quoted = " ".join("{}='{}'".format(k, v.replace("\\", "\\\\").replace("'", "\\'")) for k, v in wanted.items() if v)
    return quoted.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")


def _passfile(setup: Setup) -> str:
    word = setup.database.get("password", "").replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{word}\n"


def _configuration(folder: Path, setup: Setup) -> str:
    become = f"\tuser = {setup.user}\n\tgroup = {setup.user}\n" if setup.user else ""
    values = {
        "folder": folder,
        "libdir": _libraries(),
        "become": become,
        "conninfo": _conninfo(folder, setup),
        "key": setup.key,
        "listen": setup.listen,
        "auth_port": setup.auth_port,
        "acct_port": setup.acct_port,
        "client_seconds": setup.client_seconds,
        "threads": setup.threads,
        "reject_delay": setup.reject_delay,
        "connections": setup.threads + 8,
        "spare": max(2, setup.threads // 2),
        "port": _PORT,
    }
    return re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), _CONFIGURATION)


# Where the line comes in: what the DSLAM or OLT says (option 82), else the router's own name for the port.
_PORT = "%{%{string:ADSL-Agent-Circuit-Id}:-%{%{string:ADSL-Agent-Remote-Id}:-%{NAS-Port-Id}}}"

_DICTIONARY = """\
$INCLUDE %s/dictionary
ATTRIBUTE	Isp-Tenant-Id	3000	string
ATTRIBUTE	Isp-Nas-Id	3001	string
ATTRIBUTE	Isp-Note-Signing	3002	string
"""

_CONFIGURATION = """\
# Written by `fiberledger radius config`; run it again instead of changing this file. It contains secrets.
prefix = /usr
libdir = @libdir@
name = radiusd
confdir = "@folder@"
logdir = "@folder@/log"
run_dir = "@folder@/run"
max_request_time = 10
# A login's answer is kept for that many seconds, should the router ask again; with so many kept, new logins are dropped.
# So these two are a limit on logins a second. An answer that is forgotten is given anew.
max_requests = 32768
cleanup_delay = 2
hostname_lookups = no
proxy_requests = no

log {
	destination = files
	file = "${logdir}/radius.log"
	auth = no
}

security {
@become@	reject_delay = @reject_delay@
	status_server = yes
	allow_vulnerable_openssl = yes
}

thread pool {
	start_servers = @spare@
	max_servers = @threads@
	min_spare_servers = 2
	max_spare_servers = @spare@
	max_requests_per_server = 0
}

modules {
	pap {
		normalise = no
	}
	chap {
	}
	mschap {
	}
	dynamic_clients {
	}
	always ok {
		rcode = ok
	}
	always reject {
		rcode = reject
	}
	always handled {
		rcode = handled
	}
	# Accounting that the database could not take yet; replayed by the server below.
	detail spool {
		filename = "@folder@/spool/detail-%Y%m%d%H"
		permissions = 0600
		locking = yes
	}
	sql {
		dialect = "postgresql"
		driver = "rlm_sql_postgresql"
		radius_db = "@conninfo@"
		# The key that opens stored secrets. It is a setting of each connection; the database keeps no copy of it.
		open_query = "SELECT set_config('app.radius_key', '@key@', false)"
		read_clients = no
		read_groups = no
		read_profiles = no
		sql_user_name = "%{User-Name}"
		authorize_check_query = "SELECT id, username, attribute, value, op FROM radius_login('%{Isp-Nas-Id}', '%{SQL-User-Name}', '%{Calling-Station-Id}', '%{NAS-Port-Type}', '%{Called-Station-Id}', '@port@', '%{Framed-Protocol}', '%{Message-Authenticator}')"
		accounting {
			reference = "all.query"
			all {
				query = "SELECT radius_acct('%{Isp-Nas-Id}', '%{Acct-Status-Type}', '%{Acct-Session-Id}', '%{User-Name}', '%{Calling-Station-Id}', '%{Framed-IP-Address}', '%{integer:Event-Timestamp}', '%{Acct-Session-Time}', '%{Acct-Input-Octets}', '%{Acct-Input-Gigawords}', '%{Acct-Output-Octets}', '%{Acct-Output-Gigawords}', '%{Acct-Terminate-Cause}', '%{%{Framed-IPv6-Prefix}:-%{Framed-IPv6-Address}}', '%{Called-Station-Id}', '%{string:Class}', '%{Delegated-IPv6-Prefix}', '@port@')"
			}
		}
		pool {
			# 0: start even while the database is away.
			start = 0
			# More than threads: the listeners look up routers, and the replay has its own.
			min = 2
			max = @connections@
			spare = @spare@
			uses = 0
			lifetime = 0
			idle_timeout = 60
			retry_delay = 2
		}
	}
}

# Whoever sends is looked up by source address, the only thing about a packet that is true before its secret is known.
client any {
	ipaddr = 0.0.0.0/0
	dynamic_clients = dynamic_clients
	lifetime = @client_seconds@
}

server dynamic_clients {
	authorize {
		update control {
			&Tmp-String-0 := "%{sql:SELECT radius_client('%{Packet-Src-IP-Address}')}"
		}
		if (&control:Tmp-String-0 =~ /^([0-9]+) ([0-9]+) (yes|no) (.+)$/) {
			update control {
				&FreeRADIUS-Client-IP-Address = "%{Packet-Src-IP-Address}"
				&FreeRADIUS-Client-Shortname = "nas%{2}"
				&FreeRADIUS-Client-Secret = "%{4}"
				&FreeRADIUS-Client-Require-MA = "%{3}"
				&FreeRADIUS-Client-NAS-Type = "other"
				&FreeRADIUS-Client-Virtual-Server = "isp"
				&Isp-Tenant-Id = "%{1}"
				&Isp-Nas-Id = "%{2}"
				&Tmp-String-0 !* ANY
			}
			ok
		}
	}
}

server isp {
	listen {
		type = auth
		ipaddr = @listen@
		port = @auth_port@
	}
	listen {
		type = acct
		ipaddr = @listen@
		port = @acct_port@
	}
	authorize {
		update request {
			&Isp-Nas-Id := "%{client:Isp-Nas-Id}"
		}
		chap
		mschap
		sql {
			fail = 1
		}
		# No database, no answer: the router asks its second server. A reject would end it there.
		if (fail) {
			update control {
				&Response-Packet-Type := Do-Not-Respond
			}
			handled
		}
		if (notfound) {
			reject
		}
		if (&control:Isp-Note-Signing) {
			update control {
				&Isp-Note-Signing !* ANY
				&Tmp-String-1 := "%{sql:SELECT radius_note_signing('%{Isp-Nas-Id}', '%{Message-Authenticator}')}"
			}
		}
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
		Auth-Type CHAP {
			chap
		}
		Auth-Type MS-CHAP {
			mschap
		}
	}
	post-auth {
		# The whole answer of radius_login() but what the password was checked with. What is no RADIUS attribute is not sent.
		update control {
			&Cleartext-Password !* ANY
			&Auth-Type !* ANY
		}
		update {
			&reply: += &control:
			&reply:Message-Authenticator := 0x00
		}
		Post-Auth-Type REJECT {
			update {
				&reply:Message-Authenticator := 0x00
				&reply:Reply-Message := &control:Reply-Message
				&control:Tmp-String-1 := "%{sql:SELECT radius_refused('%{Isp-Nas-Id}', '%{User-Name}', '%{Calling-Station-Id}', '%{control:Reply-Message}', '@port@')}"
			}
		}
	}
	preacct {
		update request {
			&Isp-Nas-Id := "%{client:Isp-Nas-Id}"
		}
		if (!&Event-Timestamp) {
			update request {
				&Event-Timestamp := "%l"
			}
		}
	}
	accounting {
		sql {
			fail = 1
		}
		if (fail) {
			spool
		}
		# A packet that the database refuses for good would be sent for ever.
		elsif (noop) {
			ok
		}
	}
}

server replay {
	listen {
		type = detail
		filename = "@folder@/spool/detail-*"
		load_factor = 50
		poll_interval = 1
		retry_interval = 5
		track = yes
	}
	accounting {
		sql
		if (noop) {
			ok
		}
	}
}

listen {
	type = control
	socket = "${run_dir}/radiusd.sock"
	mode = rw
}
"""
