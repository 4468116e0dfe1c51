"""make check: every check that needs no running system, all of them even when one fails."""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "ruff": [BIN / "ruff", "check", "."],
    "format": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "types": [BIN / "mypy", "fiberledger"],
    "walls": [BIN / "lint-imports"],
    "migrations": [sys.executable, "-W", "ignore", "-m", "django", "makemigrations", "--check", "--dry-run"],
    "django": [sys.executable, "-W", "ignore", "-m", "django", "check"],
    "translations": [sys.executable, "scripts/messages.py", "check"],
}


def main():
    with tempfile.TemporaryDirectory() as folder:  # settings want a DATA_DIR; nothing here may touch a real one
        settings = {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "fiberledger.settings", "DATABASE_URL": ""}
        wanted = sys.argv[1:] or list(CHECKS)
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda name: (name, *run(CHECKS[name], settings)), wanted))
    for name, done, seconds in results:
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name:<13}{seconds:5.1f} s")
    for name, done, _ in results:
        if done.returncode:
            print(f"\n--- {name}\n{done.stdout.strip()}")
    sys.exit(any(done.returncode for _, done, _ in results))


def run(command, settings):
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done, time.monotonic() - began


if __name__ == "__main__":
    main()
