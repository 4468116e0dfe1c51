"""Installs what only tests need from the distribution: Chromium, FreeRADIUS, systemd. Says clearly when it cannot."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from setup import ROOT, VENV, apt_install, fail, node_and_npm, run, say

HEADLESS = ROOT / "tests/browser/headless"
OWN_CHROMIUM = VENV / "chromium/chromium"


def has_chromium():
    """A snap's (Ubuntu's) does not count: it starts in no container, and does not see our folders."""
    found = shutil.which("chromium")
    return OWN_CHROMIUM.exists() or (found and Path(found).resolve().name != "snap")


PARTS = {
    "chromium": has_chromium,
    "freeradius": lambda: shutil.which("freeradius") or Path("/usr/sbin/freeradius").exists(),
    "freeradius-postgresql": lambda: any(Path("/usr/lib/freeradius").glob("rlm_sql_postgresql*")),
    "freeradius-utils": lambda: shutil.which("radclient"),
    "systemd": lambda: shutil.which("systemd-analyze"),  # reads the unit that docs/running.md recommends
}


def main():
    missing = [name for name, found in PARTS.items() if not found()]
    if not missing:
        return
    say(f"installing {', '.join(missing)} from the distribution")
    for name in missing:
        apt_install(name)
    if not has_chromium():
        install_headless()
    if still := [name for name in missing if not PARTS[name]()]:
        fail(f"the tests need {', '.join(still)}: run `apt-get install {' '.join(still)}` as root, then again")


def install_headless():
    """Where the distribution has no Chromium: the one that comes as a package, unpacked into the virtual environment."""
    say("installing a headless Chromium of our own")
    apt_install("libnss3", "libexpat1")
    node, npm, settings = node_and_npm()
    run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HEADLESS, env=settings)
    OWN_CHROMIUM.parent.mkdir(exist_ok=True)
    unpack = "await (await import('@sparticuz/chromium')).default.executablePath()"  # into TMPDIR
    run([node, "--input-type=module", "-e", unpack], cwd=HEADLESS, env={**settings, "TMPDIR": str(OWN_CHROMIUM.parent)})


if __name__ == "__main__":
    main()
