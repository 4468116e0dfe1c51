"""The columns we look for, and what people call them."""

from __future__ import annotations

import re
from datetime import date

from django.utils.translation import gettext_lazy as _

from fiberledger.imports import cells
from fiberledger.imports.importer import Field
from fiberledger.subscribers import national_ids, phones

from .rules import STATUS_WORDS


def _is_phone(cell: str | date, country: str) -> bool:
    try:
        phones.normalise(cell, country)
    except phones.NotAPhone:
        return False
    return type(cell) is str and len(re.sub(r"\D", "", cell)) >= 9


def _is_national_id(cell: str | date, country: str) -> bool:
    try:
        return type(cell) is str and bool(national_ids.normalise(cell, country)) and len(cell) >= 6
    except national_ids.NotAnId:
        return False


def _is_amount(cell: str | date, country: str) -> bool:
    try:
        return cells.amount(cell, "PKR", signed=True) is not None
    except cells.Unfit:
        return False


def _is_day(cell: str | date, country: str) -> bool:
    if type(cell) is not str:
        return True
    try:
        return cells.day(cell, country, latest=date(2100, 1, 1)) is not None
    except cells.Unfit:
        return False


def _is_degrees(cell: str | date, country: str) -> bool:
    try:
        return cells.coordinate(cell, 180) is not None
    except cells.Unfit:
        return False


def _is_status(cell: str | date, country: str) -> bool:
    return type(cell) is str and cells.text(cell).lower() in STATUS_WORDS


