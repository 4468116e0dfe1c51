from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from fiberledger import jobs
from fiberledger.identity.models import Membership
from fiberledger.tenancy import current_tenant, tenant_scope
from fiberledger.vault.models import Look


@jobs.task("team.tell_owners_of_looks")
def tell_owners_of_looks(tenant_id: int, look_id: int) -> None:
    """A letter to each owner: one person saw many secrets within an hour."""
    with tenant_scope(tenant_id):
        look = Look.objects.get(pk=look_id)
        tenant = current_tenant()
        owners = [
            (member.user.email, member.user.language or tenant.language)
            for member in Membership.objects.active().with_roles()
            if member.is_owner and member.user_id != look.user_id
        ]
    link = settings.PUBLIC_URL.rstrip("/") + reverse("team:look-list")
    for email, language in owners:
        with translation.override(language or settings.LANGUAGE_CODE):
            subject = _("%(who)s looked at many secrets") % {"who": look.who}
            body = _(
                "%(who)s had many passwords or secrets of %(company)s shown within one hour, the last time for: %(reason)s\n\n%(link)s"
            ) % {"who": look.who, "company": tenant.name, "reason": look.reason, "link": link}
        send_mail(subject, body, None, [email])
