from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import EmailValidator
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, files, jobs, ledger
from fiberledger.places.models import Area
from fiberledger.places.services import branch_for, branches_of
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id, numbers

from . import national_ids, phones, states
from .events import SubscribersRegistered
from .models import Document, Note, RegistrationPolicy, Subscriber, SubscriberTag, Tag, fold
from .states import Status

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field, in words for the person who typed it. `other` is the subscriber that is in the way."""

    field: str
    code: str
    text: str
    other: int | None = None


class RegistrationRefused(Refusal):
    """Some rows may not be registered; `faults` says which (by position) and why. Nothing was stored."""

    def __init__(self, faults: dict[int, list[Fault]]) -> None:
        self.faults = faults
        super().__init__(next(fault.text for found in faults.values() for fault in found))


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A subscriber to be registered. `number` empty: the tenant's next one. `branch_id` None: the area's branch."""

    name: str
    phone: str
    area_id: int | None
    number: str = ""
    guardian: str = ""
    national_id: str = ""
    phone2: str = ""
    whatsapp: str = ""
    email: str = ""
    branch_id: int | None = None
    address: str = ""
    street_house: str = ""
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    installed_on: date | None = None
    status: str = Status.LEAD
    is_vip: bool = False
    reseller_name: str = ""
    collector_id: int | None = None
    language: str = ""
    consent_at: datetime | None = None
    extra_search: str = ""
    tag_ids: tuple[int, ...] = field(default=())


_STORED = [f.name for f in fields(NewSubscriber) if f.name != "tag_ids"]
_stored = attrgetter(*_STORED)
_SAYS_NOTHING = ("", None, False)
_TYPES = {
    "area_id": "bigint",
    "branch_id": "bigint",
    "collector_id": "bigint",
    "latitude": "numeric",
    "longitude": "numeric",
    "installed_on": "date",
    "is_vip": "boolean",
    "consent_at": "timestamptz",
}
_LONGEST = {"name": 120, "number": 30, "guardian": 120, "address": 300, "street_house": 120, "reseller_name": 80}


def policy() -> RegistrationPolicy:
    """The tenant's registration rules."""
    return RegistrationPolicy.objects.get_or_create()[0]


def provision() -> None:
    """Registration rules as most shops want them."""
    policy()


# --- Rules ---------------------------------------------------------------------------------------------------------


def clean(new: NewSubscriber, rules: RegistrationPolicy, country: str) -> tuple[NewSubscriber, list[Fault]]:
    """The row as it will be stored, and what is wrong with it by itself. Asks no database."""
    faults: list[Fault] = []
    put: dict[str, Any] = {}
    for name in _STORED:
        value = getattr(new, name)
        if isinstance(value, str):
            put[name] = " ".join(value.replace("\0", "").split()) if name != "extra_search" else value
            if name in _LONGEST and len(put[name]) > _LONGEST[name]:
                faults.append(Fault(name, "too long", _("At most %d characters fit here.") % _LONGEST[name]))
    if not put["name"]:
        faults.append(Fault("name", "name missing", _("Enter the subscriber's name.")))
    for name in ("phone", "phone2", "whatsapp"):
        if put[name] or name == "phone":
            try:
                put[name] = phones.normalise(put[name], country)
            except phones.NotAPhone:
                text = _("Enter a phone number such as %s.") % example_phone(country)
                faults.append(Fault(name, "phone invalid", text))
    kind = national_ids.kind(country)
    try:
        put["national_id"] = national_ids.normalise(put["national_id"], country)
    except national_ids.NotAnId:
        text = _("This is no %(kind)s; it looks like %(example)s.") % {"kind": kind.label, "example": kind.example}
        faults.append(Fault("national_id", "national id invalid", text if kind.example else _("This is no ID number.")))
    else:
        if not put["national_id"] and rules.national_id == RegistrationPolicy.NationalId.REQUIRED:
            faults.append(Fault("national_id", "national id missing", _("The %s is required.") % kind.label))
    if not new.area_id:
        faults.append(Fault("area_id", "area missing", _("Choose the area.")))
    if rules.address_required and not put["address"] and not put["street_house"] and new.status != Status.LEAD:
        faults.append(Fault("address", "address missing", _("Enter the address.")))
    if put["email"]:
        try:
            EmailValidator()(put["email"])
        except ValidationError:
            faults.append(Fault("email", "email invalid", _("Enter an e-mail address such as name@example.org.")))
    for name, bound in (("latitude", 90), ("longitude", 180)):
        value = getattr(new, name)
        if value is not None:
            if not value.is_finite() or abs(value) > bound:
                faults.append(
                    Fault(name, "coordinates out of range", _("This lies between −%(b)d and %(b)d.") % {"b": bound})
                )
            else:
                put[name] = value.quantize(Decimal("0.000001"))
    if new.status not in Status.values:
        faults.append(Fault("status", "status unknown", _("There is no status “%s”.") % new.status))
    return replace(new, **put), faults


