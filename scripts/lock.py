"""Writes the lock files: every package pinned with its hashes, for every Python from 3.11, without naming a registry."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NPM_LOCK = ROOT / "frontend/package-lock.json"


def lock_python():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([f"{folder}/bin/pip", "install", "--quiet", "uv"], check=True)
        for name, extra in (("requirements.lock", []), ("requirements-test.lock", ["--extra", "test"])):
            subprocess.run(
                [f"{folder}/bin/uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", "3.11",
                 "--generate-hashes", "--no-header", "--no-annotate", *extra, "pyproject.toml", "--output-file", name],
                cwd=ROOT, check=True,
            )  # fmt: skip


def complete_npm_lock():
    """Name the builds for other platforms that npm leaves out when its registry does not carry them.

    Without an entry `npm ci` refuses the whole lock; with one it skips what is not for this machine.
    """
    lock = json.loads(NPM_LOCK.read_text())
    packages = lock["packages"]
    for parent, about in list(packages.items()):
        for name, version in about.get("optionalDependencies", {}).items():
            if f"node_modules/{name}" in packages or f"{parent}/node_modules/{name}" in packages:
                continue
            cpu = re.search(r"x64|arm64|arm|ia32|wasm32|riscv64|ppc64|s390x|loong64", name.rpartition("/")[2])
            system = re.search(r"android|darwin|freebsd|linux|win32|openharmony|openbsd|netbsd|sunos|aix", name)
            packages[f"node_modules/{name}"] = {
                "version": version.lstrip("^~>="),
                **({"cpu": [cpu[0]]} if cpu else {}),
                **({"dev": True} if about.get("dev") else {}),
                "optional": True,
                **({"os": [system[0]]} if system else {}),
            }
    lock["packages"] = dict(sorted(packages.items()))
    NPM_LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    lock_python()
    complete_npm_lock()
