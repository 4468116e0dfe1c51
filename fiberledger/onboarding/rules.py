"""What one row of a provider's customer list means, and what is wrong with it. Asks no database.

The fault words are a contract (`fiberledger import subscribers --json`); their remedies are in words.py.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from fiberledger.access.rules import USERNAME, normal_mac
from fiberledger.access.services import fit_password
from fiberledger.imports import cells
from fiberledger.imports.cells import NOTHING, Unfit, text
from fiberledger.imports.faults import Fault
from fiberledger.subscribers import national_ids, phones
from fiberledger.subscribers.models import fold
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import Refusal

STATUS_WORDS: dict[str, Status] = {}
for _status, _words in {
    Status.ACTIVE: "active enabled on running live connected online ok yes current regular open working 1 true چالو فعال نشط actif activo hai amilifu",
    Status.SUSPENDED: "suspended suspend blocked block cut disabled expired stopped barred susp معطل بند موقوف suspendu suspendido",
    Status.INACTIVE: "inactive inactve off offline no 0 false dormant closed غیر_فعال غير_نشط inactif inactivo",
    Status.HOLD: "hold on_hold temporary_hold temp_hold paused pause vacation temporary_disconnect روکا_ہوا عارضی_روک",
    Status.TERMINATED: "left terminated terminate disconnected disconnect cancelled canceled gone churned removed deleted closed_account permanent_disconnect چھوڑ_گئے ختم ملغى ختم_شدہ",
    Status.PENDING: "pending pending_installation new waiting to_install installation in_process in_progress تنصیب_باقی",
    Status.LEAD: "lead prospect enquiry inquiry ممکنہ_گاہک",
    Status.OVERDUE: "overdue due unpaid defaulter late تاریخ_گزر_گئی",
    Status.SHIFTED: "shifted moved shifting relocated منتقل",
    Status.DISPUTED: "disputed dispute legal court legal_disputed قانونی_متنازع",
    Status.BLACKLISTED: "blacklisted blacklist banned black_list بلیک_لسٹ",
}.items():
    for _word in _words.split():
        STATUS_WORDS[_word.replace("_", " ")] = _status

VIP_WORDS = {
    **dict.fromkeys(("vip", "yes", "y", "true", "1", "haan", "ہاں", "جی ہاں", "ndiyo", "oo", "হ্যাঁ", "हाँ", "✓", "✔"), True),
    **dict.fromkeys(("no", "n", "false", "0", "nahi", "nahin", "regular", "normal", "نہیں", "hapana", "hindi", "না", "नहीं"), False),
}  # fmt: skip
LANGUAGE_WORDS = {
    **dict.fromkeys(("en", "eng", "english", "انگریزی", "انگلش"), "en"),
    **dict.fromkeys(("ur", "urd", "urdu", "اردو"), "ur"),
}
# What few lists say: most rows are spared the questions.
BESIDES = frozenset({"branch", "collector", "static_ip", "only_mac", "tags", "note", "language", "is_vip"})
LONGEST_TAG, MOST_TAGS = 40, 20
LONGEST_NOTE = 4_000

# Without a plan one may be asked for, have left, or be out of service; whoever is served is served something.
WITHOUT_PLAN = frozenset({Status.LEAD, Status.INACTIVE, Status.TERMINATED, Status.BLACKLISTED})


_USERNAME = re.compile(USERNAME)
_NUMBER = re.compile(r"[^\x00-\x1f\x7f]{1,30}")
_BETWEEN_TAGS = re.compile(r"[,;|،؛]")
_NO_DEVICE, _NO_ADDRESS = "00:00:00:00:00:00", "0.0.0.0"  # noqa: S104 - what routers write for none
_is_email = EmailValidator()


def static_address(said: str) -> str | None:
    """An IPv4 address as it is stored; None for what is none."""
    try:
        return str(ipaddress.IPv4Address(cells.ascii_digits(said)))
    except ValueError:
        return None


@lru_cache(maxsize=20_000)
def key(name: str) -> str:
    """Names of plans and places as they are compared: «home 20m», «Home 20M» and «Home20M» are one."""
    return fold(name).replace(" ", "")


@dataclass(slots=True)
class Row:
    """A row as we understood it. Every value is tidy; `area` and `plan` are ids, or None where they are to be created.

    `branch` and `collector` are ids, or None where the row names none.
    """

    line: int
    number: str = ""
    name: str = ""
    guardian: str = ""
    phone: str = ""
    phone2: str = ""
    whatsapp: str = ""
    email: str = ""
    national_id: str = ""
    city: str = ""
    area_name: str = ""
    area: int | None = None
    address: str = ""
    street_house: str = ""
    branch_name: str = ""
    branch: int | None = None
    plan_name: str = ""
    plan: int | None = None
    fee: Decimal | None = None
    status: Status = Status.ACTIVE
    installed_on: date | None = None
    username: str = ""
    password: str = ""
    static_ip: str = ""
    only_mac: str = ""
    reseller: str = ""
    collector_name: str = ""
    collector: int | None = None
    opening: Decimal = Decimal(0)
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    language: str = ""
    is_vip: bool = False


@dataclass
class Place:
    """What the rules must know of the tenant: its country, currency and day, its plans, places and people, its own demands."""

    country: str
    currency: str
    today: date
    plans: Mapping[str, int] = field(default_factory=dict)  # key(name or code) → id
    areas: Mapping[tuple[str, str], int | None] = field(
        default_factory=dict
    )  # (key(city) or "", key(area)) → id, None: several
    branches: Mapping[str, int] = field(default_factory=dict)  # key(name or code) → id
    collectors: Mapping[str, int | None] = field(default_factory=dict)  # key(name or e-mail) → id, None: several
    create_areas: bool = False
    create_plans: bool = False
    national_id_required: bool = False
    address_required: bool = False


def read_row(line: int, raw: Mapping[str, Any], place: Place) -> tuple[Row, list[Fault]]:
    """The row and everything that is wrong with it by itself, worst first. What others have is the caller's to compare."""
    row, faults = Row(line), []

    def fault(word: str, code: str) -> None:
        cell = raw.get(code, "")
        said = "" if code == "password" else cell if type(cell) is str else cell.isoformat()
        faults.append(Fault(word, code, said))

    def words(code: str, limit: int) -> str:
        value = raw.get(code)
        if not value:
            return ""
        value = text(value)
        if len(value) > limit:
            fault(f"{code.replace('_', ' ')} too long", code)
            return ""
        return value

    row.name = words("name", 120)
    if not row.name and not faults:
        fault("name missing", "name")
    try:
        row.phone = phones.normalise(raw.get("phone", ""), place.country)
    except phones.NotAPhone:
        fault("phone invalid or missing", "phone")
    for other in ("phone2", "whatsapp"):
        if (value := words(other, 40)) and value.lower() not in NOTHING:
            try:
                setattr(row, other, phones.normalise(value, place.country))
            except phones.NotAPhone:
                fault("second phone invalid" if other == "phone2" else "whatsapp invalid", other)

    row.number = words("number", 200)
    if row.number and not _NUMBER.fullmatch(row.number):
        fault("number invalid", "number")
    _identify(row, raw, place, fault, words)
    _place(row, place, fault, words)
    _contract(row, raw, place, fault, words)
    _coordinates(row, raw, fault)
    if not row.address and not row.street_house and place.address_required and row.status != Status.LEAD:
        fault("address missing", "address")
    row.guardian = words("guardian", 120)
    row.reseller = words("reseller", 80)
    if row.reseller.lower() in NOTHING:
        row.reseller = ""
    row.email = words("email", 254)
    if row.email.lower() in NOTHING:
        row.email = ""
    elif row.email:
        try:
            _is_email(row.email)
        except ValidationError:
            fault("email invalid", "email")
    if not BESIDES.isdisjoint(raw):
        _belongs(row, place, fault, words)
        _network(row, fault, words)
        _remembered(row, raw, fault, words)
    return row, faults


