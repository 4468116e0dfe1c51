"""make bench: runs every module of this folder that has NAME and `def run(size: int | None) -> Iterator[dict]`.

Each gets a database of its own under a temporary folder (BENCH_DIR=/path keeps it for the next time, so that what took
long to fill is filled once). Every result is one line of JSON with `name` and the keys that the module yields; what is
said besides goes to stderr. A module may set NEEDS = "nothing" to be called without database and Django.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def modules():
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith("_"):
            module = importlib.import_module(f"benchmarks.{path.stem}")
            if hasattr(module, "NAME"):
                yield module


def main():
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bench", metavar="NAME", help="only this one, or several with commas")
    parser.add_argument("--size", type=int, metavar="N")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    known = {module.NAME: module for module in modules()}
    if options.list:
        print("\n".join(known))
        return 0
    names = options.bench.split(",") if options.bench else list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    failed = False
    for name in names:
        with house(name, getattr(known[name], "NEEDS", "database")):
            try:
                for row in known[name].run(options.size):
                    print(json.dumps({"name": name, **row}), flush=True)
            except Exception as error:
                failed = True
                print(json.dumps({"name": name, "error": f"{type(error).__name__}: {error}"}), flush=True)
                if os.environ.get("FIBERLEDGER_TRACE") == "1":
                    raise
    return int(failed)


@contextmanager
def house(name, needs):
    """One process has one Django, so all benchmarks of one call share one DATA_DIR; the first of them starts it."""
    if needs == "nothing" or "FIBERLEDGER_BENCH" in os.environ:
        yield
        return
    kept = os.environ.get("BENCH_DIR")
    os.environ["DATA_DIR"] = kept or tempfile.mkdtemp(prefix="fl-bench-")
    os.environ["DJANGO_SETTINGS_MODULE"] = "fiberledger.settings"
    os.environ["FIBERLEDGER_BENCH"] = "1"
    from fiberledger import operate
    from fiberledger.operate import postgres

    began = time.monotonic()
    operate.ensure_database()
    print(f"database ready after {time.monotonic() - began:.1f} s in {os.environ['DATA_DIR']}", file=sys.stderr)

    import atexit

    @atexit.register
    def leave():
        postgres.embedded().stop()
        if not kept:
            shutil.rmtree(os.environ["DATA_DIR"], ignore_errors=True)

    yield


if __name__ == "__main__":
    sys.exit(main())