def example_phone(country: str) -> str:
    return {"PK": "0300 1234567", "KE": "0712 345678", "IN": "098765 43210", "BD": "01712-345678"}.get(
        country, "+15551234567"
    )


def taken_phones(e164: Iterable[str]) -> dict[str, Subscriber]:
    """Which of these phones a subscriber has already, and who."""
    return {found.phone: found for found in _any_of("phone", e164).only(*_BRIEF)}


def taken_numbers(given: Iterable[str]) -> dict[str, Subscriber]:
    return {found.number: found for found in _any_of("number", given).only(*_BRIEF)}


class Known(NamedTuple):
    number: str
    phone: str
    name: str


def known_as(given: Iterable[str], e164: Iterable[str]) -> list[Known]:
    """Everybody who bears one of these numbers or phones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT number, phone, name FROM subscribers_subscriber
                WHERE tenant_id = %(tenant)s AND withdrawn_at IS NULL AND number = ANY(%(numbers)s)
               UNION
               SELECT number, phone, name FROM subscribers_subscriber
                WHERE tenant_id = %(tenant)s AND withdrawn_at IS NULL AND phone = ANY(%(phones)s)""",
            {"tenant": current_tenant_id(), "numbers": list(given), "phones": list(e164)},
        )
        return [Known(*row) for row in cursor.fetchall()]


def _any_of(column: str, values: Iterable[Any]) -> Any:
    """Subscribers with one of these values, handed over as one array: thousands of placeholders cost more than the query."""
    where = f"subscribers_subscriber.{column} = ANY(%s)"
    return Subscriber.objects.extra(where=[where], params=[list(values)])  # noqa: S610 - a column of ours


_BRIEF = ("id", "tenant_id", "number", "name", "phone", "national_id", "status")


def same_national_id(ids: Iterable[str]) -> dict[str, list[Subscriber]]:
    """Subscribers who bear one of these national ids: a warning, and a refusal where one of them is blacklisted."""
    found: dict[str, list[Subscriber]] = {}
    wanted = [national_id for national_id in ids if national_id]
    if wanted:
        for other in _any_of("national_id", wanted).only(*_BRIEF):
            found.setdefault(other.national_id, []).append(other)
    return found


def _check_against_others(rows: Sequence[NewSubscriber], by: Any) -> dict[int, list[Fault]]:
    faults: dict[int, list[Fault]] = {}
    by_phone, by_number = (
        taken_phones(row.phone for row in rows),
        taken_numbers(row.number for row in rows if row.number),
    )
    by_id = same_national_id(row.national_id for row in rows)
    also = [phone for row in rows for phone in (row.phone, row.phone2, row.whatsapp) if phone]
    barred = {
        phone
        for other in Subscriber.objects.filter(status=Status.BLACKLISTED)
        .extra(where=["(phone = ANY(%s) OR phone2 = ANY(%s) OR whatsapp = ANY(%s))"], params=[also] * 3)
        .values_list("phone", "phone2", "whatsapp")
        for phone in other
        if phone
    }
    seen_phones: dict[str, int] = {}
    seen_numbers: dict[str, int] = {}
    may_forgive = by.may("subscribers.blacklist")
    for at, row in enumerate(rows):
        mine: list[Fault] = []
        if other := by_phone.get(row.phone):
            mine.append(duplicate_phone(other))
        elif row.phone in seen_phones:
            mine.append(Fault("phone", "phone duplicate", _("This phone occurs twice.")))
        seen_phones.setdefault(row.phone, at)
        if row.number:
            if other := by_number.get(row.number):
                text = _("Number %(number)s belongs to %(name)s.") % {"number": row.number, "name": other.name}
                mine.append(Fault("number", "number duplicate", text, other.pk))
            elif row.number in seen_numbers:
                mine.append(Fault("number", "number duplicate", _("This number occurs twice.")))
            seen_numbers.setdefault(row.number, at)
        if not may_forgive:
            bad = next((o for o in by_id.get(row.national_id, ()) if o.status == Status.BLACKLISTED), None)
            if bad or barred.intersection((row.phone, row.phone2, row.whatsapp)) - {""}:
                text = _("This person is blacklisted; registering them anew needs permission.")
                mine.append(Fault("national_id" if bad else "phone", "blacklisted", text, bad.pk if bad else None))
        if mine:
            faults[at] = mine
    return faults


