"""How billing speaks: the text of a line as it is printed, and the steps behind it as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.money import Money, show

from . import rules

_LOCALE = {"en": "en_GB", "ur": "ur_PK"}


def show_day(day: date, language: str) -> str:
    return format_date(day, "d MMM y", locale=_LOCALE.get(language[:2], "en_GB"))


def show_days(start: date, end: date, language: str) -> str:
    """«1 Jan 2026 – 31 Jan 2026»: the last day is shown, not the day after it."""
    last = end - timedelta(days=1)
    return show_day(start, language) if last == start else f"{show_day(start, language)} – {show_day(last, language)}"


def line_text(line: rules.Line, plan: str, language: str) -> str:
    """What stands on the paper, fixed when the invoice is issued."""
    with translation.override(language):
        if line.kind == "installation":
            return gettext("Installation, %(plan)s") % {"plan": plan}
        if line.kind == "deposit":
            return gettext("Security deposit, %(plan)s") % {"plan": plan}
        if line.kind == "change" and line.start and line.end:
            return gettext("Change to %(plan)s, %(days)s") % {
                "plan": plan, "days": show_days(line.start, line.end, language)}  # fmt: skip
        if line.start is None or line.end is None:
            return plan
        return f"{plan} · {show_days(line.start, line.end, language)}"


def add_on_text(name: str, gives: str, until: datetime | None, language: str) -> str:
    """An add-on that is paid once: its name, what it gives unless the name says so, and until when."""
    with translation.override(language):
        text = name if not gives or gives in name else f"{name} · {gives}"
        if until is None:
            return text
        moment = format_datetime(calendar.local(until), "d MMM y, HH:mm", locale=_LOCALE.get(language[:2], "en_GB"))
        return gettext("%(name)s, until %(moment)s") % {"name": text, "moment": moment}


def opening_text(language: str) -> str:
    with translation.override(language):
        return gettext("Balance brought forward")


_SENTENCES: dict[str, Any] = {
    "plan_price": gettext_lazy("The plan %(plan)s costs %(price)s a period."),
    "own_price": gettext_lazy("A price of their own was agreed: %(price)s a period (plan %(plan)s)."),
    "add_on_price": gettext_lazy("The add-on %(plan)s costs %(price)s a period."),
    "add_on_once": gettext_lazy("The add-on %(plan)s costs %(price)s, once."),
    "whole_period": gettext_lazy("The whole period is charged, %(from)s to %(until)s (%(days)s)."),
    "part_period": gettext_lazy("Only part of the period is charged: %(from)s to %(until)s, %(days)s of %(of)s."),
    "first_full": gettext_lazy(
        "The first period began in the middle (%(from)s to %(until)s, %(days)s of %(of)s); by your rules it is charged in full."
    ),
    "first_free": gettext_lazy(
        "The first period began in the middle (%(from)s to %(until)s); by your rules it is free."
    ),
    "free_days": gettext_lazy("%(days)s at the start are free, so %(paid)s are charged."),
    "not_served": gettext_lazy("%(days)s without service are not charged, so %(paid)s are charged."),
    "share": gettext_lazy("%(price)s × %(share)s = %(amount)s, rounded once."),
    "tax_added": gettext_lazy("Tax of %(percent)s%% is added: %(net)s + %(tax)s = %(total)s."),
    "tax_included": gettext_lazy("The price contains %(percent)s%% tax: %(total)s = %(net)s + %(tax)s."),
    "installation_fee": gettext_lazy("Installation is charged once, on the first invoice: %(price)s (plan %(plan)s)."),
    "security_deposit": gettext_lazy("A security deposit of %(price)s is held for the subscriber and is not taxed."),
    "plan_changed": gettext_lazy(
        "The price went from %(old)s to %(new)s (%(plan)s) in days billed already, %(from)s to %(until)s: the difference × %(share)s."
    ),
    "opening": gettext_lazy("Owed when the account was brought over: %(price)s."),
    "by_hand": gettext_lazy("Entered by hand by %(actor)s: %(quantity)s × %(price)s."),
}

_AMOUNTS = ("old", "new", "price", "amount", "net", "tax", "total")


def sentence(step: rules.Step, currency: str, language: str | None = None) -> str:
    """One step of a line's `why` in the reader's language; a rule unknown to this version shows its bare figures."""
    language = language or translation.get_language() or "en"
    with translation.override(language):
        values: dict[str, Any] = {key: value for key, value in step.items() if key != "rule"}
        if step["rule"] == "share":
            values["share"] = f"{values['days']}/{values['of']}"
        for key in _AMOUNTS:
            if key in values:
                values[key] = show(Money(Decimal(values[key]), currency))
        for key in ("days", "of", "paid"):
            if isinstance(values.get(key), int):
                values[key] = ngettext("%(n)s day", "%(n)s days", values[key]) % {"n": values[key]}
        for key in ("from", "until"):
            if key in values:
                values[key] = show_day(date.fromisoformat(values[key]), language)
        if "percent" in values:
            values["percent"] = f"{Decimal(values['percent']).normalize():f}"
        known = _SENTENCES.get(str(step["rule"]))
        if known is None:
            return "; ".join(f"{key}: {value}" for key, value in values.items())
        return str(known) % values


def sentences(why: Iterable[rules.Step], currency: str, language: str | None = None) -> list[str]:
    return [sentence(step, currency, language) for step in why]