Say = Callable[[str, str], None]
Words = Callable[[str, int], str]


def _identify(row: Row, raw: Mapping[str, Any], place: Place, fault: Say, words: Words) -> None:
    value = words("national_id", 200)
    if value.lower() in NOTHING:
        value = ""
    if value:
        try:
            row.national_id = national_ids.normalise(value, place.country)
        except national_ids.NotAnId:
            fault("cnic invalid", "national_id")
    elif place.national_id_required:
        fault("cnic missing", "national_id")


def _place(row: Row, place: Place, fault: Say, words: Words) -> None:
    row.city, row.area_name = words("city", 80), words("area", 80)
    if row.city.lower() in NOTHING:
        row.city = ""
    if row.area_name.lower() in NOTHING:
        row.area_name = ""
        fault("area missing", "area")
    else:
        at = (key(row.city), key(row.area_name))
        if at in place.areas:
            row.area = place.areas[at]
            if row.area is None:
                fault("area ambiguous", "area")
        elif not place.create_areas:
            fault("area unknown", "area")
    row.address = words("address", 300)
    row.street_house = _something(words("street_house", 120))


def _contract(row: Row, raw: Mapping[str, Any], place: Place, fault: Say, words: Words) -> None:
    said = words("status", 60)
    if said and said.lower() not in NOTHING:
        status = STATUS_WORDS.get(" ".join(re.sub(r"[\W_]+", " ", said.lower()).split()))
        if status is None:
            fault("status unknown", "status")
        else:
            row.status = status
    row.plan_name = words("plan", 80)
    if row.plan_name.lower() in NOTHING:
        row.plan_name = ""
    if row.plan_name:
        row.plan = place.plans.get(key(row.plan_name))
        if row.plan is None and not place.create_plans:
            fault("plan unknown", "plan")
    elif row.status not in WITHOUT_PLAN:
        fault("plan missing", "plan")
    try:
        row.fee = cells.amount(raw.get("fee", ""), place.currency)
        if row.fee is None and row.plan_name and row.plan is None and place.create_plans:
            fault("fee missing", "fee")  # a plan that is created takes its price from here
    except Unfit:
        fault("fee invalid", "fee")
    try:
        row.opening = cells.amount(raw.get("opening_balance", ""), place.currency, signed=True) or Decimal(0)
    except Unfit:
        fault("opening balance invalid", "opening_balance")
    try:
        row.installed_on = cells.day(raw.get("installed_on", ""), place.country, latest=place.today)
    except Unfit:
        fault("date invalid", "installed_on")
    username = words("username", 200)
    if username.lower() not in NOTHING:
        row.username = username
        if not _USERNAME.match(username):
            fault("username invalid", "username")
    password = raw.get("password", "")
    row.password = password.strip() if type(password) is str else password.isoformat()
    if row.password:
        try:
            fit_password(row.password)
        except Refusal:
            fault("password invalid", "password")
        else:
            if not row.password.isprintable():
                fault("password invalid", "password")


