"""A difference that is left as it is for a while: somebody says until when, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger import audit, calendar
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.tenancy import Refusal

LONGEST = timedelta(days=90)


class Acceptable(models.Model):
    """What may be accepted as it is."""

    accepted_until = models.DateTimeField(_("accepted until"), null=True)
    accepted_by = models.CharField(_("accepted by"), max_length=120, default="")
    accepted_why = models.CharField(_("why accepted"), max_length=200, default="")

    class Meta:
        abstract = True

    @property
    def is_accepted(self) -> bool:
        return self.accepted_until is not None and self.accepted_until > calendar.now()


class AcceptableQuerySet(ScopedQuerySet):
    def accepted(self):
        return self.filter(accepted_until__gt=calendar.now())

    def to_heal(self):
        return self.exclude(accepted_until__gt=calendar.now())


def accept(found: Any, event: str, *, until: Any, why: str, by: Any) -> None:
    """Leave this as it is until then: nothing is done about it, unless what should be there changes. `event` is what the
    audit log calls it. Refuses without a reason, and for longer than 90 days."""
    now = calendar.now()
    if not why.strip():
        raise Refusal(_now("Say why it may stay as it is."))
    if not now < until <= now + LONGEST:
        raise Refusal(_now("Choose a time from now up to 90 days ahead."))
    before = audit.snapshot(found)
    found.accepted_until, found.accepted_by, found.accepted_why = until, str(by)[:120], why.strip()[:200]
    found.save(update_fields=["accepted_until", "accepted_by", "accepted_why"])
    audit.note(by, event, found, before=before, after=audit.snapshot(found))