def duplicate_phone(other: Subscriber) -> Fault:
    text = _("%(phone)s belongs to %(number)s %(name)s (%(status)s).") % {
        "phone": phones.show(other.phone),
        "number": other.number,
        "name": other.name,
        "status": other.get_status_display().lower(),
    }
    return Fault("phone", "phone duplicate", text, other.pk)


def warnings_for(new: NewSubscriber, besides: int | None = None) -> list[Fault]:
    """What does not forbid registering but should be looked at: somebody else with the same national id."""
    others = [o for o in same_national_id([new.national_id]).get(new.national_id, []) if o.pk != besides]
    return [
        Fault(
            "national_id",
            "national id duplicate",
            _("The same ID number is on %(number)s %(name)s.") % {"number": other.number, "name": other.name},
            other.pk,
        )
        for other in others[:3]
    ]


# --- Registering ---------------------------------------------------------------------------------------------------


def register(new: NewSubscriber, *, by: Any) -> Subscriber:
    """Register one subscriber, with a receivable account and a number of their own.

    Raises RegistrationRefused (a Refusal): a fault per field, the one with the same phone named. Two clerks who
    register the same phone at once: one succeeds, the other is told of the first.
    """
    [pk] = register_many([new], by=by)
    return Subscriber.objects.select_related("receivable", "area", "branch").get(pk=pk)


@transaction.atomic
def register_many(
    rows: Sequence[NewSubscriber], *, by: Any, action: str = "subscriber.registered", checked: bool = False
) -> list[int]:
    """Register many as one: all, or (RegistrationRefused) none. Returns their ids in the order given.

    `checked` is for an import, which has just held each row against the same rules and the same others to give it a
    verdict; what somebody registered since then is still refused, by the database.
    """
    if not rows:
        return []
    tenant, rules = current_tenant(), policy()
    cleaned, faults = list(rows), {}
    if not checked:
        for at, row in enumerate(rows):
            cleaned[at], found = clean(row, rules, tenant.country)
            if found:
                faults[at] = found
        if faults := faults or _check_against_others(cleaned, by):
            raise RegistrationRefused(faults)
    records = [dict(zip(_STORED, _stored(row), strict=True)) for row in cleaned]
    branch = _branches_for([row.area_id for row in cleaned])
    for record in records:
        record["branch_id"] = record["branch_id"] or branch[record["area_id"]]
    _give_numbers(records, rules)
    try:
        with transaction.atomic():
            ids = [pk for start in range(0, len(records), _CHUNK) for pk in _insert(records[start : start + _CHUNK])]
    except IntegrityError as error:  # someone was faster between our look and our write
        if "subscriber_phone_once" in str(error) or "subscriber_number_once" in str(error):
            numbered = [replace(row, number=record["number"]) for row, record in zip(cleaned, records, strict=True)]
            faults = _check_against_others(numbered, by) or {
                0: [Fault("phone", "phone duplicate", _("Somebody registered this phone a moment ago."))]
            }
            raise RegistrationRefused(faults) from error
        raise
    SubscriberTag.objects.bulk_create(
        (
            SubscriberTag(subscriber_id=pk, tag_id=tag)
            for pk, row in zip(ids, cleaned, strict=True)
            for tag in row.tag_ids
        ),
        ignore_conflicts=True,
        batch_size=_CHUNK,
    )
    audit.note_many(
        by,
        action,
        (
            (
                "subscribers.subscriber",
                pk,
                f"{record['number']} {record['name']}",
                None,
                {name: value for name, value in record.items() if value not in _SAYS_NOTHING},
            )
            for pk, record in zip(ids, records, strict=True)
        ),
    )
    for start in range(0, len(ids), 1000):
        jobs.publish(SubscribersRegistered(ids[start : start + 1000]))
    return ids


