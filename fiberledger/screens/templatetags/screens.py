from __future__ import annotations

from typing import Any

from django import forms, template
from django.db.models import Model
from django.forms import BoundField
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.money import Money
from fiberledger.screens import assets, cells, choosing
from fiberledger.screens.registry import Reading
from fiberledger.screens.screen import url_of

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    return cells.icon(name, extra)


@register.simple_tag
def badge(subject: Any, field: str = "", label: Any = None) -> SafeString:
    """{% badge invoice "status" %}, or {% badge word %} and {% badge word label=… %}."""
    if isinstance(subject, Model) and field:
        display = getattr(subject, f"get_{field}_display", None)
        return cells.badge(getattr(subject, field), display() if display else label)
    return cells.badge(subject, label or field or None)


@register.simple_tag
def money(amount: Any, currency: str = "", sign: bool = False) -> SafeString:
    return cells.money(amount, currency, sign=sign)


@register.simple_tag
def number(value: Any) -> SafeString:
    return cells.number(value)


@register.simple_tag
def date(value: Any) -> SafeString:
    return cells.day(value)


@register.simple_tag
def moment(value: Any) -> SafeString:
    return cells.moment(value)


@register.simple_tag
def clock() -> SafeString:
    """The time of day to the second: beside what is looked at as it is now."""
    return cells.clock(calendar.now())


@register.simple_tag
def ago(value: Any) -> SafeString:
    return cells.ago(value)


@register.simple_tag
def flag(value: Any) -> SafeString:
    return cells.flag(value)


@register.filter
def show(value: Any) -> SafeString:
    """Any value by its type."""
    return cells.show(value)


@register.filter
def of(name: str, model: str) -> str:
    """A field's name as people read it: {{ name|of:"billing.invoice" }}."""
    return cells.field_label(model, name)


@register.filter
def who(name: Any) -> SafeString:
    """Who did something, in the reader's language."""
    return cells.who(name)


@register.filter
def href(obj: Any) -> str:
    """Where an object is shown, or nothing."""
    return url_of(obj)