def _something(value: str) -> str:
    return "" if value.lower() in NOTHING else value


def _belongs(row: Row, place: Place, fault: Say, words: Words) -> None:
    """Whose the subscriber is: a branch's, a collector's. Who has neither branches nor a team yet brings the list in without."""
    row.branch_name = _something(words("branch", 80))
    if row.branch_name:
        row.branch = place.branches.get(key(row.branch_name))
        if row.branch is None and place.branches:
            fault("branch unknown", "branch")
    row.collector_name = _something(words("collector", 254))
    if row.collector_name:
        who = key(row.collector_name)
        row.collector = place.collectors.get(who)
        if row.collector is None and place.collectors:
            fault("collector ambiguous" if who in place.collectors else "collector unknown", "collector")


def _network(row: Row, fault: Say, words: Words) -> None:
    """What a login is bound to besides its password."""
    if said := _something(words("static_ip", 60)):
        address = static_address(said)
        if address is None:
            fault("static ip invalid", "static_ip")
        elif address != _NO_ADDRESS:
            row.static_ip = address
    if said := _something(words("only_mac", 60)):
        mac = normal_mac(said)
        if not mac:
            fault("mac invalid", "only_mac")
        elif mac != _NO_DEVICE:
            row.only_mac = mac
    if (row.static_ip or row.only_mac) and not row.username:
        fault("username missing", "username")


def _remembered(row: Row, raw: Mapping[str, Any], fault: Say, words: Words) -> None:
    """What is known of the subscriber besides."""
    if cell := raw.get("tags"):
        tags: dict[str, str] = {}
        for piece in _BETWEEN_TAGS.split(text(cell)):
            if name := _something(piece.strip()):
                tags.setdefault(name.casefold(), name)
        row.tags = tuple(tags.values())
        if len(tags) > MOST_TAGS or any(len(name) > LONGEST_TAG for name in row.tags):
            fault("tags invalid", "tags")
    if cell := raw.get("note"):
        lines = cell.splitlines() if type(cell) is str else [cell]
        row.note = _something("\n".join(text(line) for line in lines).strip())
        if len(row.note) > LONGEST_NOTE:
            fault("note too long", "note")
    if said := _something(words("language", 40)):
        row.language = LANGUAGE_WORDS.get(said.lower(), "")
        if not row.language:
            fault("language unknown", "language")
    if said := _something(words("is_vip", 40)):
        vip = VIP_WORDS.get(said.lower())
        if vip is None:
            fault("vip unknown", "is_vip")
        row.is_vip = bool(vip)


def _coordinates(row: Row, raw: Mapping[str, Any], fault: Say) -> None:
    for code, limit in (("latitude", 90), ("longitude", 180)):
        try:
            setattr(row, code, cells.coordinate(raw.get(code, ""), limit))
        except cells.OutOfRange:
            return fault("coordinates out of range", code)
        except Unfit:
            return fault("coordinates invalid", code)
    if (row.latitude is None) != (row.longitude is None):
        return fault("coordinates incomplete", "latitude" if row.latitude is None else "longitude")
    if not row.latitude and not row.longitude:
        row.latitude = row.longitude = None  # 0, 0 is what a map widget says before it knows
    return None