def _branches_for(area_ids: Sequence[int | None]) -> dict[int | None, int | None]:
    """Area id → the id of the branch that serves it. Raises RegistrationRefused for areas that are not there."""
    areas = list(Area.objects.filter(pk__in=set(area_ids)))
    branch: dict[int | None, int | None] = dict(branches_of(areas).items())
    text = _("There is no such area.")
    faults = {at: [Fault("area_id", "area missing", text)] for at, pk in enumerate(area_ids) if pk not in branch}
    if faults:
        raise RegistrationRefused(faults)
    return branch


def _give_numbers(records: list[dict[str, Any]], rules: RegistrationPolicy) -> None:
    missing = [record for record in records if not record["number"]]
    given = {record["number"] for record in records if record["number"]}
    while missing:
        fresh = [f"{rules.number_prefix}{n:0{rules.number_digits}d}" for n in numbers.take("subscriber", len(missing))]
        used = given.union(taken_numbers(fresh))  # numbers given by hand may lie ahead of the sequence
        free = [number for number in fresh if number not in used]
        for record, number in zip(missing, free, strict=False):
            record["number"] = number
        missing = missing[len(free) :]


def _account_code(number: str) -> str:
    return f"1200-{number}"


def _insert(records: Sequence[dict[str, Any]]) -> list[int]:
    accounts = ledger.open_party_accounts(
        [(_account_code(record["number"]), record["name"]) for record in records], current_tenant().currency
    )
    columns = ", ".join(_STORED)
    arrays = ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in _STORED)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO subscribers_subscriber
                  (tenant_id, receivable_id, created_at, kyc, kyc_by, blacklist_reason, name_key, {columns})
                SELECT %s, new.receivable_id, %s, 'none', '', '', '', {", ".join(f"new.{name}" for name in _STORED)}
                  FROM unnest(%s::bigint[], {arrays}) WITH ORDINALITY AS new (receivable_id, {columns}, place)
                 ORDER BY new.place
                RETURNING number, id""",
            [
                current_tenant_id(),
                calendar.now(),
                [accounts[_account_code(record["number"])] for record in records],
                *([record[name] for record in records] for name in _STORED),
            ],
        )
        by_number = dict(cursor.fetchall())
    return [by_number[record["number"]] for record in records]


# --- Changing ------------------------------------------------------------------------------------------------------

EDITABLE = (
    "number",
    "name",
    "guardian",
    "national_id",
    "phone",
    "phone2",
    "whatsapp",
    "email",
    "area_id",
    "branch_id",
    "address",
    "street_house",
    "latitude",
    "longitude",
    "installed_on",
    "is_vip",
    "reseller_name",
    "collector_id",
    "language",
    "consent_at",
)


@transaction.atomic
def edit(subscriber: Subscriber, changes: dict[str, Any], *, by: Any) -> Subscriber:
    """Change a subscriber's particulars, by the same rules as registering. Keys are those of EDITABLE.

    Who had the area's branch has the new area's after a move. Raises RegistrationRefused.
    """
    subscriber = Subscriber.objects.lock(subscriber.pk)
    unknown = set(changes) - set(EDITABLE)
    if unknown:
        raise TypeError(f"edit() does not change {', '.join(sorted(unknown))}")
    before = {name: getattr(subscriber, name) for name in EDITABLE}
    wanted = NewSubscriber(**{**before, **changes}, status=subscriber.status)
    if not wanted.number:
        wanted = replace(wanted, number=subscriber.number)
    tidy, faults = clean(wanted, policy(), current_tenant().country)
    # What an import or an older rule left behind does not stand in the way of changing something else.
    faults = [
        fault
        for fault in faults
        if fault.field in changes or fault.code not in ("address missing", "national id missing")
    ]
    if not faults:
        if tidy.phone != subscriber.phone and (other := taken_phones([tidy.phone]).get(tidy.phone)):
            faults.append(duplicate_phone(other))
        if tidy.number != subscriber.number and (other := taken_numbers([tidy.number]).get(tidy.number)):
            text = _("Number %(number)s belongs to %(name)s.") % {"number": tidy.number, "name": other.name}
            faults.append(Fault("number", "number duplicate", text, other.pk))
    if faults:
        raise RegistrationRefused({0: faults})
    moved = tidy.area_id != subscriber.area_id and tidy.branch_id == subscriber.branch_id
    if tidy.branch_id is None or (moved and branch_for(subscriber.area) == subscriber.branch_id):
        tidy = replace(tidy, branch_id=_branches_for([tidy.area_id])[tidy.area_id])
    changed = [name for name in EDITABLE if getattr(tidy, name) != before[name]]
    if not changed:
        return subscriber
    for name in changed:
        setattr(subscriber, name, getattr(tidy, name))
    try:
        with transaction.atomic():
            subscriber.save(update_fields=changed)
    except IntegrityError as error:
        if "subscriber_phone_once" in str(error):
            other = taken_phones([tidy.phone]).get(tidy.phone)
            fault = duplicate_phone(other) if other else Fault("phone", "phone duplicate", _("This phone is taken."))
            raise RegistrationRefused({0: [fault]}) from error
        if "subscriber_number_once" in str(error):
            raise RegistrationRefused({0: [Fault("number", "number duplicate", _("This number is taken."))]}) from error
        raise
    if {"number", "name"} & set(changed):
        account = subscriber.receivable
        account.code, account.name = _account_code(subscriber.number), subscriber.name
        account.save(update_fields=["code", "name"])
    audit.note(
        by,
        "subscriber.changed",
        subscriber,
        before={name: before[name] for name in changed},
        after={name: getattr(subscriber, name) for name in changed},
    )
    return subscriber


@transaction.atomic
def set_kyc(subscriber: Subscriber, verdict: str, *, by: Any) -> None:
    """Record that the identity was checked, and by whom."""
    subscriber = Subscriber.objects.lock(subscriber.pk)
    before = subscriber.kyc
    subscriber.kyc = Subscriber.Kyc(verdict)
    subscriber.kyc_by, subscriber.kyc_at = by.name, calendar.now()
    subscriber.save(update_fields=["kyc", "kyc_by", "kyc_at"])
    audit.note(by, "subscriber.identity_checked", subscriber, before={"kyc": before}, after={"kyc": verdict})


@transaction.atomic
def tag(subscribers: Iterable[Subscriber | int], name: str, *, by: Any, colour: str = Tag.Colour.GREY) -> int:
    """Put a tag on many, making it if it is new; returns how many did not have it."""
    name = " ".join(name.split())
    if not name or len(name) > 40:
        raise Refusal(_("Give the tag a name of at most 40 characters."))
    word = Tag.objects.filter(name__iexact=name).first() or Tag.objects.create(name=name, colour=colour)
    ids: list[Any] = [getattr(one, "pk", one) for one in subscribers]
    have = set(SubscriberTag.objects.filter(tag=word, subscriber__in=ids).values_list("subscriber_id", flat=True))
    new = [pk for pk in ids if pk not in have]
    SubscriberTag.objects.bulk_create(
        (SubscriberTag(subscriber_id=pk, tag=word) for pk in new), ignore_conflicts=True, batch_size=_CHUNK
    )
    _note_each(by, "subscriber.tagged", new, {"tag": word.name})
    return len(new)


def tags_named(names: Iterable[str], *, by: Any) -> tuple[dict[str, int], list[int]]:
    """Tags for many words at once, whatever their capitals: ids by the word in small letters, and those that were made."""
    wanted = {name.casefold(): name for name in names}

    def known() -> dict[str, int]:
        ids: dict[str, int] = {}
        for pk, name in Tag.objects.order_by("id").values_list("pk", "name"):
            ids.setdefault(name.casefold(), pk)
        return ids

    before = known()
    new = [name for word, name in wanted.items() if word not in before]
    if not new:
        return before, []
    Tag.objects.bulk_create((Tag(name=name) for name in new), ignore_conflicts=True)
    ids = known()
    made = [(ids[name.casefold()], name) for name in new]
    audit.note_many(by, "tag.created", (("subscribers.tag", pk, name, None, {"name": name}) for pk, name in made))
    return ids, [pk for pk, _name in made]


@transaction.atomic
def untag(subscribers: Iterable[Subscriber | int], word: Tag, *, by: Any) -> int:
    ids: list[Any] = [getattr(one, "pk", one) for one in subscribers]
    gone = list(SubscriberTag.objects.filter(tag=word, subscriber__in=ids).values_list("subscriber_id", flat=True))
    SubscriberTag.objects.filter(tag=word, subscriber__in=gone).delete()
    _note_each(by, "subscriber.untagged", gone, {"tag": word.name})
    return len(gone)


def _note_each(by: Any, action: str, ids: Sequence[int], after: dict[str, Any]) -> None:
    audit.note_many(
        by,
        action,
        (("subscribers.subscriber", pk, f"{number} {name}", None, after) for pk, number, name in _labels(ids)),
    )


@transaction.atomic
def add_note(subscriber: Subscriber, text: str, *, by: Any, pinned: bool = False) -> Note:
    """Write something down about a subscriber."""
    text = text.replace("\0", "").strip()
    if not text:
        raise Refusal(_("Write something first."))
    note = Note.objects.create(subscriber=subscriber, text=text[:4000], is_pinned=pinned, author_name=by.name)
    audit.note(by, "subscriber.noted", subscriber, after={"note": note.text[:200]})
    return note


@transaction.atomic
def add_notes(texts: Mapping[int, str], *, by: Any) -> list[int]:
    """One note on each of many subscribers, for imports: id → text. Returns the notes' ids."""
    notes = Note.objects.bulk_create(
        (Note(subscriber_id=pk, text=text, author_name=by.name[:120]) for pk, text in texts.items()), batch_size=_CHUNK
    )
    labels = {pk: f"{number} {name}" for pk, number, name in _labels(list(texts))}
    audit.note_many(
        by,
        "subscriber.noted",
        (("subscribers.subscriber", pk, labels[pk], None, {"note": text[:200]}) for pk, text in texts.items()),
    )
    return [note.pk for note in notes]


