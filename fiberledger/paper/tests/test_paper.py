from io import BytesIO

import pytest
from pypdf import PdfReader

from fiberledger.paper import Column, Document, Party, Report, Size, qr, render, render_many

SELLER = Party("Bright ISP", ("12 Ferozepur Road, Lahore",))


def bill(**changes) -> Document:
    return Document(
        **{
            "title": "Invoice",
            "number": "INV-7",
            "seller": SELLER,
            "buyer": Party("Asha Khan", ("C-1007",)),
            "facts": (("Due", "10 Nov 2026"),),
            "columns": (Column("Description"), Column("Amount", True)),
            "rows": (("Home 20M\n1–30 Nov", "2,200.00"),),
            "totals": (("Tax", "0.00"), ("Total", "Rs 2,200.00")),
            "qr": "https://bright.example/pay/7",
            **changes,
        }
    )


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


@pytest.mark.parametrize("size", Size)
def test_every_size_carries_the_whole_bill(size):
    (page,) = pages(render(bill(), size=size))
    for text in ("Bright ISP", "INV-7", "Asha Khan", "Home 20M", "2,200.00"):
        assert text in page


def test_rolls_are_as_wide_as_their_paper():
    for size, width in ((Size.ROLL_80, 80), (Size.ROLL_58, 58)):
        page = PdfReader(BytesIO(render(bill(), size=size))).pages[0]
        assert abs(float(page.mediabox.width) / 72 * 25.4 - width) < 0.1


@pytest.mark.parametrize("name", ["فاطمہ شیخ", "মোঃ রহিম", "आशा शर्मा", "Jean–Luc Ōkubo", "#[x] $y$ */ `z` \\"])
def test_any_name_is_set_as_it_is_written(name):
    pdf = render(bill(buyer=Party(name)), language="ur")
    assert pdf.startswith(b"%PDF")
    if name.isascii():
        assert name in pages(pdf)[0]


def test_many_papers_make_one_file_a_page_each():
    assert len(pages(render_many([bill(number=f"INV-{n}") for n in range(5)]))) == 5


def test_a_long_report_repeats_its_header_on_every_page():
    rows = tuple((f"Collector {n}", str(n)) for n in range(200))
    report = Report("Collection", SELLER, (Column("Collector"), Column("Amount", True)), rows, totals=("Total", "9"))
    every = pages(render(report))
    assert len(every) > 2
    assert all("Collector" in page and "Amount" in page for page in every)
    assert "Collector 199" in every[-1]


def test_the_code_is_a_square_of_modules():
    modules = qr("https://bright.example/pay/7")
    side = int(len(modules) ** 0.5)
    assert side * side == len(modules)
    assert set(modules) == {0, 255}
