from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from fiberledger.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet


class Branch(TenantModel):
    """An office of the tenant's, with its own areas, staff and subscribers."""

    name = models.CharField(_("name"), max_length=80)
    code = models.CharField(_("code"), max_length=20, help_text=_("Short, e.g. LHR-1."))
    manager_name = models.CharField(_("manager"), max_length=80, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    address = models.TextField(_("address"), blank=True)
    is_active = models.BooleanField(_("open"), default=True)

    class Meta:
        verbose_name = _("branch")
        verbose_name_plural = _("branches")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="branch_code_once",
                violation_error_message=_("Another branch has this code."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="branch_name_once",
                violation_error_message=_("Another branch has this name."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AreaQuerySet(TenantQuerySet):
    def inside(self, *areas: Area) -> AreaQuerySet:
        """The areas themselves and everything below them."""
        if not areas:
            return self.none()
        found = models.Q()
        for area in areas:
            found |= models.Q(path__gte=area.path, path__lt=area.path[:-1] + "0")  # "0" follows "/" in ASCII
        return self.filter(found)

    def active(self) -> AreaQuerySet:
        return self.filter(is_active=True)

    def in_tree_order(self) -> AreaQuerySet:
        return self.order_by("path_names", "id")


class AreaManager(TenantManager.from_queryset(AreaQuerySet)):  # type: ignore[misc]
    pass


class Area(TenantModel):
    """One place in the tree. `path` is the ids from the top ("/3/17/"), `path_names` the names; triggers keep both."""

    class Level(models.TextChoices):
        CITY = "city", _("City")
        TOWN = "town", _("Town")
        AREA = "area", _("Area")
        BLOCK = "block", _("Block or sector")
        STREET = "street", _("Street")

    parent = TenantForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("inside")
    )
    level = models.CharField(_("level"), max_length=10, choices=Level.choices, default=Level.AREA)
    name = models.CharField(_("name"), max_length=80)
    branch = TenantForeignKey(
        Branch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="areas",
        verbose_name=_("branch"),
        help_text=_("Empty: the branch of the place it lies in."),
    )
    reseller_name = models.CharField(_("reseller"), max_length=80, blank=True)
    route_notes = models.TextField(_("cable route notes"), blank=True)
    is_active = models.BooleanField(_("in use"), default=True)
    path = models.CharField(max_length=120, editable=False, default="", db_collation="C")
    path_names = models.CharField(max_length=420, editable=False, default="")

    objects = AreaManager()

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        constraints = [
            models.CheckConstraint(
                name="area_level_known", condition=models.Q(level__in=["city", "town", "area", "block", "street"])
            ),
            models.CheckConstraint(name="area_has_a_name", condition=~models.Q(name="")),
        ]
        indexes = [models.Index(fields=["tenant", "path"], name="area_by_path")]

    def __str__(self) -> str:
        return self.name

    @property
    def depth(self) -> int:
        return self.path.count("/") - 2

    @property
    def ancestor_ids(self) -> list[int]:
        """From the top down, without the area itself."""
        return [int(part) for part in self.path.split("/") if part][:-1]

    @property
    def full_name(self) -> str:
        return self.path_names or self.name
