"""The chain of reasons in the reader's language: one sentence a link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.money import Money, show

from .rules import Link

RULES: dict[str, Any] = {
    "balance": gettext_lazy("Owes nothing"),
    "past_due": gettext_lazy("Nothing past due"),
    "grace": gettext_lazy("Within grace"),
    "vip": gettext_lazy("VIP"),
    "exempt": gettext_lazy("Spared by hand"),
    "least_owed": gettext_lazy("Owes too little"),
    "part_paid": gettext_lazy("Part paid"),
    "reminder": gettext_lazy("Not reminded yet"),
    "cut": gettext_lazy("To be cut"),
    "by_hand": gettext_lazy("By hand"),
    "owing": gettext_lazy("Owes"),
    "by_clock": gettext_lazy("By the clock"),
    "resumed": gettext_lazy("Back on"),
    "stays": gettext_lazy("Stays off"),
    "forgiven": gettext_lazy("Put back unpaid"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One step: what was looked at, and which way it pointed (spare, go on, cut)."""

    text: str
    says: str
    rule: str


def _money(link: Link, name: str) -> str:
    return show(Money(Decimal(link.get(name) or 0), link.get("currency") or "XXX"))


def _day(text: str | None) -> str:
    if not text:
        return "–"
    locale = "ur_PK" if (get_language() or "").startswith("ur") else "en"
    return format_date(date.fromisoformat(text), "d MMMM y", locale=locale)


def _moment(text: str) -> str:
    locale = "ur_PK" if (get_language() or "").startswith("ur") else "en"
    return format_datetime(calendar.local(datetime.fromisoformat(text)), "d MMMM y, HH:mm", locale=locale)


def say(link: Link) -> Sentence:
    return Sentence(_say(link), link.get("says", ""), link.get("rule", ""))


def _say(link: Link) -> str:
    rule, spared = link.get("rule", ""), link.get("says") == "spare"
    if rule == "balance":
        balance = Decimal(link.get("balance") or 0)
        if balance < 0:
            return _("The account is %s in credit.") % show(Money(-balance, link["currency"]))
        if not balance:
            return _("Nothing is owed.")
        return _("%s is owed in all.") % _money(link, "balance")
    if rule == "past_due":
        if spared:
            return _("Nothing is past its due date.")
        count = int(link.get("invoices") or 0)
        return ngettext(
            "%(amount)s is past due on %(count)d invoice: %(oldest)s was due on %(day)s.",
            "%(amount)s is past due on %(count)d invoices; the oldest, %(oldest)s, was due on %(day)s.",
            count,
        ) % {
            "amount": _money(link, "amount"),
            "count": count,
            "oldest": link.get("oldest", ""),
            "day": _day(link.get("due_on")),
        }
    if rule == "grace":
        of = _(" (the grace of %s)") % link["of"] if link.get("of") else ""
        days = int(link.get("days") or 0)
        grace = ngettext("%d day of grace", "%d days of grace", days) % days + of
        if spared:
            return _("%(grace)s: it lasts until %(day)s.") % {"grace": grace, "day": _day(link.get("until"))}
        return _("%(grace)s: it ended on %(day)s.") % {"grace": grace, "day": _day(link.get("until"))}
    if rule == "vip":
        return _("A VIP, who is never cut.") if spared else _("Not a VIP.")
    if rule == "exempt":
        who = {"who": link.get("by") or "–", "why": link.get("why") or "–", "day": _day(link.get("until"))}
        if not spared:
            return _("%(who)s had spared them until %(day)s (%(why)s); that is over.") % who
        if link.get("until"):
            return _("%(who)s spared them until %(day)s: %(why)s.") % who
        return _("%(who)s spared them: %(why)s.") % who
    if rule == "least_owed":
        amounts = {"owed": _money(link, "owed"), "least": _money(link, "least")}
        if spared:
            return _("%(owed)s is less than the %(least)s from which lines are cut.") % amounts
        return _("%(owed)s is at least the %(least)s from which lines are cut.") % amounts
    if rule == "part_paid":
        words = {
            "paid": _money(link, "paid"),
            "billed": _money(link, "billed"),
            "percent": link.get("percent"),
            "needed": link.get("needed"),
        }
        if spared:
            return _("%(paid)s of %(billed)s is paid (%(percent)s %%), and %(needed)s %% is enough.") % words
        return _("%(paid)s of %(billed)s is paid (%(percent)s %%); %(needed)s %% would be enough.") % words
    if rule == "reminder":
        if spared:
            return _("No reminder was sent on an earlier day.")
        return _("A reminder was sent on %s.") % _day(link.get("on"))
    if rule == "owing":
        return _("Cut by hand: whoever owes, without waiting for due date and grace.")
    if rule == "by_hand":
        return _("Cut by hand: everyone there, paid or not.")
    if rule == "by_clock":
        return _("So RADIUS has treated the line as suspended since %s, before any run came to it.") % _moment(
            link["at"]
        )
    if rule == "cut":
        return _("So the line was cut on %s.") % _day(link.get("on"))
    if rule == "resumed":
        return _("So the line was put back on %s.") % _day(link.get("on"))
    if rule == "stays":
        return _("So the line stays off.")
    if rule == "forgiven":
        return _("%(who)s put it back unpaid until %(day)s: %(why)s.") % {
            "who": link.get("by"),
            "day": _day(link.get("until")),
            "why": link.get("why"),
        }
    return rule