@transaction.atomic
def remove_notes(ids: Sequence[int], *, by: Any) -> None:
    """Take notes away that an import brought; the audit log keeps what they said."""
    notes = list(Note.objects.filter(pk__in=ids).values_list("subscriber_id", "text", "author_name"))
    labels = {pk: f"{number} {name}" for pk, number, name in _labels([note[0] for note in notes])}
    audit.note_many(
        by,
        "subscriber.note_removed",
        (
            ("subscribers.subscriber", pk, labels[pk], {"note": text, "author": author}, None)
            for pk, text, author in notes
        ),
    )
    Note.objects.filter(pk__in=ids).delete()


def _labels(ids: Sequence[int]) -> Iterable[tuple[int, str, str]]:
    return Subscriber.objects.filter(pk__in=ids).values_list("pk", "number", "name")


@transaction.atomic
def remove_note(note: Note, *, by: Any) -> None:
    """Take a note away; the audit log keeps what it said."""
    audit.note(by, "subscriber.note_removed", note.subscriber, before={"note": note.text, "author": note.author_name})
    note.delete()


@transaction.atomic
def add_document(subscriber: Subscriber, upload: UploadedFile, *, kind: str, by: Any, note: str = "") -> Document:
    """Keep a paper or picture of the subscriber's. Raises Refusal for what is neither, too large, or broken."""
    pictures_only = kind in (Document.Kind.PHOTO, Document.Kind.ID_FRONT, Document.Kind.ID_BACK)
    accept = files.PICTURES if pictures_only else files.PICTURES | files.PAPERS
    stored = files.store(upload, accept=accept, by=by)
    document = Document.objects.create(
        subscriber=subscriber, kind=Document.Kind(kind), file=stored, note=note[:200], added_by=by.name
    )
    audit.note(
        by,
        "subscriber.document_added",
        subscriber,
        after={"kind": kind, "file": stored.name, "sha256": stored.sha256},
    )
    return document


