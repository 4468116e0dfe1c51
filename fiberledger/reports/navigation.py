from fiberledger.screens import Entry

from .catalogue import REPORTS

NAVIGATION = [
    Entry(
        group="reports",
        label=report.title,
        url=f"reports:{report.code}",
        icon=report.icon,
        permission=report.permission,
        order=10 + 10 * place,
    )
    for place, report in enumerate(REPORTS)
]
