"""Who lives in the demo: two companies, their places, plans and people. Names are made up from common ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    name: str
    down: int  # Mbit/s
    up: int
    price: int
    weight: int
    category: str = "residential"
    burst: bool = False
    quota_gb: int = 0
    slow: int = 0  # Mbit/s when that is used up; 0: the line is stopped
    night: int = 0  # Mbit/s from ten to six, when nothing counts


@dataclass(frozen=True)
class Extra:
    """An add-on, and how many of a hundred lines take it when they are sold (or, what is used up, in a month)."""

    name: str
    kind: str
    price: int
    of_hundred: float
    mb: int | None = None
    hours: int | None = None
    mbit: int = 0
    every_period: bool = False


@dataclass(frozen=True)
class Company:
    slug: str
    name: str
    country: str
    phone: str
    address: str
    tax: tuple[str, str, bool]  # name, percent, included in the price
    branches: tuple[str, ...]
    places: dict[str, dict[str, tuple[str, ...]]]  # city → area → streets; the n-th city belongs to the n-th branch
    offers: tuple[Offer, ...]
    extras: tuple[Extra, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    collectors: tuple[str, ...]
    resellers: tuple[str, ...]
    prefixes: tuple[str, ...]  # of mobile numbers, national
    cycle: str
    methods: tuple[tuple[str, int], ...]
    begins_with: int
    grows_to: int
    color: str


BRIGHT = Company(
    slug="bright",
    name="Bright ISP",
    country="PK",
    phone="042 35761234",
    address="12 Ferozepur Road, Lahore",
    tax=("Provincial sales tax", "19.5", True),
    branches=("Lahore", "Kasur", "Raiwind"),
    places={
        "Lahore": {
            "Johar Town": ("Street 1", "Street 2", "Street 5"),
            "Model Town": ("Block C", "Block F"),
            "Samanabad": ("Main Road", "Street 9"),
            "Township": ("Sector A", "Sector B"),
            "Wapda Town": ("Phase 1", "Phase 2"),
        },
        "Kasur": {"Kot Haleem": ("Street 3", "Street 4"), "Mansoor Pura": ("Bazar Street", "Street 7")},
        "Raiwind": {"Main Bazar": ("Front Row", "Back Row"), "Sundar Road": ("Street 2", "Street 6")},
    },
    offers=(
        Offer("Home 5M", 5, 5, 1000, 20, quota_gb=150, slow=1),
        Offer("Home 10M", 10, 10, 1500, 30),
        Offer("Home 20M", 20, 20, 2200, 25, burst=True, night=40),
        Offer("Fiber 50M", 50, 50, 3500, 14, burst=True),
        Offer("Fiber 100M", 100, 100, 5500, 6),
        Offer("Biz 30M", 30, 30, 6000, 5, "business"),
    ),
    extras=(
        Extra("10 GB top-up", "data", 300, 3, mb=10_000),
        Extra("50 GB top-up", "data", 1000, 1, mb=50_000),
        Extra("Night turbo 6 h", "speed", 150, 4, hours=6, mbit=100),
        Extra("Fixed public address", "address", 500, 3, every_period=True),
        Extra("ONU rent", "service", 200, 12, every_period=True),
        Extra("Cable TV", "service", 350, 8, every_period=True),
    ),
    first_names=(
        "Ahmed",
        "Ali",
        "Asif",
        "Ayesha",
        "Bilal",
        "Fatima",
        "Farhan",
        "Hamza",
        "Hassan",
        "Hina",
        "Imran",
        "Iqra",
        "Junaid",
        "Kashif",
        "Khalid",
        "Mehwish",
        "Nadia",
        "Noman",
        "Omar",
        "Rabia",
        "Saima",
        "Sana",
        "Shahid",
        "Tariq",
        "Usman",
        "Waqas",
        "Yasir",
        "Zainab",
        "Zubair",
        "فاطمہ",
        "عمران",
        "زینب",
        "عائشہ",
        "ناصر",
        "طارق",
    ),
    last_names=(
        "Abbasi",
        "Ansari",
        "Awan",
        "Baig",
        "Bhatti",
        "Butt",
        "Chaudhry",
        "Dar",
        "Gill",
        "Khan",
        "Malik",
        "Mirza",
        "Mughal",
        "Niazi",
        "Qureshi",
        "Raja",
        "Rana",
        "Shah",
        "Sheikh",
        "Siddiqui",
        "خان",
        "قریشی",
        "شیخ",
        "بٹ",
    ),
    collectors=("Nadeem Akhtar", "Rashid Mehmood", "Sajid Hussain"),
    resellers=("Kasur Link", "Al-Madina Cable", "Speed Net Raiwind"),
    prefixes=("0300", "0301", "0311", "0321", "0322", "0333", "0345"),
    cycle="fixed",
    methods=(("cash", 72), ("bank", 12), ("wallet", 16)),
    begins_with=210,
    grows_to=640,
    color="#1d4ed8",
)

SAVANNA = Company(
    slug="savanna",
    name="Savanna Net",
    country="KE",
    phone="0712 400500",
    address="Kenyatta Avenue, Nakuru",
    tax=("VAT", "16", True),
    branches=("Nakuru", "Naivasha"),
    places={
        "Nakuru": {
            "Milimani": ("Oginga Odinga Road", "West Road"),
            "Section 58": ("Court A", "Court B"),
            "Lanet": ("Free Area", "Umoja"),
            "Pipeline": ("Plot Row", "Market"),
        },
        "Naivasha": {"Karagita": ("Lower", "Upper"), "Kabati": ("Town Side", "Lake Side")},
    },
    offers=(
        Offer("Nyumbani 5", 5, 3, 1500, 26, quota_gb=140, slow=1),
        Offer("Nyumbani 10", 10, 5, 2000, 34, quota_gb=200),
        Offer("Familia 20", 20, 10, 2999, 24, burst=True),
        Offer("Pro 40", 40, 20, 4999, 10),
        Offer("Biashara 30", 30, 30, 7500, 6, "business"),
    ),
    extras=(
        Extra("10 GB top-up", "data", 250, 3, mb=10_000),
        Extra("50 GB top-up", "data", 900, 1, mb=50_000),
        Extra("Night turbo 6 h", "speed", 100, 4, hours=6, mbit=50),
        Extra("Fixed public address", "address", 600, 3, every_period=True),
        Extra("Router rent", "service", 250, 12, every_period=True),
    ),
    first_names=(
        "Achieng",
        "Amina",
        "Brian",
        "Caroline",
        "David",
        "Esther",
        "Faith",
        "George",
        "Grace",
        "Hassan",
        "James",
        "Joyce",
        "Kevin",
        "Mary",
        "Mercy",
        "Moses",
        "Naomi",
        "Otieno",
        "Peter",
        "Purity",
        "Samuel",
        "Stephen",
        "Wanjiku",
    ),
    last_names=(
        "Kamau",
        "Kariuki",
        "Kiprotich",
        "Koech",
        "Maina",
        "Mutua",
        "Mwangi",
        "Njoroge",
        "Ochieng",
        "Odhiambo",
        "Omondi",
        "Otieno",
        "Rotich",
        "Wafula",
        "Wairimu",
        "Wambui",
        "Wanyama",
    ),
    collectors=("Joseph Mwangi", "Lilian Chebet"),
    resellers=("Lanet Wireless", "Lake Side Cyber"),
    prefixes=("0710", "0712", "0721", "0722", "0733"),
    cycle="anniversary",
    methods=(("wallet", 80), ("cash", 14), ("bank", 6)),
    begins_with=130,
    grows_to=360,
    color="#047857",
)

COMPANIES = {company.slug: company for company in (BRIGHT, SAVANNA)}
