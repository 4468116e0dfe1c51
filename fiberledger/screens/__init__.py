"""Screens: how every page looks, moves and is made. It knows no room above it.

Owns: the frame, the page kinds, the theme, saved views, the scope picker, template tags and the registries.

**Lists, records and forms, declared** (a room's `screens.py`):

    from fiberledger.screens import Button, Column, Empty, Filter, Screen, Tab, View

    plans = Screen(
        model=Plan, form=PlanForm, permission="plans", icon="gauge",
        columns=("name", Column("speed", sort="download_kbps"), "price", "tax__name", "status", Column("code", hidden=True)),
        filters=("status", "currency", Filter("sold", _("Sold"), test=lambda qs: qs.sold())),
        search=("name", "code"),                 # or a function (queryset, text, actor) -> queryset
        order="name", views=(View("active", _("Active"), "status=active"),),
        empty=Empty(_("No plans yet"), _("A plan is what you sell: speed, price and how long it lasts."), "gauge"),
        tabs=(Tab("subscribers", _("Subscribers"), "catalog/_subscribers.html", lambda request, plan: {...}),),
    )

    # urls.py                     app_name must be the model's app_label (or give Screen(namespace=...))
    app_name = "catalog"
    urlpatterns = [path("plans/", include(list(plans.urls())))]

That gives the url names catalog:plan-list, catalog:plan (record), plan-new, plan-edit, plan-export and so on; reading
asks for the permission "plans.view", writing for "plans.edit"; say view_needs/edit_needs/create_needs="payments.record"
where they are called otherwise, "-" for what nobody does. urls(record=…, new=…, edit=…) puts a view of yours in place.
A column is a field, a path through keys (`tax__name`: joined for you), a property or method of the model, or a
`Column`; a name that does not exist raises when the module is imported. The first column opens the record.
A page of the list is 50 rows found by keyset, so sortable columns of a big table need an index
(tenant, column, id); say `Column("x", sort=False)` where there is none.
A queryset with `visible_to(actor)` is always asked; the scope picker narrows by `branch_lookup`/`area_lookup`.

**A form page of one's own** — answers 422 with an error summary, everything typed kept:

    @staff("payments.record")
    def take_payment(request, pk):
        form = PaymentForm(request.POST or None, initial={"key": uuid4()})
        if form.is_valid():
            try: ...; screens.toast(request, _("Payment recorded")); return redirect(...)
            except Refusal as refusal: form.add_error(None, str(refusal))
        return screens.form_page(request, form, title=_("Take a payment"), submit=_("Record payment"), back=url)
        # template="payments/take.html" (extends screens/form.html or screens/task.html), and any more context

Fields are drawn by `{% field form.name %}`, those with many rows to choose from as a search (choosing.py); grouping is
`sections = [(_("Speed"), ["download_kbps", "upload_kbps"]), ...]` on the form class. `Screen.form` is given `instance` and, if its __init__ takes it, `actor`. If the
form has `save_as(actor)` it is called in place of `save()`, and then notes the audit itself; a Refusal it raises is shown
on the form.

**A record page of one's own** — the same parts a Screen uses; tabs load when opened, at ?tab=code of the same url:

    return screens.record_page(request, subscriber, title=subscriber.name, number=subscriber.number,
        status=subscriber.status, facts=[Fact(_("Owed"), money, url=...)], buttons=[...], tabs=[...], cards=[...],
        back=(_("Subscribers"), url))
    Other rooms add Tab, Button, Facts, Card to it from their parts.py with on="subscribers.subscriber".
    A "History" tab with the audit timeline is always there; a `Trail` in parts.py adds what happened to rows of yours.

**A list of one's own** — `screens.list_page(request, a_screen, queryset, **context)` gives a Screen's list over rows you choose;
`screens.rows_for(a_screen, actor, params, within=scope)` gives the filtered, searched, sorted queryset (exports and jobs use it:
`find_screen("catalog:plan")`, then `column.title`, `column.value(row)`, `column.text(row)` of `screen.bound_columns`;
the exports room calls `screens.use_exporter(start)` once, start(request, screen, params, format) -> response).
`screens.table(columns, rows)` is the plain table for tabs and task pages: `{% include "screens/_table.html" with table=table %}`.

**Templates** to extend: screens/base.html (blocks title, heading, subtitle, actions, content), screens/task.html (one decision,
narrow, big), screens/form.html, screens/record.html, screens/settings.html, screens/public.html (no rail: login, errors).
**Tags**: `{% load screens %}` {% icon "wallet" %} {% badge obj "status" %} {% money amount currency %} {% date value %} {% moment value %}
{% ago value %} {% field form.x %} {% query page=2 %} {% asset "name" %} {% chart data %} {% stat reading %} {% progress run %} {% copy text %}
{% empty title text icon url label %} and the partials screens/_table.html, _pager.html, _timeline.html, _facts.html.
**A secret**: `revealing.reveal(request, find)` asks why and for one's own password, notes it, and shows it once; the view is
guarded with `own_scope=True`, and `find()` answers the `Secret` (screens/revealing.py).
**Long work**: start a jobs.Run, then `redirect(screens.run_url(run))`: a page with a bar that moves, which one can leave.
**Words**: `screens.toast(request, text, tone="good")`. Buttons that post carry `data-once`; forms do by themselves.
"""

from .addresses import run_url
from .answering import back_to, is_fragment, respond, toast
from .form_pages import form_page
from .kept import kept
from .list_actions import use_exporter
from .lists import list_page, table
from .records import record_page
from .registry import (
    Button,
    Card,
    Chart,
    ChartData,
    Entry,
    Fact,
    Facts,
    Figure,
    Hit,
    PaletteAction,
    Reading,
    Tab,
    Trail,
    WorkItem,
    Worklist,
)
from .rows import rows_for
from .screen import Bulk, Column, Empty, Filter, Screen, View, find_screen, url_of

__all__ = [
    "Bulk",
    "Button",
    "Card",
    "Chart",
    "ChartData",
    "Column",
    "Empty",
    "Entry",
    "Fact",
    "Facts",
    "Figure",
    "Filter",
    "Hit",
    "PaletteAction",
    "Reading",
    "Screen",
    "Tab",
    "Trail",
    "View",
    "WorkItem",
    "Worklist",
    "back_to",
    "find_screen",
    "form_page",
    "is_fragment",
    "kept",
    "list_page",
    "record_page",
    "respond",
    "rows_for",
    "run_url",
    "table",
    "toast",
    "url_of",
    "use_exporter",
]
