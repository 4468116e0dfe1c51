"""Translations without gettext's programs: `update` gathers texts, `check` proves Urdu complete, `compile` writes .mo.

A room may keep its own catalogue in fiberledger/<room>/locale; what no catalogue has yet goes to locale/. Texts are
found where Django would find them: gettext calls in Python, {% translate %} and {% blocktranslate %} in templates.
"""

import ast
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "ur"
MAIN = ROOT / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
HEADER = r"""# Gathered by `make messages`; translate what is empty.
msgid ""
msgstr ""
"Language: {language}\n"
"Plural-Forms: {plural}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""
CALLS = {
    "_": None,
    "_now": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
IN_TEMPLATE = re.compile(r"\b(n?p?gettext)\(")
HOLE = re.compile(r"%\(\w+\)[sdif]|%[sdif]|\{\w*\}")


def main():
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    if verb not in ("update", "check", "compile"):
        sys.exit("usage: messages.py update | check | compile")
    {"update": update, "check": check, "compile": compile_all}[verb]()


def texts():
    """(context, singular, plural or None) → the places that use it."""
    settings.configure(USE_I18N=True)
    found = {}
    for path in sorted((ROOT / "fiberledger").rglob("*")):
        if {"tests", "migrations", "static"} & set(path.relative_to(ROOT).parts):
            continue
        if path.suffix == ".py":
            with open(path, "rb") as file:
                rows = [(line, message, context) for line, message, _, context in extract("python", file, CALLS)]
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            rows = in_template(path)
        else:
            continue
        for line, message, context in rows:
            singular, plural = (message, None) if isinstance(message, str) else message[:2]
            if singular:
                places = found.setdefault((context, singular), [plural, []])
                places[0] = places[0] or plural
                places[1].append((str(path.relative_to(ROOT)), line))
    return found


def in_template(path):
    from django.utils.translation.template import templatize

    source = templatize(path.read_text(), origin=str(path))
    for match in IN_TEMPLATE.finditer(source):
        call = whole_call(source, match)
        words = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        line = source.count("\n", 0, match.start()) + 1
        name = match.group(1)
        context = words.pop(0) if "p" in name.removesuffix("gettext") else None
        yield line, tuple(words[:2]) if name.startswith("n") else words[0], context


def whole_call(source, match):
    end = match.end()
    while (end := source.find(")", end) + 1) > 0:
        try:
            return ast.parse(source[match.start() : end], mode="eval").body
        except SyntaxError:
            continue
    raise SyntaxError(f"cannot read {source[match.start() : match.start() + 80]!r}")


def catalogues():
    places = [*ROOT.glob("locale/*/LC_MESSAGES/django.po"), *ROOT.glob("fiberledger/*/locale/*/LC_MESSAGES/django.po")]
    return {path: read(path) for path in sorted(places)}


def read(path):
    with open(path, "rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def translated():
    """Every Urdu message that some catalogue has."""
    known = {}
    for path, catalogue in catalogues().items():
        if path.parent.parent.name == LANGUAGE:
            for message in catalogue:
                if message.id:
                    key = (message.context, message.id if isinstance(message.id, str) else message.id[0])
                    if key not in known or complete(message):
                        known[key] = message
    return known


def complete(message):
    words = (message.string,) if isinstance(message.string, str) else message.string
    return bool(words) and all(words) and not message.fuzzy


def check():
    faults = []
    known = translated()
    wanted = texts()
    for (context, singular), (plural, places) in wanted.items():
        message = known.get((context, singular))
        where = "{}:{}".format(*places[0])
        if message is None or not complete(message):
            faults.append(f"{where}: not in Urdu: {singular!r}")
        elif plural and isinstance(message.id, str):
            faults.append(f"{where}: has a plural here, none in the catalogue: {singular!r}")
        else:
            words = (message.string,) if isinstance(message.string, str) else message.string
            allowed = {frozenset(HOLE.findall(text)) for text in (singular, plural or singular)}
            allowed_all = frozenset().union(*allowed)
            if any(not frozenset(HOLE.findall(text)) <= allowed_all for text in words):
                faults.append(f"{where}: names a value that the text does not have: {singular!r}")
    for fault in faults:
        print(fault)
    print(f"{len(wanted)} texts, {len(faults)} faults")
    sys.exit(bool(faults))


def update():
    """Add texts that no catalogue has to locale/ur, with their places; drop from it what nothing uses."""
    known, wanted = translated(), texts()
    MAIN.parent.mkdir(parents=True, exist_ok=True)
    old = read(MAIN) if MAIN.exists() else Catalog(locale=LANGUAGE)
    fresh = Catalog(locale=LANGUAGE, project="FiberLedger", charset="utf-8", fuzzy=False)
    in_main = {
        (message.context, message.id if isinstance(message.id, str) else message.id[0]) for message in old if message.id
    }
    missing = 0
    for (context, singular), (plural, places) in sorted(
        wanted.items(), key=lambda item: (item[0][1], item[0][0] or "")
    ):
        message = known.get((context, singular))
        if message is not None and (context, singular) not in in_main:
            continue  # a room's own catalogue has it
        words = message.string if message is not None else ("", "") if plural else ""
        if plural and isinstance(words, str):
            words = (words, words)
        missing += not (message is not None and complete(message))
        fresh[(singular, plural) if plural else singular] = Message(
            (singular, plural) if plural else singular,
            words,
            locations=[(place, None) for place in sorted({place for place, _ in places})[:3]],
            flags={flag for flag in (message.flags if message is not None else ()) if flag != "fuzzy"},
            context=context,
        )
    write(MAIN, fresh)
    print(f"{len(fresh)} texts in {MAIN.relative_to(ROOT)}, {missing} to be translated")


def write(path, catalogue):
    """Without dates and line numbers, so that a commit shows what was translated and nothing else."""
    with open(path, "wb") as file:
        file.write(HEADER.format(language=path.parent.parent.name, plural=catalogue.plural_forms).encode())
        write_po(file, catalogue, width=120, omit_header=True, sort_output=True)


def compile_all():
    for path, catalogue in catalogues().items():
        with open(path.with_suffix(".mo"), "wb") as file:
            write_mo(file, catalogue)


if __name__ == "__main__":
    main()
