from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import TenantManager, TenantModel, TenantQuerySet


class SavedViewQuerySet(TenantQuerySet["SavedView"]):
    def for_list(self, key: str, user_id: int | None) -> list[SavedView]:
        """What this person sees above one list: their own views, everyone's shared ones, and their columns."""
        return list(
            self.filter(screen=key).filter(models.Q(owner_id=user_id) | models.Q(is_shared=True)).order_by("name", "pk")
        )


class SavedView(TenantModel):
    """A name for a list's query: filters, search, sort and columns. Of one member, or shared with all.

    The row without a name is the member's own choice of columns for that list.
    """

    screen = models.CharField(max_length=80)
    name = models.CharField(_("name"), max_length=60, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(_("everyone sees it"), default=False)
    query = models.CharField(max_length=2000, blank=True)
    columns = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=calendar.now, editable=False)

    objects = TenantManager.from_queryset(SavedViewQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "screen", "owner", "name"], name="saved_view_named_once"),
            models.CheckConstraint(
                name="saved_view_shared_has_a_name", condition=models.Q(is_shared=False) | ~models.Q(name="")
            ),
        ]
        indexes = [models.Index(fields=["tenant", "screen"])]

    def __str__(self) -> str:
        return self.name or self.screen
