"""Writes the lock files: every package pinned with its hashes, for every Python from 3.11, without naming a registry."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([f"{folder}/bin/pip", "install", "--quiet", "uv"], check=True)
    for name, extra in (("requirements.lock", []), ("requirements-test.lock", ["--extra", "test"])):
        subprocess.run(
            [f"{folder}/bin/uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", "3.11",
             "--generate-hashes", "--no-header", "--no-annotate", *extra, "pyproject.toml", "--output-file", name],
            cwd=ROOT, check=True,
        )  # fmt: skip
