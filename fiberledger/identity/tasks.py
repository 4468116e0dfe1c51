from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from fiberledger import calendar, jobs
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant

from . import services, throttle
from .models import Invitation, PasswordReset, User
from .sessions import SessionStore


def _send(letter: str, to: str, language: str, **context: object) -> None:
    with translation.override(language or settings.LANGUAGE_CODE):
        subject = render_to_string(f"identity/mail/{letter}_subject.txt", context).strip()
        body = render_to_string(f"identity/mail/{letter}.txt", context)
    send_mail(subject, body, None, [to])


def _link(name: str, *args: object) -> str:
    # From the settings, never from the request: whoever asks chooses the Host header.
    return settings.PUBLIC_URL.rstrip("/") + reverse(name, args=args)


@jobs.task("identity.send_invitation")
def send_invitation(tenant_id: int, invitation_id: int) -> None:
    """Make the link's secret, keep its digest, send the letter. Run again it sends another, and the first is dead."""
    secret, digest = services.new_secret()
    with tenant_scope(tenant_id):
        if not Invitation.objects.open().filter(pk=invitation_id).update(digest=digest, sent_at=calendar.now()):
            return
        invitation = Invitation.objects.get(pk=invitation_id)
    tenant = Tenant.objects.get(pk=tenant_id)
    _send(
        "invitation",
        invitation.email,
        invitation.language or tenant.language,
        invitation=invitation,
        tenant=tenant,
        link=_link("identity:join", tenant.slug, secret),
    )


@jobs.task("identity.send_reset")
def send_reset(tenant_id: int, reset_id: int) -> None:
    """The same for a password reset; where nobody has the address, nothing is sent and nobody is told."""
    secret, digest = services.new_secret()
    waiting = PasswordReset.objects.filter(pk=reset_id, used_at=None, user__isnull=False, expires_at__gt=calendar.now())
    if not waiting.update(digest=digest):
        return
    user = User.objects.get(pk__in=PasswordReset.objects.filter(pk=reset_id).values("user"))
    _send("reset", user.email, user.language, user=user, link=_link("identity:reset", secret))


@jobs.periodic("41 3 * * *", "identity.tidy")
def tidy() -> None:
    """Drop what has had its day: expired logins, old counts, resets of last month."""
    SessionStore.clear_expired()
    throttle.forget_old()
    PasswordReset.objects.filter(requested_at__lt=calendar.now() - services.RESET_LASTS * 24 * 30).delete()