SUBSCRIBER_FIELDS = (
    Field(
        "number",
        _("Number"),
        (
            "customer id",
            "customer no",
            "customer number",
            "customer code",
            "cust id",
            "client id",
            "client no",
            "subscriber id",
            "subscriber no",
            "subscriber number",
            "account no",
            "account number",
            "account id",
            "id",
            "code",
            "sr",
            "user id",
            "member id",
            "کسٹمر نمبر",
            "گاہک نمبر",
            "نمبر",
            "آئی ڈی",
            "رقم العميل",
            "رقم المشترك",
            "numéro",
            "número",
            "namba",
        ),
        help=_("Left out: they are numbered from ours."),
    ),
    Field(
        "name",
        _("Name"),
        (
            "full name",
            "customer name",
            "client name",
            "subscriber name",
            "customer",
            "subscriber",
            "client",
            "account name",
            "names",
            "first name",
            "نام",
            "کسٹمر کا نام",
            "گاہک کا نام",
            "پورا نام",
            "الاسم",
            "اسم العميل",
            "اسم المشترك",
            "nom",
            "nombre",
            "jina",
            "নাম",
            "नाम",
        ),
        required=True,
    ),
    Field(
        "guardian",
        _("Father or husband"),
        (
            "father husband",
            "father name",
            "father s name",
            "fathers name",
            "husband",
            "husband name",
            "s o",
            "s o d o w o",
            "so do wo",
            "father",
            "guardian name",
            "parent",
            "والد",
            "والد کا نام",
            "ولدیت",
            "شوہر",
            "والد شوہر",
            "اسم الأب",
        ),
    ),
    Field(
        "phone",
        _("Phone"),
        (
            "mobile no",
            "mobile",
            "mobile number",
            "phone no",
            "phone number",
            "cell",
            "cell no",
            "cell number",
            "contact",
            "contact no",
            "contact number",
            "telephone",
            "tel",
            "msisdn",
            "ph",
            "gsm",
            "فون",
            "فون نمبر",
            "موبائل",
            "موبائل نمبر",
            "رابطہ نمبر",
            "الهاتف",
            "رقم الهاتف",
            "الجوال",
            "téléphone",
            "teléfono",
            "simu",
            "মোবাইল",
            "मोबाइल",
        ),
        required=True,
        looks_like=_is_phone,
        by_content=True,
    ),
    Field(
        "phone2",
        _("Second phone"),
        (
            "phone 2",
            "mobile 2",
            "second phone",
            "alternate phone",
            "alternate no",
            "alternate number",
            "alternative number",
            "other phone",
            "other no",
            "secondary phone",
            "landline",
            "دوسرا فون",
            "دوسرا نمبر",
        ),
    ),
    Field(
        "whatsapp", _("WhatsApp"), ("whatsapp no", "whatsapp number", "whats app", "wa", "wa no", "واٹس ایپ", "واتساب")
    ),
    Field("email", _("E-mail"), ("e mail", "mail", "email address", "ای میل", "البريد الإلكتروني", "correo")),
    Field(
        "national_id",
        _("National ID"),
        (
            "cnic",
            "cnic no",
            "cnic number",
            "nic",
            "nic no",
            "nid",
            "nid no",
            "id card",
            "id card no",
            "id card number",
            "national id no",
            "national id number",
            "national identity",
            "identity no",
            "aadhaar",
            "aadhar",
            "id number",
            "شناختی کارڈ",
            "شناختی کارڈ نمبر",
            "الرقم القومي",
            "رقم الهوية",
            "kitambulisho",
        ),
        looks_like=_is_national_id,
        by_content=True,
    ),
    Field(
        "city", _("City"), ("town", "district", "city name", "شہر", "المدينة", "ville", "ciudad", "mji", "শহর", "शहर")
    ),
    Field(
        "area",
        _("Area"),
        (
            "area name",
            "locality",
            "zone",
            "sector",
            "colony",
            "mohalla",
            "muhalla",
            "neighbourhood",
            "neighborhood",
            "location area",
            "estate",
            "sub area",
            "علاقہ",
            "محلہ",
            "کالونی",
            "المنطقة",
            "الحي",
            "quartier",
            "barrio",
            "eneo",
            "এলাকা",
            "क्षेत्र",
        ),
        required=True,
    ),
    Field(
        "address",
        _("Address"),
        (
            "full address",
            "home address",
            "house address",
            "customer address",
            "installation address",
            "street address",
            "street",
            "پتہ",
            "مکمل پتہ",
            "ایڈریس",
            "العنوان",
            "adresse",
            "dirección",
            "anwani",
            "ঠিকানা",
            "पता",
        ),
    ),
    Field(
        "plan",
        _("Plan"),
        (
            "package",
            "package name",
            "plan name",
            "pkg",
            "tariff",
            "internet package",
            "service",
            "service plan",
            "profile",
            "bundle",
            "speed",
            "پیکج",
            "پیکیج",
            "پلان",
            "الباقة",
            "الخطة",
            "forfait",
            "paquete",
            "kifurushi",
            "প্যাকেজ",
        ),
    ),
    Field(
        "fee",
        _("Monthly fee"),
        (
            "fee",
            "monthly fee",
            "monthly bill",
            "monthly charges",
            "monthly rent",
            "monthly amount",
            "monthly price",
            "charges",
            "rate",
            "package price",
            "price",
            "amount",
            "mrc",
            "bill amount",
            "rent",
            "فیس",
            "ماہانہ فیس",
            "ماہانہ بل",
            "الرسوم",
            "الرسوم الشهرية",
            "ada",
        ),
        looks_like=_is_amount,
    ),
    Field(
        "status",
        _("Status"),
        (
            "customer status",
            "account status",
            "state",
            "connection status",
            "service status",
            "active inactive",
            "حالت",
            "سٹیٹس",
            "الحالة",
            "statut",
            "estado",
            "hali",
        ),
        looks_like=_is_status,
    ),
    Field(
        "installed_on",
        _("Installed on"),
        (
            "installation date",
            "install date",
            "installed",
            "date of installation",
            "connection date",
            "activation date",
            "start date",
            "joining date",
            "date of joining",
            "registration date",
            "created",
            "date",
            "doi",
            "تنصیب کی تاریخ",
            "تاریخ تنصیب",
            "تاریخ",
            "تاريخ التركيب",
            "تاريخ التفعيل",
            "date d installation",
            "fecha de instalación",
            "tarehe",
        ),
        looks_like=_is_day,
    ),
    Field(
        "username",
        _("Login name"),
        (
            "pppoe user",
            "pppoe username",
            "pppoe id",
            "pppoe",
            "user name",
            "username",
            "login",
            "login id",
            "radius user",
            "radius username",
            "internet id",
            "internet username",
            "یوزر",
            "یوزر نیم",
            "صارف",
            "اسم المستخدم",
            "utilisateur",
            "usuario",
        ),
    ),
    Field(
        "password",
        _("Login password"),
        (
            "pppoe password",
            "pppoe pass",
            "pass",
            "secret",
            "radius password",
            "پاس ورڈ",
            "كلمة المرور",
            "mot de passe",
            "contraseña",
        ),
    ),
    Field(
        "reseller",
        _("Reseller"),
        (
            "dealer",
            "franchise",
            "sub dealer",
            "reseller name",
            "dealer name",
            "agent",
            "partner",
            "distributor",
            "ڈیلر",
            "ری سیلر",
            "الموزع",
        ),
    ),
    Field(
        "opening_balance",
        _("Opening balance"),
        (
            "balance",
            "previous balance",
            "old balance",
            "arrears",
            "dues",
            "outstanding",
            "due amount",
            "pending amount",
            "remaining",
            "opening bal",
            "prev balance",
            "receivable",
            "بقایا",
            "سابقہ بقایا",
            "بیلنس",
            "الرصيد",
            "الرصيد الافتتاحي",
            "solde",
            "saldo",
        ),
        looks_like=_is_amount,
        help=_("Positive: they owe. Negative: they have paid ahead."),
    ),
    Field(
        "latitude",
        _("Latitude"),
        ("lat", "gps lat", "gps latitude", "y", "عرض بلد", "خط العرض"),
        looks_like=_is_degrees,
    ),
    Field(
        "longitude",
        _("Longitude"),
        ("lng", "lon", "long", "gps lng", "gps long", "gps longitude", "x", "طول بلد", "خط الطول"),
        looks_like=_is_degrees,
    ),
)
