from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.files.models import File
from fiberledger.jobs.models import Run
from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet


class ImportRunQuerySet(TenantQuerySet):
    def visible_to(self, actor: Any) -> ImportRunQuerySet:
        """Whoever reaches only a part of the rows sees their own imports: a file knows nothing of branches and areas."""
        return self.filter(actor_id=actor.user_id) if actor.is_limited else self

    def newest_first(self) -> ImportRunQuerySet:
        return self.order_by("-id")


class ImportRun(TenantModel):
    """One file and what became of it: received, checked, taken, perhaps undone."""

    class State(models.TextChoices):
        RECEIVED = "received", _("To be mapped")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked")
        TAKING = "taking", _("Being taken")
        TAKEN = "taken", _("Taken")
        FAILED = "failed", _("Failed")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    importer = models.CharField(_("kind"), max_length=40)
    file = TenantForeignKey(File, on_delete=models.PROTECT, related_name="+", verbose_name=_("file"))
    filename = models.CharField(_("file"), max_length=200)
    sheet = models.CharField(_("sheet"), max_length=120, blank=True)
    sheets = models.JSONField(default=list)
    columns = models.JSONField(default=list)  # the header's names, in order
    header_line = models.PositiveIntegerField(default=1)
    samples = models.JSONField(default=list)  # the first rows, for the map page
    map = models.JSONField(default=dict)  # {our field: their column}
    options = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RECEIVED)
    problem = models.TextField(blank=True)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    good = models.PositiveIntegerField(_("good"), default=0)
    faulty = models.PositiveIntegerField(_("faulty"), default=0)
    here = models.PositiveIntegerField(_("already here"), default=0)
    taken = models.PositiveIntegerField(_("taken"), default=0)
    preview = models.JSONField(default=list)  # the first good rows as they were understood
    created = models.JSONField(default=dict)  # {model label: how many}
    checkpoint = models.PositiveIntegerField(default=0)  # rows up to this line are settled, whatever happens next
    run = TenantForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(_("by"), max_length=160)
    received_at = models.DateTimeField(_("received"), default=calendar.now)
    taken_at = models.DateTimeField(_("taken at"), null=True, blank=True)

    objects = TenantManager.from_queryset(ImportRunQuerySet)()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(
                name="import_state_known",
                condition=models.Q(
                    state__in=["received", "checking", "checked", "taking", "taken", "failed", "undoing", "undone"]
                ),
            )
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="import_newest")]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_busy(self) -> bool:
        return self.state in (self.State.CHECKING, self.State.TAKING, self.State.UNDOING)

    @property
    def can_be_undone(self) -> bool:
        return self.state in (self.State.TAKEN, self.State.FAILED) and self.taken > 0


class ImportRow(TenantModel):
    """A row that has a fault: what it says, as it said it. Good rows leave no row here."""

    import_run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="faulty_rows", db_index=False)
    line = models.PositiveIntegerField()
    word = models.CharField(max_length=60)  # of the first fault
    faults = models.JSONField()  # [[word, field, value], …]
    cells = ArrayField(models.TextField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "import_run", "line"], name="import_row_once")]
        indexes = [models.Index(fields=["tenant", "import_run", "word", "line"], name="import_row_by_word")]

    def __str__(self) -> str:
        return f"{self.line}: {self.word}"


class ImportPart(TenantModel):
    """What one transaction of an import created: lets it go on after a crash, and be undone."""

    import_run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="parts", db_index=False)
    last_line = models.PositiveIntegerField()
    created = models.JSONField()  # {model label: [ids]}

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "import_run", "last_line"], name="import_part_once")]

    def __str__(self) -> str:
        return f"…{self.last_line}"


class ColumnMap(TenantModel):
    """A map that was kept for the next file of the same make."""

    importer = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=80)
    columns = models.JSONField()
    saved_by = models.CharField(max_length=160, blank=True)
    used_at = models.DateTimeField(default=calendar.now)

    class Meta:
        verbose_name = _("column map")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "importer", "name"],
                name="column_map_once",
                violation_error_message=_("Another map has this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name
