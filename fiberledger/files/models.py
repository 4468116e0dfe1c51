from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.tenancy.models import TenantModel


class File(TenantModel):
    """The row that knows what a private file is and where its bytes lie (relative to the tenant's folder)."""

    key = models.UUIDField(default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.BigIntegerField(_("size"))
    sha256 = models.CharField(max_length=64)
    place = models.CharField(max_length=80)
    width = models.IntegerField(null=True, blank=True)
    height = models.IntegerField(null=True, blank=True)
    added_by = models.CharField(_("added by"), max_length=120, blank=True)
    added_at = models.DateTimeField(_("added"), default=calendar.now)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="file_key_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        return self.content_type.startswith("image/")
