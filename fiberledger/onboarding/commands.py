from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def add_commands(subparsers: Any) -> None:
    kinds = subparsers.add_parser(
        "import",
        help="bring a spreadsheet in",
        description="Reads CSV, XLSX, XLS and ODS of any encoding and delimiter. Rows that were imported before are recognised and "
        "left alone, so the same file may be sent again. Exit code 0: the good rows were taken (or checked); 1: refused, and nothing was.",
    ).add_subparsers(dest="kind", metavar="KIND", required=True)

    plans = kinds.add_parser("plans", help="plans: name, speeds, price, validity")
    _common(plans)
    plans.set_defaults(run=_run, create_missing="")

    subscribers = kinds.add_parser(
        "subscribers",
        help="subscribers with their plan, login and opening balance",
        description='MAP.json is {"our field": "their column"} with our fields number name guardian phone national_id city area address '
        "plan fee status installed_on username reseller opening_balance latitude longitude (and phone2 whatsapp email password "
        "street_house branch collector tags note language is_vip static_ip only_mac).",
    )
    _common(subscribers)
    subscribers.add_argument(
        "--create-missing",
        default="",
        metavar="areas,resellers,plans",
        help="create areas and plans that are named but not there; a reseller is a name and needs no creating",
    )
    subscribers.add_argument(
        "--bill-from",
        choices=["this-period", "next-period"],
        default="this-period",
        help="whether the running period is still to be billed by us (default), or is in the opening balances already",
    )
    subscribers.set_defaults(run=_run)


def _common(parser: Any) -> None:
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--tenant", required=True, metavar="SLUG")
    parser.add_argument("--map", type=Path, metavar="MAP.json", help="which column is which field (default: guessed)")
    parser.add_argument("--sheet", default="", help="the sheet of a workbook (default: the first that holds anything)")
    parser.add_argument("--dry-run", action="store_true", help="check every row and write nothing")
    parser.add_argument("--all-or-nothing", action="store_true", help="take nothing while a single row has a fault")
    parser.add_argument(
        "--errors", type=Path, metavar="OUT.xlsx", help="write the faulty rows with remedies to this .xlsx or .csv"
    )
    parser.add_argument("--json", action="store_true", help='print {"rows": [{"line": n, "fault": null or "…"}, …], …}')


def _run(options: Any) -> int:
    from django.utils.translation import gettext as _

    from fiberledger.identity import Actor
    from fiberledger.imports import importers, services
    from fiberledger.imports.models import ImportRun
    from fiberledger.tenancy import Refusal, tenant_scope
    from fiberledger.tenancy.models import Tenant

    tenant = Tenant.objects.filter(slug=options.tenant).first()
    if tenant is None:
        raise Refusal(_("There is no tenant “%s”.") % options.tenant)
    if not options.file.is_file():
        raise Refusal(_("There is no file “%s”.") % options.file)
    by = Actor.system("fiberledger import")
    importer = importers.get(options.kind)
    how = {"all_or_nothing": options.all_or_nothing, "create_missing": _creatable(options, importer)}
    if getattr(options, "bill_from", ""):
        how["bill_from"] = options.bill_from.partition("-")[0]
    with tenant_scope(tenant.pk):
        run = services.receive(options.kind, options.file, options.file.name, by=by, sheet=options.sheet)
        run = services.set_map(run, _map(options) or run.map, options=how, by=by)

    verdicts: list[tuple[int, str | None]] = []
    words: dict[str, str] = {}

    def told(line: int, word: str | None) -> None:
        verdicts.append((line, words.setdefault(word, word) if word else None))

    report = _bar if sys.stderr.isatty() and not options.json else None
    refusal = None
    if options.dry_run:
        services.check(tenant.pk, run.pk, by=by, report=report, told=told)
    else:
        try:
            services.take(tenant.pk, run.pk, by=by, report=report, told=told)
        except Refusal as error:
            refusal = error
    with tenant_scope(tenant.pk):
        run = ImportRun.objects.get(pk=run.pk)
        by_word = services.counts_by_word(run)
        if options.errors:
            services.write_error_file(run, options.errors, "csv" if options.errors.suffix.lower() == ".csv" else "xlsx")
        if options.dry_run:
            services.discard(run, by=by)
    if options.json:
        _print_json(run, verdicts, options)
    else:
        _print(run, by_word, importer, options)
    if refusal:
        raise refusal
    return 0


def _creatable(options: Any, importer: Any) -> list[str]:
    from django.utils.translation import gettext as _

    from fiberledger.tenancy import Refusal

    wanted = [word.strip() for word in options.create_missing.split(",") if word.strip()]
    for word in wanted:
        if word not in (*importer.creatable, "resellers"):
            raise Refusal(
                _("--create-missing knows %(known)s, not “%(word)s”.")
                % {"known": "areas, resellers, plans", "word": word}
            )
    return [word for word in wanted if word in importer.creatable]


def _map(options: Any) -> dict[str, str] | None:
    from django.utils.translation import gettext as _

    from fiberledger.tenancy import Refusal

    if not options.map:
        return None
    try:
        columns = json.loads(options.map.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise Refusal(_("The map “%(file)s” cannot be read: %(why)s") % {"file": options.map, "why": error}) from error
    if not isinstance(columns, dict) or not all(isinstance(value, str) for value in columns.values()):
        raise Refusal(_('The map is not of the form {"our field": "their column"}.'))
    return columns


def _bar(done: int, total: int) -> None:
    print(f"\r{done:,} of about {total:,} rows", end="\n" if done >= total else "", file=sys.stderr, flush=True)


def _print_json(run: Any, verdicts: list[tuple[int, str | None]], options: Any) -> None:
    out = sys.stdout
    out.write('{"rows": [')
    for index, (line, word) in enumerate(verdicts):
        out.write(f'{", " if index else ""}{{"line": {line}, "fault": {json.dumps(word)}}}')
    about = {
        "import": None if options.dry_run else run.pk, "checked": run.rows, "good": run.good, "faulty": run.faulty,
        "already_here": run.here, "taken": run.taken, "created": run.created, "dry_run": options.dry_run,
    }  # fmt: skip
    out.write(f"], {json.dumps(about)[1:]}\n")


def _print(run: Any, by_word: list[tuple[str, int]], importer: Any, options: Any) -> None:
    from fiberledger.imports.faults import remedy

    done = "would be taken" if options.dry_run else "taken"
    print(
        f"{run.filename}: {run.rows:,} rows; {run.good if options.dry_run else run.taken:,} {done}, {run.here:,} already here, {run.faulty:,} with a fault"
    )
    for word, count in by_word:
        print(f"  {count:>6,}  {word}: {remedy(word, importer)}")
    if run.faulty and not options.errors:
        print("  --errors FILE.xlsx writes these rows with what to do, to be corrected and sent again")
