"""Cells: how a value looks. Plain functions, because a page of a list draws hundreds of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.utils import dateformat, timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, ngettext

from fiberledger import calendar
from fiberledger.money import Money, exponent, symbol
from fiberledger.tenancy import NoTenantInScope, current_tenant

from .assets import sprite_url

DASH = mark_safe("<span class=none aria-hidden=true>–</span>")

# What a status word means to the eye: tone and icon. The word itself is always shown beside them.
LOOKS: dict[str, tuple[str, str]] = {}


def looks(tone: str, icon: str, *words: str) -> None:
    """Teach the badge more words. Rooms with statuses of their own call this at import."""
    for word in words:
        LOOKS[word] = (tone, icon)


looks("good", "circle-check", "active", "paid", "online", "accepted", "ok", "good", "matched", "approved", "signed_in")
looks(
    "good", "circle-check", "done", "settled", "success", "succeeded", "sent", "delivered", "confirmed", "yes", "taken"
)
looks("good", "arrow-down-left", "credit")
looks("warn", "clock-alert", "overdue", "due", "expiring", "stale")
looks("warn", "circle-dot-dashed", "part_paid", "partial", "partly", "open_part")
looks("warn", "hourglass", "pending", "waiting", "queued", "draft_pending", "trial", "grace", "invited", "walled")
looks("warn", "triangle-alert", "disputed", "warning", "short", "over", "locked", "warn", "unmatched")
looks("bad", "ban", "suspended", "rejected", "rejects", "blocked", "disabled", "bad", "refused")
looks("bad", "circle-x", "failed", "terminated", "blacklisted", "cancelled_by_error", "error", "bounced")
looks("bad", "user-x", "lost")
looks("info", "loader", "running", "working", "sending", "applying")
looks("info", "file-text", "issued", "open", "unpaid", "sellable", "new")
looks("info", "user-plus", "lead")
looks("info", "arrow-right-left", "shifted", "moved")
looks("quiet", "pause", "hold", "paused", "on_hold")
looks(
    "quiet", "circle-slash", "void", "cancelled", "reversed", "offline", "inactive", "ended", "closed", "no", "skipped"
)
looks("quiet", "archive", "archived", "deprecated", "retired")
looks("quiet", "pencil", "draft")


@lru_cache(maxsize=512)
def icon(name: str, extra: str = "") -> SafeString:
    """A Lucide icon from the sprite, hidden from screen readers: words stand beside it."""
    classes = f'"i {escape(extra)}"' if extra else "i"
    return mark_safe(f'<svg class={classes} aria-hidden=true><use href="{sprite_url()}#{escape(name)}"/></svg>')


@lru_cache(maxsize=1)
def _known_words() -> dict[str, Any]:
    """Every value of every model's choices with its label: a status read from the database is a bare word."""
    words: dict[str, Any] = {}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            for value, label in getattr(field, "choices", None) or ():
                if isinstance(value, str):
                    words.setdefault(value, label)
    return words


def badge(value: Any, label: Any = None) -> SafeString:
    """A status with icon and word: never colour alone."""
    if value is None or value == "":
        return DASH
    word = str(getattr(value, "value", value))
    if label is None:
        label = getattr(value, "label", None) or _known_words().get(word) or word.replace("_", " ").capitalize()
    return _badge(word, str(label), sprite_url())


@lru_cache(maxsize=2048)
def _badge(word: str, label: str, _sprite: str) -> SafeString:
    tone, name = LOOKS.get(word, ("quiet", "circle"))
    return mark_safe(f'<span class="b b-{tone}">{icon(name)}{escape(label)}</span>')


def amount_text(amount: Decimal, currency: str) -> str:
    """1,500.00 with the currency's own number of digits."""
    return f"{amount:,.{exponent(currency) if currency else 2}f}"


def money(amount: Any, currency: str = "", *, sign: bool = False) -> SafeString:
    """An amount with its currency sign, decimals quiet when they are zero. Takes a Money or an amount and a code."""
    if isinstance(amount, Money):
        currency, amount = amount.currency, amount.amount
    if amount is None or amount == "":
        return DASH
    amount = Decimal(amount)
    currency = currency or _own_currency()
    text = amount_text(abs(amount), currency)
    whole, _point, fraction = text.partition(".")
    if fraction and not fraction.strip("0"):
        text = f"{whole}<i>.{fraction}</i>"
    minus = "\u2212" if amount < 0 else "+" if sign and amount > 0 else ""
    # The number keeps its own direction, so that the sign stays on its side in Urdu.
    return mark_safe(f"<bdi class=m>{minus}<small>{escape(symbol(currency))}</small>{text}</bdi>")


def figure(value: Any) -> SafeString:
    """A value as a dashboard says it: a large sum without its cents, a very large one in millions. The exact sum is
    shown on hover and read out.
    """
    if not isinstance(value, Money) or abs(value.amount) < 1000:
        return show(value)
    size = abs(value.amount)
    if size < 10_000_000:
        text = f"{size:,.0f}"
    elif size < 10_000_000_000:
        text = gettext("%(n)s m") % {"n": f"{size / 10**6:,.1f}"}
    else:
        text = gettext("%(n)s bn") % {"n": f"{size / 10**9:,.1f}"}
    minus = "\u2212" if value.amount < 0 else ""
    exact = escape(money_text(value))
    return mark_safe(
        f'<bdi class=m title="{exact}" aria-hidden=true>{minus}<small>{escape(symbol(value.currency))}</small>'
        f'{escape(text)}</bdi><span class="sr-only">{exact}</span>'
    )


