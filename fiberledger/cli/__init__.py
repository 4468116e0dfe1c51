"""The console script. Rooms bring their commands in `<room>/commands.py`:

    def add_commands(subparsers):
        verify = subparsers.add_parser("verify", help="...")
        verify.set_defaults(run=function)           # function(options) -> exit code or None

A command finds PostgreSQL running and Django ready, unless it says `set_defaults(needs="nothing")`.
"""

import argparse
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import fiberledger
from fiberledger.operate import Trouble, supervisor

OK, REFUSED, USAGE, ENVIRONMENT, BUG = 0, 1, 2, 3, 4
EPILOG = """\
the first month, from the command line:
  fiberledger run                                            start everything; prints the address and the demo's logins
  fiberledger tenant create bright --name "Bright ISP" --country PK
  fiberledger member invite owner@bright.example --name "Asad Mahmood" --tenant bright --role owner
  fiberledger import plans plans.csv --tenant bright
  fiberledger import subscribers customers.csv --tenant bright --create-missing areas,resellers --dry-run
  fiberledger ledger verify && fiberledger audit verify      prove the books and the trail
  fiberledger backup /backup/fiberledger.tar                 everything in one file

Each command explains itself: fiberledger COMMAND --help. With --json, where a command has it, the answer is for a
machine; whatever goes wrong is one line on stderr.

environment:
  DATA_DIR      the folder of everything we keep (default /var/lib/fiberledger as root, else ~/.local/share/fiberledger)
  DATABASE_URL  a PostgreSQL 18 server of your own, postgresql://user:password@host/fiberledger (default: embedded)
  HOST, PORT    where the web listens (default 127.0.0.1 and 8000)

exit codes:
  0  done
  1  refused, or faults were found: the reason is on stderr
  2  the command was not understood
  3  the machine is in the way: database gone, port taken, folder not writable
  4  a fault in the program; FIBERLEDGER_TRACE=1 shows where
"""


class _Parser(argparse.ArgumentParser):
    """What was not understood is said in one line, like every other error; commands below inherit it."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"fiberledger: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fiberledger",
        description="FiberLedger runs internet providers: who is connected, what they owe, what they paid.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name in rooms_with_commands():
        importlib.import_module(f"fiberledger.{name}.commands").add_commands(subparsers)
    return parser


def rooms_with_commands() -> list[str]:
    found = sorted(path.parent.name for path in Path(fiberledger.__file__).parent.glob("*/commands.py"))
    return sorted(found, key=lambda name: (name != "operate", name != "tenancy"))  # the first things first


def main(arguments: list[str] | None = None) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
    supervisor.follow_if_supervised()
    options = build_parser().parse_args(arguments)
    try:
        if getattr(options, "needs", "database") == "database":
            _make_ready()
        return options.run(options) or OK
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `fiberledger … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if os.environ.get("FIBERLEDGER_TRACE") == "1":
            traceback.print_exc()
        code, text = explain(error)
        print(f"fiberledger: {' '.join(text.split())}", file=sys.stderr)
        return code


def explain(error: Exception) -> tuple[int, str]:
    """Exit code and one line for any error a command may raise."""
    import psycopg
    from django.core.exceptions import ObjectDoesNotExist, ValidationError
    from django.db import OperationalError

    refusal = getattr(sys.modules.get("fiberledger.tenancy.errors"), "Refusal", ())  # not loaded: nothing refused
    if isinstance(error, refusal):
        return REFUSED, str(error)
    if isinstance(error, ValidationError):
        return REFUSED, "; ".join(error.messages)
    if isinstance(error, ObjectDoesNotExist):
        return REFUSED, str(error)
    if isinstance(error, Trouble):
        return ENVIRONMENT, str(error)
    if isinstance(error, (OperationalError, psycopg.OperationalError)):
        return ENVIRONMENT, "PostgreSQL: " + str(error).split("\n", 1)[0]
    if isinstance(error, OSError) and error.filename:
        return ENVIRONMENT, f"{error.filename}: {error.strerror}"
    return BUG, f"a fault in the program, {type(error).__name__}: {error} (FIBERLEDGER_TRACE=1 shows where)"


def _make_ready() -> None:
    import django

    from fiberledger.operate import ensure_database, tables_are

    ensure_database(migrate=False, stop_after=True)
    django.setup()
    if (state := tables_are()) == "missing":
        ensure_database()
    elif state == "behind":
        raise Trouble("the database is older than this program: run `fiberledger migrate` first")