@register.simple_tag
def asset(name: str) -> str:
    return assets.asset(name)


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: Any) -> str:
    """This page's address with changes: href="{% query page=2 %}"; an empty value takes one away."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value not in ("", None):
            params[name] = value
    return f"?{params.urlencode()}"


@register.simple_tag
def copy(text: Any, label: Any = "") -> SafeString:
    """A text with a button that copies it."""
    return format_html(
        '<span class="inline-flex items-center gap-1"><bdi class="code">{}</bdi>'
        '<button type="button" class="icon-btn" data-copy="{}" aria-label="{}">{}</button></span>',
        text,
        text,
        label or _("Copy %(text)s") % {"text": text},
        cells.icon("copy"),
    )


# --- forms ----------------------------------------------------------------------------------------------------

_GROUPS = (forms.RadioSelect, forms.CheckboxSelectMultiple)
_WIDE = (forms.Textarea, forms.CheckboxSelectMultiple, forms.RadioSelect)


@register.simple_tag(takes_context=True)
def field(
    context: Any, bound: BoundField, label: Any = None, help: Any = None, wide: bool = False, extra: str = ""
) -> SafeString:
    """A field with label, help and errors, tied together for who cannot see them. `extra` is put into the input's class.

    Of more rows than one reads through it shows what is chosen and finds the others (see choosing.py).
    """
    if not bound:
        return mark_safe("")
    widget = bound.field.widget
    label_text = escape(label if label is not None else bound.label)
    help_text = help if help is not None else bound.help_text
    errors = bound.errors
    name = bound.id_for_label or bound.auto_id or bound.html_name
    described = [f"{bound.auto_id}_helptext"] if help_text else []
    described += [f"{bound.auto_id}_error"] if errors else []
    attrs: dict[str, Any] = {}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if errors:
        attrs["aria-invalid"] = "true"
    help_html = format_html('<p class="help" id="{}_helptext">{}</p>', bound.auto_id, help_text) if help_text else ""
    error_html = (
        format_html(
            '<p class="wrong" id="{}_error">{}<span>{}</span></p>',
            bound.auto_id,
            cells.icon("circle-alert"),
            " ".join(str(e) for e in errors),
        )
        if errors
        else ""
    )
    optional = "" if bound.field.required else format_html(' <span class="optional">{}</span>', _("optional"))
    if isinstance(widget, forms.CheckboxInput):
        control = bound.as_widget(attrs=attrs | {"class": f"check {extra}".strip()})
        return format_html(
            '<div class="field tick{}">{}<label for="{}">{}</label>{}{}</div>',
            " wide" if wide else "",
            control,
            name,
            mark_safe(label_text),
            help_html,
            error_html,
        )
    is_long = choosing.is_long(bound.field)
    if isinstance(widget, _GROUPS) or (is_long and isinstance(widget, forms.SelectMultiple)):
        if is_long:
            group = _finding_many(context, bound, label_text, attrs.get("aria-describedby", ""))
        else:
            group = _boxes(bound, extra, attrs.get("aria-describedby", ""))
        return format_html(
            '<div class="field wide" id="{}"><span class="legend" id="{}_label">{}{}</span>{}{}{}</div>',
            name if name != bound.auto_id else f"{bound.auto_id}_group",
            bound.auto_id,
            mark_safe(label_text),
            optional,
            group,
            help_html,
            error_html,
        )
    given = widget.attrs.get("class", "")
    classes = " ".join(c for c in ("in", given, extra) if c)
    if isinstance(widget, forms.NumberInput):
        attrs.setdefault("inputmode", "decimal")
    if is_long:
        control = _finding_one(context, bound, label_text, attrs | {"class": classes})
    else:
        control = bound.as_widget(attrs=attrs | {"class": classes})
    if isinstance(widget, forms.PasswordInput):
        control = format_html(
            '<span class="relative block">{}<button type="button" class="icon-btn absolute end-0.5 top-0.5" data-reveal="{}" aria-label="{}" aria-pressed="false">{}</button></span>',
            control,
            name,
            _("Show"),
            cells.icon("eye"),
        )
    return format_html(
        '<div class="field{}"><label for="{}">{}{}</label>{}{}{}</div>',
        " wide" if wide or isinstance(widget, _WIDE) else "",
        name,
        mark_safe(label_text),
        optional,
        control,
        help_html,
        error_html,
    )


def _boxes(bound: BoundField, extra: str, described: str) -> SafeString:
    # Option by option: Django's own template puts the input's class on the box around them as well.
    bound.field.widget.attrs["class"] = f"check {extra}".strip()
    options = format_html_join(
        "", "<label>{} <span>{}</span></label>", ((one.tag(), one.choice_label) for one in bound.subwidgets)
    )
    return format_html(
        '<div class="choices" role="group" aria-labelledby="{}_label"{}>{}</div>',
        bound.auto_id,
        format_html(' aria-describedby="{}"', described) if described else "",
        options,
    )


def _finding_one(context: Any, bound: BoundField, title: str, attrs: dict[str, Any]) -> SafeString:
    """An input to type in, and a hidden one that is sent, with all that the form has to say about sending it."""
    said = bound.field.widget.attrs
    sending = {name: value for name, value in said.items() if name.startswith(("hx-", "data-"))}
    attrs |= {"id": bound.id_for_label, "required": bound.field.required, "disabled": bound.field.disabled}
    attrs |= {name: value for name, value in said.items() if name not in sending and name != "class"}
    value, label = next(iter(choosing.chosen(bound)), ("", ""))
    nothing = getattr(bound.field, "empty_label", None)
    return _render(
        "screens/_chooser.html",
        context,
        bound=bound,
        id=bound.id_for_label,
        title=title,
        value=value,
        label=label,
        placeholder=_("Find…") if nothing in (None, "", "–", "---------") else nothing,
        sending=flatatt(sending | {"disabled": bound.field.disabled}),
        attrs=flatatt(attrs),
    )


def _finding_many(context: Any, bound: BoundField, title: str, described: str) -> SafeString:
    """What is chosen as ticked boxes, and an input that finds further ones."""
    return _render(
        "screens/_chooser_many.html",
        context,
        bound=bound,
        title=title,
        described=described,
        options=choosing.chosen(bound),
    )


def _render(template_name: str, context: Any, **more: Any) -> SafeString:
    return render_to_string(template_name, more | {"request": context["request"]})


@register.inclusion_tag("screens/_errors.html")
def errors(form: Any) -> dict[str, Any]:
    """The summary of what is wrong, each line leading to its field; nothing when all is well."""
    lines = []
    if form is not None and form.is_bound:
        for name, found in form.errors.items():
            bound = None if name == "__all__" else form[name]
            for error in found:
                lines.append((bound, error))
    return {"lines": lines}


# --- figures and charts ---------------------------------------------------------------------------------------


def _plain(value: Any) -> float | None:
    if isinstance(value, Money):
        return float(value.amount)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def change_of(reading: Reading) -> dict[str, Any] | None:
    """By how much, in which direction, and whether that is good; None when there is nothing to compare."""
    now, before = _plain(reading.value), _plain(reading.before)
    if now is None or before is None:
        return None
    if now == before:
        return {"text": _("no change"), "icon": "minus", "tone": ""}
    up = now > before
    text = f"{abs(now - before) / abs(before):.0%}" if before else _("new")
    good = up == (reading.rising_is == "good")
    return {
        "text": text,
        "icon": "trending-up" if up else "trending-down",
        "tone": "good" if good else "bad",
        "word": _("up") if up else _("down"),
    }


@register.filter
def spark(values: Any) -> SafeString:
    """A sparkline as SVG; decoration, its numbers stand in words beside it."""
    points = [float(v) for v in values]
    if len(set(points)) < 2:
        return mark_safe("")
    low = min(points)
    span = max(points) - low
    step = 100 / (len(points) - 1)
    line = " ".join(f"{i * step:.1f},{22 - (v - low) / span * 20:.1f}" for i, v in enumerate(points))
    return mark_safe(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="0,24 {line} 100,24" fill="currentColor" opacity=".12"/>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" stroke-linejoin="round"/></svg>'
    )


@register.inclusion_tag("screens/_stat.html")
def stat(reading: Reading, label: Any = "", url: str = "", icon: str = "") -> dict[str, Any]:
    """One figure with its change and trend."""
    return {
        "reading": reading,
        "label": label,
        "url": url,
        "icon": icon,
        "value": cells.figure(reading.value),
        "change": change_of(reading),
        "spark": spark(reading.trend),
    }


@register.inclusion_tag("screens/_chart.html")
def chart(data: Any, title: Any = "", code: str = "", url: str = "", wide: bool = False) -> dict[str, Any]:
    """A chart with its summary and its table: data is a ChartData."""

    def cell(value: Any) -> dict[str, Any]:
        plain = _plain(value)
        return {
            "v": 0 if plain is None else plain,
            "text": f"{plain:,.2f}".removesuffix(".00") if plain is not None else "",
        }

    rows = [
        {"label": label, "cells": [cell(values[i]) for _name, values in data.series]}
        for i, label in enumerate(data.labels)
    ]
    return {
        "data": data,
        "title": title,
        "code": code,
        "url": url,
        "wide": wide,
        "rows": rows,
        "empty": not any(c["v"] for row in rows for c in row["cells"]),
    }


@register.inclusion_tag("screens/_progress.html")
def progress(run: Any) -> dict[str, Any]:
    return {"run": run}


@register.inclusion_tag("screens/_empty.html")
def empty(
    title: Any, text: Any = "", icon: str = "inbox", url: str = "", label: Any = "", small: bool = False
) -> dict[str, Any]:
    return {"title": title, "text": text, "icon": icon, "url": url, "label": label, "small": small}


@register.filter
def footing(table: Any) -> list[tuple[Any, Any]]:
    """The closing line of a table, each value with its column."""
    return list(zip(table.columns, table.footer, strict=False))
