"""Turn one sheet of a workbook into JSON lines: `python workbook.py SOURCE TARGET KIND SHEET MEMORY [PATH…]`.

Run as a child process under a memory limit. A sheet is held whole in memory by every reader of it, and a file of a few kilobytes can
claim a cell in its last row and last column: here it dies alone. Says on stdout {"sheet", "sheets", "rows"} or {"reason"}.
Imports nothing of ours, so that it starts at once.
"""

import datetime
import json
import resource
import sys


def main() -> int:
    source, target, _kind, wanted, memory, *paths = sys.argv[1:]
    sys.path[:] = paths
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_path(source)
        visible = [
            about.name
            for about in book.sheets_metadata
            if about.visible == calamine.SheetVisibleEnum.Visible and about.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        if wanted:
            if wanted not in visible:
                return say("no sheet")
            chosen = [wanted]
        else:
            chosen = visible
        for name in chosen:
            sheet = book.get_sheet_by_name(name)
            if rows := write(sheet, target):
                sys.stdout.write(json.dumps({"sheet": name, "sheets": visible, "rows": rows}))
                return 0
        return say("empty")
    except calamine.PasswordError:
        return say("password")
    except MemoryError:
        return say("memory")
    except (calamine.CalamineError, OSError, ValueError):
        return say("damaged")


def say(reason: str) -> int:
    sys.stdout.write(json.dumps({"reason": reason}))
    return 2


def text_of(value: object) -> object:
    """A number as it is read, without the .0 and the E+12 that a spreadsheet adds; a date as [iso]."""
    if type(value) is str:
        return value.replace("\0", "")
    if value is None:
        return ""
    if type(value) is bool:
        return "TRUE" if value else "FALSE"
    if type(value) is float:
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    if isinstance(value, datetime.datetime):
        return [value.date().isoformat()]
    if isinstance(value, datetime.date):
        return [value.isoformat()]
    return str(value)


def write(sheet, target: str) -> int:
    """Write the rows that hold anything; say how many did. What a cell merged downwards says holds for all its rows."""
    first_column = (sheet.start or (0, 0))[1]
    downwards: dict[int, list[int]] = {}
    budget = 200_000
    for (top, left), (bottom, _right) in sheet.merged_cell_ranges or []:
        budget -= bottom - top
        if budget < 0:
            break
        for row in range(top + 1, bottom + 1):
            downwards.setdefault(row, []).append(left - first_column)
    above: list[object] = []
    some = 0
    # iter_rows begins at the sheet's first row even if it is empty, so counting gives the row's own number.
    with open(target, "w", encoding="utf-8") as out:
        for number, values in enumerate(sheet.iter_rows()):
            cells = [text_of(value) for value in values]
            for column in downwards.get(number, ()):
                if column < len(cells) and cells[column] == "" and column < len(above):
                    cells[column] = above[column]
            above = cells
            if any(cells):
                some += 1
                out.write(json.dumps([number + 1, cells], ensure_ascii=False))
                out.write("\n")
    return some


if __name__ == "__main__":
    sys.exit(main())
