from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.files.models import File
from fiberledger.identity.models import Membership
from fiberledger.identity.visibility import ScopedQuerySet
from fiberledger.ledger.models import LedgerAccount
from fiberledger.money import Money
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import current_tenant
from fiberledger.tenancy.models import (
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantOneToOneField,
    TenantQuerySet,
)

from . import phones, states
from .states import Status


class RegistrationPolicy(TenantModel):
    """What this tenant asks of a new subscriber, and how it numbers them (one row a tenant)."""

    class NationalId(models.TextChoices):
        OPTIONAL = "optional", _("Optional")
        REQUIRED = "required", _("Required")

    national_id = models.CharField(
        _("national ID"), max_length=10, choices=NationalId.choices, default=NationalId.OPTIONAL
    )
    address_required = models.BooleanField(_("address required"), default=True)
    number_prefix = models.CharField(_("number prefix"), max_length=10, default="C-", blank=True)
    number_digits = models.PositiveSmallIntegerField(
        _("digits"), default=5, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )

    class Meta:
        verbose_name = _("registration rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="registration_policy_once"),
            models.CheckConstraint(
                name="registration_policy_national_id", condition=Q(national_id__in=["optional", "required"])
            ),
        ]

    def __str__(self) -> str:
        return str(_("Registration rules"))


class Tag(TenantModel):
    """A word to group subscribers by."""

    class Colour(models.TextChoices):
        GREY = "grey", _("Grey")
        BLUE = "blue", _("Blue")
        GREEN = "green", _("Green")
        AMBER = "amber", _("Amber")
        RED = "red", _("Red")
        VIOLET = "violet", _("Violet")

    name = models.CharField(_("name"), max_length=40)
    colour = models.CharField(_("colour"), max_length=10, choices=Colour.choices, default=Colour.GREY)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="tag_name_once",
                violation_error_message=_("This tag exists already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tone(self) -> str:
        """The badge class that comes nearest to the colour in both themes."""
        return {"green": "b-good", "amber": "b-warn", "red": "b-bad", "blue": "b-info", "violet": "b-info"}.get(
            self.colour, ""
        )


class IsAnyOf(Func):
    """pk IN (the array's elements): one parameter, and no plan that walks an index in the list's order looking for them."""

    template = "(%(expressions)s::bigint[])))"
    arg_joiner = " IN (SELECT unnest("
    arity = 2
    output_field = models.BooleanField()


class SubscriberQuerySet(ScopedQuerySet["Subscriber"]):
    branch_lookup = "branch"
    area_lookup = "area"
    reseller_lookup = "reseller_name"
    collector_lookup = "collector"

    def lock(self, pk: int) -> Subscriber:
        """The subscriber, held until the transaction ends: whoever moves their money or line queues here first."""
        return self.select_for_update(no_key=True, of=("self",)).get(pk=pk)

    def lock_all(self) -> list[int]:
        """Their ids, each held as by `lock`; in order, so that no two who hold many wait for each other."""
        return list(self.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))

    def live(self) -> SubscriberQuerySet:
        return self.filter(status__in=[str(status) for status in states.LIVE])

    def archived(self) -> SubscriberQuerySet:
        return self.filter(status__in=[str(status) for status in states.OVER])

    def listed(self, columns: Collection[str] | None = None) -> SubscriberQuerySet:
        """As the list shows them, with what other rooms add to a row for the columns shown (None: for all)."""
        from .lists import with_additions

        tagged = self.prefetch_related("tags") if columns is None or "tags" in columns else self
        return with_additions(tagged, columns)

    is_cut = False

    def among(self, ids: Sequence[int], *, is_cut: bool = False) -> SubscriberQuerySet:
        """As pk__in, each looked up by its key. `is_cut` tells whoever counts that there are more than these."""
        found = self.filter(IsAnyOf(F("pk"), Value(list(ids))))
        found.is_cut = is_cut
        return found

    def _clone(self) -> SubscriberQuerySet:
        copy = super()._clone()
        copy.is_cut = self.is_cut
        return copy

    def named(self, prefix: str) -> SubscriberQuerySet:
        """Those whose name begins so; the range is one that the index answers under row-level security."""
        key = fold(prefix)
        return self.filter(name_key__gte=key, name_key__lt=key + "\U0010ffff") if key else self