@transaction.atomic
def remove_document(document: Document, *, by: Any) -> None:
    """Put a document away. It can be brought back: the bytes stay."""
    if Document.objects.filter(pk=document.pk, removed_at__isnull=True).update(removed_at=calendar.now()):
        audit.note(by, "subscriber.document_removed", document.subscriber, before={"file": document.file.name})


@transaction.atomic
def restore_document(document: Document, *, by: Any) -> None:
    if Document.objects.filter(pk=document.pk, removed_at__isnull=False).update(removed_at=None):
        audit.note(by, "subscriber.document_restored", document.subscriber, after={"file": document.file.name})


@transaction.atomic
def withdraw(ids: Iterable[int], *, by: Any) -> int:
    """Take subscribers back who should never have come: the undo of their import. Their rows stay for the books, are
    seen nowhere and tagged with nothing any more, and their numbers and phones are free again.

    The caller has made sure that nothing depends on them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE subscribers_subscriber SET withdrawn_at = %s, status = 'terminated'
                WHERE id = ANY(%s::bigint[]) AND withdrawn_at IS NULL RETURNING id, number, name, receivable_id""",
            [calendar.now(), list(ids)],
        )
        gone = cursor.fetchall()
        cursor.execute(
            "DELETE FROM subscribers_subscribertag WHERE tenant_id = %s AND subscriber_id = ANY(%s::bigint[])",
            [current_tenant_id(), [row[0] for row in gone]],
        )
        cursor.execute(
            "UPDATE ledger_ledgeraccount SET code = left(code, 24) || '~' || id WHERE id = ANY(%s::bigint[])",
            [[row[3] for row in gone]],
        )
    audit.note_many(
        by,
        "subscriber.withdrawn",
        (("subscribers.subscriber", pk, f"{number} {name}", None, None) for pk, number, name, _account in gone),
    )
    return len(gone)


