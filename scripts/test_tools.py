"""Installs what only tests need from the distribution: Chromium and FreeRADIUS. Says clearly when it cannot."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from setup import apt_install, fail, say

PARTS = {
    "chromium": lambda: shutil.which("chromium") or shutil.which("chromium-browser"),
    "freeradius": lambda: shutil.which("freeradius") or Path("/usr/sbin/freeradius").exists(),
    "freeradius-postgresql": lambda: any(Path("/usr/lib/freeradius").glob("rlm_sql_postgresql*")),
    "freeradius-utils": lambda: shutil.which("radclient"),
}


def main():
    missing = [name for name, found in PARTS.items() if not found()]
    if not missing:
        return
    say(f"installing {', '.join(missing)} from the distribution")
    apt_install(*missing)
    if still := [name for name in missing if not PARTS[name]()]:
        fail(f"the tests need {', '.join(still)}: run `apt-get install {' '.join(still)}` as root, then again")


if __name__ == "__main__":
    main()