class SubscriberManager(TenantManager.from_queryset(SubscriberQuerySet)):  # type: ignore[misc]
    """Sees those who were not withdrawn."""

    def get_queryset(self):
        return super().get_queryset().filter(withdrawn_at__isnull=True)


# Every list asks for it, so the lists' indexes hold it, and a count reads the index alone.
ALIVE = Q(withdrawn_at__isnull=True)


class Subscriber(TenantModel):
    """One who pays. Never deleted: who left is terminated, and can be restored.

    Who came with an import that was undone is *withdrawn*: kept for the books, seen nowhere, number and phone free again.
    """

    Status = Status

    class Kyc(models.TextChoices):
        NONE = "none", _("Not checked")
        VERIFIED = "verified", _("Verified")
        REJECTED = "rejected", _("Rejected")

    number = models.CharField(_("number"), max_length=30)
    name = models.CharField(_("name"), max_length=120)
    guardian = models.CharField(_("father or husband"), max_length=120, blank=True)
    national_id = models.CharField(_("national ID"), max_length=30, blank=True)
    phone = models.CharField(_("phone"), max_length=16)
    phone2 = models.CharField(_("second phone"), max_length=16, blank=True)
    whatsapp = models.CharField(_("WhatsApp"), max_length=16, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    branch = TenantForeignKey(
        Branch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="subscribers",
        verbose_name=_("branch"),
        db_index=False,
    )
    area = TenantForeignKey(
        Area, on_delete=models.PROTECT, related_name="subscribers", verbose_name=_("area"), db_index=False
    )
    address = models.CharField(_("address"), max_length=300, blank=True)
    street_house = models.CharField(_("street and house"), max_length=120, blank=True)
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(-90)), MaxValueValidator(Decimal(90))],
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(-180)), MaxValueValidator(Decimal(180))],
    )
    installed_on = models.DateField(_("installed on"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.LEAD)
    is_vip = models.BooleanField(_("VIP"), default=False, help_text=_("Never cut by a suspension run."))
    reseller_name = models.CharField(_("reseller"), max_length=80, blank=True)
    collector = TenantForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("collector")
    )
    receivable = TenantOneToOneField(
        LedgerAccount,
        on_delete=models.PROTECT,
        related_name="subscriber",
        editable=False,
        verbose_name=_("receivable account"),
    )
    tags = models.ManyToManyField(
        Tag, through="SubscriberTag", blank=True, related_name="subscribers", verbose_name=_("tags")
    )
    language = models.CharField(_("language"), max_length=10, blank=True)
    kyc = models.CharField(_("identity check"), max_length=10, choices=Kyc.choices, default=Kyc.NONE)
    kyc_by = models.CharField(max_length=120, blank=True, editable=False)
    kyc_at = models.DateTimeField(null=True, blank=True, editable=False)
    consent_at = models.DateTimeField(_("consent given"), null=True, blank=True)
    blacklist_reason = models.CharField(_("why blacklisted"), max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(_("registered"), default=calendar.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    name_key = models.CharField(max_length=240, editable=False, default="", db_collation="C")
    extra_search = models.TextField(editable=False, default="", blank=True)

    objects = SubscriberManager()

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "number"],
                condition=Q(withdrawn_at__isnull=True),
                name="subscriber_number_once",
                violation_error_message=_("Another subscriber has this number."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "phone"],
                condition=Q(withdrawn_at__isnull=True),
                name="subscriber_phone_once",
                violation_error_message=_("Another subscriber has this phone."),
            ),
            models.CheckConstraint(
                name="subscriber_status_known", condition=Q(status__in=[str(status) for status in states.ALL])
            ),
            models.CheckConstraint(name="subscriber_kyc_known", condition=Q(kyc__in=["none", "verified", "rejected"])),
            models.CheckConstraint(name="subscriber_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(name="subscriber_phone_is_e164", condition=Q(phone__regex=r"^\+[1-9][0-9]{5,14}$")),
            models.CheckConstraint(
                name="subscriber_place_on_earth",
                condition=Q(latitude__isnull=True)
                | Q(longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="subscriber_alive", condition=ALIVE),
            models.Index(fields=["tenant", "name_key", "id"], name="subscriber_by_name", condition=ALIVE),
            models.Index(fields=["tenant", "status", "name_key", "id"], name="subscriber_by_status", condition=ALIVE),
            models.Index(fields=["tenant", "area", "name_key", "id"], name="subscriber_by_area", condition=ALIVE),
            models.Index(fields=["tenant", "branch", "name_key", "id"], name="subscriber_by_branch", condition=ALIVE),
            models.Index(fields=["tenant", "created_at", "id"], name="subscriber_by_age", condition=ALIVE),
            models.Index(
                fields=["tenant", "national_id"], condition=~Q(national_id=""), name="subscriber_by_national_id"
            ),
            models.Index(
                fields=["tenant", "reseller_name", "name_key", "id"],
                condition=~Q(reseller_name="") & ALIVE,
                name="subscriber_by_reseller",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def state(self) -> states.State:
        return states.of(self.status)

    @property
    def shown_phone(self) -> str:
        return phones.show(self.phone, current_tenant().country)

    shown_phone.fget.short_description = _("phone")  # type: ignore[attr-defined]

    @property
    def place(self) -> str:
        """The area by its full name."""
        return self.area.path_names

    place.fget.short_description = _("area")  # type: ignore[attr-defined]

    @property
    def balance(self) -> Decimal:
        """What they owe (positive) or have paid ahead (negative)."""
        return self.receivable.balance

    @property
    def owed(self) -> Money:
        return Money(self.receivable.balance, self.receivable.currency)

    @property
    def is_archived(self) -> bool:
        return self.state.is_over


class SubscriberTag(TenantModel):
    """The subscriber bears the tag."""

    subscriber = TenantForeignKey(Subscriber, on_delete=models.CASCADE, related_name="tag_links", db_index=False)
    tag = TenantForeignKey(Tag, on_delete=models.CASCADE, related_name="subscriber_links", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "subscriber", "tag"], name="subscriber_tag_once")]
        indexes = [models.Index(fields=["tenant", "tag", "subscriber"], name="subscriber_by_tag")]


class Note(TenantModel):
    """What somebody wanted remembered about a subscriber."""

    subscriber = TenantForeignKey(Subscriber, on_delete=models.CASCADE, related_name="notes", db_index=False)
    text = models.TextField(_("note"), max_length=4000)
    is_pinned = models.BooleanField(_("pinned"), default=False)
    author_name = models.CharField(_("by"), max_length=120)
    written_at = models.DateTimeField(_("written"), default=calendar.now)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["tenant", "subscriber", "-written_at"], name="note_by_subscriber")]

    def __str__(self) -> str:
        return self.text[:60]