def also_found_by(words: Mapping[int, str]) -> None:
    """Words of other rooms (usernames, device addresses) that subscribers are to be found by: id → all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE subscribers_subscriber s SET extra_search = w.words FROM unnest(%s::bigint[], %s::text[]) w (id, words)
                WHERE s.tenant_id = %s AND s.id = w.id AND s.extra_search <> w.words""",
            [list(words), [words[pk] for pk in words], current_tenant_id()],
        )


def search(text: str, *, actor: Any, limit: int = 20) -> list[int]:
    """Ids of the subscribers that match, best first, among those the actor may see."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM subscriber_search(%s, %s, %s::bigint[], %s::bigint[], %s::text[], %s::bigint) ORDER BY rank",
            [
                text.replace("\0", "")[:80],
                limit,
                *(
                    None if ids is None else sorted(ids)
                    for ids in (actor.branch_ids, actor.area_ids, actor.reseller_names)
                ),
                actor.membership_id if actor.only_assigned else None,
            ],
        )
        return [row[0] for row in cursor.fetchall()]


def find(text: str, *, actor: Any, limit: int = 20) -> list[Subscriber]:
    """The subscribers that match, best first: name, any part of a phone, number, national id, username."""
    ids = search(text, actor=actor, limit=limit)
    found = Subscriber.objects.visible_to(actor).select_related("area", "receivable").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


# So many that match are looked at; of more, a list says "500+" and asks for another letter.
MOST_FOUND = 500


def matching(subscribers: Any, text: str, actor: Any) -> Any:
    """Narrow a queryset to those that match: for lists, which sort and page by themselves.

    Where more names begin so than are worth looking up, they are a range of the name index, and all of them are listed.
    """
    text = text.replace("\0", "").strip()[:80]
    key = fold(text)
    if not key:
        return subscribers
    is_name = not any(char.isdigit() or char in "._@:-" for char in key)
    if is_name and Subscriber.objects.named(text).order_by()[: MOST_FOUND + 1].count() > MOST_FOUND:
        return subscribers.named(text)
    ids = search(text, actor=actor, limit=MOST_FOUND + 1)
    return subscribers.among(ids[:MOST_FOUND], is_cut=len(ids) > MOST_FOUND)


def reseller_names() -> list[str]:
    """The resellers that subscribers name, by a walk of the index from one name to the next."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH RECURSIVE seen AS (
                 (SELECT reseller_name FROM subscribers_subscriber
                   WHERE tenant_id = %(tenant)s AND withdrawn_at IS NULL AND reseller_name <> '' ORDER BY reseller_name LIMIT 1)
                 UNION ALL
                 SELECT (SELECT b.reseller_name FROM subscribers_subscriber b
                          WHERE b.tenant_id = %(tenant)s AND b.withdrawn_at IS NULL AND b.reseller_name <> '' AND b.reseller_name > seen.reseller_name
                          ORDER BY b.reseller_name LIMIT 1)
                   FROM seen WHERE seen.reseller_name IS NOT NULL)
               SELECT reseller_name FROM seen WHERE reseller_name IS NOT NULL LIMIT 500""",
            {"tenant": current_tenant_id()},
        )
        return [row[0] for row in cursor.fetchall()]


def status_counts(subscribers: Any) -> dict[str, int]:
    """How many stand in each status."""
    from django.db.models import Count

    return dict(subscribers.order_by().values_list("status").annotate(Count("id")))


assert set(states.SHOWN_FIRST) == set(states.ALL)