def money_text(amount: Any, currency: str = "") -> str:
    if isinstance(amount, Money):
        currency, amount = amount.currency, amount.amount
    currency = currency or _own_currency()
    amount = Decimal(amount)
    return f"{'-' if amount < 0 else ''}{symbol(currency)} {amount_text(abs(amount), currency)}"


def _own_currency() -> str:
    try:
        return current_tenant().currency
    except NoTenantInScope:
        return ""


def number(value: Any) -> SafeString:
    if value is None or value == "":
        return DASH
    if isinstance(value, Decimal):
        value = value.normalize()
        text = f"{value:,f}"
    else:
        text = f"{value:,}"
    return mark_safe(f"<bdi>{text}</bdi>")


@lru_cache(maxsize=4096)
def _day_text(value: date, language: str) -> str:
    return dateformat.format(value, "j M Y")


def day_text(value: date) -> str:
    return _day_text(value, get_language() or settings.LANGUAGE_CODE)


def local(value: datetime) -> datetime:
    """The instant on the tenant's wall clock, or in UTC outside of a tenant."""
    if timezone.is_naive(value):
        return value
    try:
        return calendar.local(value)
    except NoTenantInScope:
        return value.astimezone(UTC)


def day(value: date | datetime | None) -> SafeString:
    """A date; of an instant the date it was on the tenant's wall, with the exact time on hover."""
    if not value:
        return DASH
    if isinstance(value, datetime):
        here = local(value)
        return mark_safe(
            f'<time datetime="{value.isoformat(timespec="seconds")}" title="{day_text(here.date())} {here:%H:%M:%S}">{day_text(here.date())}</time>'
        )
    return mark_safe(f'<time datetime="{value.isoformat()}">{day_text(value)}</time>')


def moment(value: datetime | None) -> SafeString:
    """Date and time to the minute; seconds and zone on hover."""
    if not value:
        return DASH
    here = local(value)
    return mark_safe(
        f'<time datetime="{value.isoformat(timespec="seconds")}" title="{here:%Y-%m-%d %H:%M:%S %Z}">'
        f'{day_text(here.date())} <bdi class="hm">{here:%H:%M}</bdi></time>'
    )


def clock(value: datetime) -> SafeString:
    """The time of day to the second: how fresh something is."""
    here = local(value)
    return mark_safe(
        f'<time datetime="{value.isoformat(timespec="seconds")}" title="{day_text(here.date())} {here:%Z}">{here:%H:%M:%S}</time>'
    )


def ago(value: datetime | None) -> SafeString:
    """«5 minutes ago» for the last day, then the date; exact time on hover."""
    if not value:
        return DASH
    seconds = int((calendar.now() - value).total_seconds())
    if seconds < 0 or seconds >= 86_400:
        return moment(value)
    if seconds < 60:
        text = gettext("just now")
    elif seconds < 3600:
        minutes = seconds // 60
        text = ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
    else:
        hours = seconds // 3600
        text = ngettext("%(n)s hour ago", "%(n)s hours ago", hours) % {"n": hours}
    here = local(value)
    return mark_safe(
        f'<time datetime="{value.isoformat(timespec="seconds")}" title="{here:%Y-%m-%d %H:%M:%S %Z}">{escape(text)}</time>'
    )


def flag(value: Any) -> SafeString:
    if value is None:
        return DASH
    word = gettext("Yes") if value else gettext("No")
    return mark_safe(
        f'<span class="flag{"" if value else " off"}">{icon("check" if value else "minus")}<span class="sr-only">{escape(word)}</span></span>'
    )


_DIGITS = frozenset("0123456789+(")


def field_label(model: str, name: str) -> str:
    """How a field is called where people read it; its bare name when it is none of the model's."""
    try:
        field = apps.get_model(model)._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist):
        return name.replace("_", " ").capitalize()
    return capfirst(str(getattr(field, "verbose_name", name)))


def who(name: Any) -> SafeString:
    """Who did something: people by their names, the system by what it was about, in the reader's language."""
    return mark_safe(f"<bdi>{escape(gettext(str(name)))}</bdi>") if name else DASH


def plain(value: Any) -> SafeString:
    if value is None or value == "":
        return DASH
    if hasattr(value, "__html__"):
        return value.__html__()
    text = escape(str(value))
    # A phone number in a line of Urdu would be read from its second half: it keeps its own direction.
    return mark_safe(f"<bdi>{text}</bdi>" if text[:1] in _DIGITS else text)


def show(value: Any) -> SafeString:
    """Any value by its type: what a fact or a table cell does when nobody said more."""
    if isinstance(value, Money):
        return money(value)
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int | Decimal):
        return number(value)
    return plain(value)


def text(value: Any) -> str:
    """The same for a plain-text place: an attribute, a CSV cell, a chart's table."""
    if value is None:
        return ""
    if isinstance(value, Money):
        return money_text(value)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, datetime):
        return f"{local(value):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