class DocumentQuerySet(TenantQuerySet):
    def kept(self) -> DocumentQuerySet:
        return self.filter(removed_at__isnull=True)


class Document(TenantModel):
    """A paper or picture of a subscriber's."""

    class Kind(models.TextChoices):
        PHOTO = "photo", _("Photo")
        ID_FRONT = "id_front", _("ID card, front")
        ID_BACK = "id_back", _("ID card, back")
        AGREEMENT = "agreement", _("Agreement")
        INSTALLATION = "installation", _("Installation")
        OTHER = "other", _("Other")

    subscriber = TenantForeignKey(Subscriber, on_delete=models.CASCADE, related_name="documents", db_index=False)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    file = TenantForeignKey(File, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(_("note"), max_length=200, blank=True)
    added_by = models.CharField(_("added by"), max_length=120)
    added_at = models.DateTimeField(_("added"), default=calendar.now)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TenantManager.from_queryset(DocumentQuerySet)()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.CheckConstraint(
                name="document_kind_known",
                condition=Q(kind__in=["photo", "id_front", "id_back", "agreement", "installation", "other"]),
            )
        ]
        indexes = [models.Index(fields=["tenant", "subscriber", "-added_at"], name="document_by_subscriber")]

    def __str__(self) -> str:
        return str(self.get_kind_display())


# Arabic and Urdu keyboards write one letter with several code points; zero-width marks and tatweel are invisible.
_SAME_LETTER = str.maketrans(
    "\u064a\u0649\u0643\u0629\u06c0\u0647\u06d5\u0671",
    "\u06cc\u06cc\u06a9\u06c1\u06c1\u06c1\u06c1\u0627",
    "\u200b\u200c\u200d\u200e\u200f\u0640",
)
_MARKS = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u06d6-\u06ed]")
_SPACES = re.compile(r"\s+")


def fold(text: str) -> str:
    """A name as search and sorting see it. `fold_name` in the database is the same rule; a test compares the two."""
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_SAME_LETTER).lower()
    return _SPACES.sub(" ", text).strip()
