from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage, get_connection
from django.utils.translation import gettext as _
from django.utils.translation import override

from fiberledger import calendar, jobs
from fiberledger.tenancy import current_tenant, tenant_scope
from fiberledger.tenancy.models import Profile

from . import services
from .events import EVENTS
from .models import Notice

log = logging.getLogger(__name__)
_AT_ONCE = 100


@jobs.task("notices.send_mail")
def send_mail(tenant_id: int) -> None:
    """Mail the waiting notices whose subscribers have an address.

    A notice is claimed before it is sent, so that two workers never send one twice; a claim that nobody came back to
    is marked failed for a person to look at, since it may have gone out.
    """
    with tenant_scope(tenant_id):
        if not services.policy().by_mail:
            return
        Notice.objects.filter(state=Notice.State.SENDING, created_at__lt=calendar.now() - timedelta(minutes=15)).update(
            state=Notice.State.FAILED, why=_("Sending was interrupted; it may have gone out.")
        )
    while _send_some(tenant_id):
        pass


def _send_some(tenant_id: int) -> bool:
    with tenant_scope(tenant_id), override(current_tenant().language):
        claimed = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .waiting()
            .shown()
            .exclude(subscriber__email="")
            .order_by("id")[:_AT_ONCE]
        )
        Notice.objects.filter(pk__in=[notice.pk for notice in claimed]).update(state=Notice.State.SENDING)
        composer = services.Composer()
        messages = [(notice, composer.message(notice)) for notice in claimed]
        profile = Profile.objects.first()
        reply_to = [profile.email] if profile and profile.email else []
    if not messages:
        return False
    mail = get_connection()
    for notice, message in messages:
        why = ""
        try:
            mail.open()  # does nothing while the last one is still open
            EmailMessage(
                message.subject, message.text, to=[message.subscriber.email], reply_to=reply_to, connection=mail
            ).send()
        except (SMTPException, OSError) as error:
            log.warning("mail of notice %s of tenant %s failed: %s", notice.pk, tenant_id, error)
            why = str(error)[:200] or error.__class__.__name__
            mail.close()
        with tenant_scope(tenant_id):
            Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING).update(
                state=Notice.State.FAILED if why else Notice.State.SENT,
                why=why,
                via=Notice.Via.EMAIL,
                text=message.text,
                sent_to=message.subscriber.email,
                sent_at=None if why else calendar.now(),
                sent_by="" if why else _("the system"),
            )
    mail.close()
    return True


@jobs.periodic("41 * * * *", "notices.forget_stale_tick")
def forget_stale_tick() -> None:
    jobs.for_each_tenant("notices.forget_stale")


@jobs.task("notices.forget_stale")
def forget_stale(tenant_id: int) -> None:
    """What nobody sent in time is no longer worth telling."""
    with tenant_scope(tenant_id):
        now = calendar.now()
        for event in EVENTS.values():
            Notice.objects.waiting().filter(
                event=event.code, created_at__lt=now - timedelta(days=event.stale_after_days)
            ).update(state=Notice.State.SKIPPED, why=_("Nobody sent it in time"))
