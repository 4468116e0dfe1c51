from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse as url_for
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import audit, screens
from fiberledger.identity.guards import staff
from fiberledger.screens import Fact, Tab
from fiberledger.screens import scope as picker
from fiberledger.screens.middleware import POLICY
from fiberledger.tenancy import Refusal

from . import services
from .events import EVENTS, SAMPLE, VARIABLES
from .forms import NoticePolicyForm, NoticeTemplateForm
from .models import Notice, NoticeTemplate
from .wording import fill, sms_size

PAGE = 18
# A browser follows a form's answer only to places its page has named: here WhatsApp, and the phone's own messages.
_LEAVES = POLICY.replace("form-action 'self'", "form-action 'self' https://wa.me https://*.whatsapp.com sms:")


def _with_ways_out(response: HttpResponse) -> HttpResponse:
    response.headers["Content-Security-Policy"] = _LEAVES
    return response


def _waiting(request: HttpRequest) -> Any:
    return picker.narrow(request, Notice.objects.waiting().visible_to(request.actor))


@staff("notices.view")
def outbox(request: HttpRequest) -> HttpResponse:
    """Messages to send: one click opens WhatsApp or SMS with the words typed in, and takes the message off the list."""
    rows = _waiting(request)
    counts = dict(rows.order_by().values_list("event").annotate(Count("id")))
    event = request.GET.get("event", "")
    if event in EVENTS:
        rows = rows.filter(event=event)
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        rows = rows.filter(pk__lt=int(after))
    found = list(rows.shown().order_by("-pk")[: PAGE + 1])
    composer = services.Composer()
    page = render(
        request,
        "notices/outbox.html",
        {
            "title": _("Messages to send"),
            "messages_to_send": [(notice, composer.message(notice)) for notice in found[:PAGE]],
            "events": [(code, EVENTS[code].label, count) for code, count in counts.items() if code in EVENTS],
            "event": event,
            "total": sum(counts.values()),
            "after": found[PAGE - 1].pk if len(found) > PAGE else None,
            "may_send": request.actor.may("notices.send"),
        },
    )
    return _with_ways_out(page)


def _notice(request: HttpRequest, pk: int) -> Notice:
    return get_object_or_404(Notice.objects.visible_to(request.actor).shown(), pk=pk)


@require_POST
@staff("notices.send")
def sent(request: HttpRequest, pk: int) -> HttpResponse:
    """The link was pressed: mark it sent and go there. Without a script the browser follows the answer."""
    notice = _notice(request, pk)
    via = request.POST.get("via", "")
    message = services.Composer().message(notice)
    try:
        services.mark_sent(notice.pk, via=via, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect("notices:outbox")
    link = {"whatsapp": message.whatsapp, "sms": message.sms}.get(via, "")
    if screens.is_fragment(request, f"notice-{pk}"):
        return HttpResponse("")
    if not link:
        return redirect(screens.back_to(request, url_for("notices:outbox")))
    response = HttpResponse(status=303)  # redirect() refuses the sms: scheme
    response["Location"] = link
    return response


@require_POST
@staff("notices.send")
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    notice = _notice(request, pk)
    services.skip([notice.pk], by=request.actor)
    if screens.is_fragment(request, f"notice-{pk}"):
        return HttpResponse("")
    return redirect(screens.back_to(request, url_for("notices:outbox")))


@staff("notices.view")
def show_notice(request: HttpRequest, pk: int) -> HttpResponse:
    notice = _notice(request, pk)
    page = screens.record_page(
        request,
        notice,
        title=notice.get_event_display(),
        kind=_("Message"),
        status="state",
        facts=[
            Fact(_("To"), notice.subscriber.name, url_for("subscribers:subscriber", args=[notice.subscriber_id])),
            Fact(_("Prepared"), notice.created_at),
            *([Fact(_("Sent"), notice.sent_at)] if notice.sent_at else []),
            *([Fact(_("By"), f"{notice.sent_by} · {notice.get_via_display()}")] if notice.via else []),
            *([Fact(_("Why"), notice.why, tone="warn")] if notice.why else []),
        ],
        tabs=[
            Tab(
                "overview",
                _("Message"),
                "notices/_message.html",
                lambda request, notice: {
                    "notice": notice,
                    "message": services.Composer().message(notice),
                    "may_send": request.actor.may("notices.send") and notice.state == Notice.State.WAITING,
                },
            )
        ],
    )
    return _with_ways_out(page)


@staff("notices.settings")
def settings(request: HttpRequest) -> HttpResponse:
    policy = services.policy()
    before = audit.snapshot(policy)
    form = NoticePolicyForm(request.POST or None, instance=policy)
    if form.is_valid():
        changed = form.save()
        audit.note(request.actor, "notices.settings_changed", changed, before, audit.snapshot(changed))
        screens.toast(request, _("The message settings were saved."))
        return redirect("notices:settings")
    own = {(row.event, row.language) for row in NoticeTemplate.objects.all()}
    return screens.form_page(
        request,
        form,
        template="notices/settings.html",
        title=_("Messages to subscribers"),
        wordings=[
            (event, [(code, label, (event.code, code) in own) for code, label in django_settings.LANGUAGES])
            for event in EVENTS.values()
        ],
    )


@staff("notices.settings")
def wording(request: HttpRequest, event: str, language: str) -> HttpResponse:
    """The tenant's own words for one message in one language."""
    known = EVENTS.get(event)
    if known is None or language not in known.texts:
        raise Http404
    own = NoticeTemplate.objects.filter(event=event, language=language).first()
    template = own or NoticeTemplate(
        event=event, language=language, subject=known.subject[language], text=known.texts[language]
    )
    if request.method == "POST" and "reset" in request.POST:
        if own:
            audit.note(request.actor, "notices.wording_changed", own, before=audit.snapshot(own))
            own.delete()
        return redirect("notices:settings")
    before = audit.snapshot(template)
    form = NoticeTemplateForm(request.POST or None, instance=template)
    if form.is_valid():
        changed = form.save()
        audit.note(request.actor, "notices.wording_changed", changed, before, audit.snapshot(changed))
        screens.toast(request, _("The wording was saved."))
        return redirect("notices:settings")
    shown = fill(form["text"].value() or "", SAMPLE)
    return screens.form_page(
        request,
        form,
        template="notices/wording.html",
        title=known.label,
        back=(_("Messages to subscribers"), url_for("notices:settings")),
        sample=shown,
        size=sms_size(shown),
        variables=VARIABLES.items(),
        own=own,
        language=dict(django_settings.LANGUAGES).get(language, language),
    )
