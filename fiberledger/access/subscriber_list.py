"""What this room adds to the list of subscribers: their username, and who is online."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Column, Filter

from .models import AccessAccount, LiveSession


def rows(queryset: QuerySet) -> QuerySet:
    accounts = AccessAccount.objects.only("id", "username", "subscription_id")
    return queryset.prefetch_related(Prefetch("subscriptions__access_account", queryset=accounts))


def _usernames(subscriber: Any) -> str:
    lines = getattr(subscriber, "lines", None)
    lines = list(subscriber.subscriptions.all()) if lines is None else lines
    return ", ".join(line.access_account.username for line in lines if hasattr(line, "access_account"))


def _online(queryset: QuerySet) -> QuerySet:
    return queryset.filter(Exists(LiveSession.objects.filter(account__subscription__subscriber=OuterRef("pk"))))


COLUMNS = [
    Column("usernames", _("Username"), value=_usernames, sort=False, hidden=True, permission="access.view", kind="code")
]
FILTERS = [Filter("online", _("Online"), test=_online, icon="wifi")]
