"""Invoices as A4 pages, one file each: read from the database, set by Typst. With an Urdu name and language, and without.

The floor is Typst alone: the same template compiled with data that was made before the clock started.
"""

import resource
import time
import uuid
from dataclasses import asdict
from datetime import date
from decimal import Decimal

NAME = "invoice-pdf"


def run(size):
    import django

    django.setup()
    for script in ("latin", "urdu"):
        yield {"script": script, **_set(size or 10_000, script)}


def _set(size, script):
    from fiberledger.billing import paper as billing_paper
    from fiberledger.billing.models import Invoice
    from fiberledger.tenancy import tenant_scope

    tenant = _tenant(script)
    with tenant_scope(tenant.pk):
        invoices = list(Invoice.objects.order_by("pk"))
        documents = [billing_paper.paper_data(invoice) for invoice in invoices]
        words = {"language": "ur", "dir": "rtl"} if script == "urdu" else {"language": "en", "dir": "ltr"}
        floor = _typst_alone(documents, words, min(size, 500))
        for invoice in invoices:
            billing_paper.invoice_pdf(invoice)
        began = time.perf_counter()
        for number in range(size):
            billing_paper.invoice_pdf(Invoice.objects.get(pk=invoices[number % len(invoices)].pk))
        seconds = time.perf_counter() - began
    return {
        "size": size,
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor * size, 2),
        "ratio": round(seconds / (floor * size), 2),
        "ms_each": round(seconds / size * 1000, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _typst_alone(documents, words, count):
    """Seconds a page."""
    import typst

    from fiberledger.paper import press, qr

    compiler = typst.Compiler(root="/", font_paths=[str(press._HERE / "fonts")], ignore_system_fonts=True)
    sources = []
    for document in documents:
        page = asdict(document)
        page["qr"] = qr(page["qr"]) if page["qr"] else ""
        data = {**words, "width": "", "pages": [page]}
        sources.append(press.source("document", data).encode())
    compiler.compile(input=sources[0], format="pdf")
    began = time.perf_counter()
    for number in range(count):
        compiler.compile(input=sources[number % len(sources)], format="pdf")
    return (time.perf_counter() - began) / count


def _tenant(script):
    """An ISP with two hundred invoices of its own."""
    from fiberledger.billing import services as billing
    from fiberledger.catalog.models import Plan, TaxRate
    from fiberledger.identity import Actor
    from fiberledger.places.models import Area
    from fiberledger.subscribers.services import NewSubscriber, register_many
    from fiberledger.subscriptions.services import Sale, sell_many
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.models import Profile
    from fiberledger.tenancy.services import create_tenant

    tenant = create_tenant(f"pdf-{uuid.uuid4().hex[:8]}", name="Bright ISP", country="PK")
    by, today = Actor.system("benchmark"), date.today()
    with tenant_scope(tenant.pk):
        Profile.objects.update(address="12 Ferozepur Road, Lahore", phone="042 35761234", terms="Pay by the due date.")
        area = Area.objects.create(name="Model Town")
        plan = Plan.objects.create(
            name="Home 20M", code="H20", price=2200, currency="PKR", installation_fee=500,
            tax=TaxRate.objects.create(name="Sales tax", percent=Decimal("19.5")),
        )  # fmt: skip
        name, language = ("فاطمہ شیخ", "ur") if script == "urdu" else ("Asha Khan", "en")
        people = [
            NewSubscriber(
                name=name, phone=f"+92300{n:07d}", area_id=area.pk, address=f"House {n}, Street 4", language=language
            )
            for n in range(200)
        ]
        ids = register_many(people, by=by)
        lines = sell_many([Sale(pk, plan.pk, today, status="active") for pk in ids], by=by)
        billing.issue_invoices(lines, as_of=today, by=by)
    return tenant
