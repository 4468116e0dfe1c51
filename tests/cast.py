"""Run inside a house (see tests/house.py): `python -m tests.cast SLUG LINES` makes a tenant with an owner, so many
subscribers with a line each, one invoice by hand and one payment. Prints the number that the first subscriber has."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal

OWNER, PASSWORD = "owner@{}.example", "correct horse battery"


def many_lines(isp, count: int) -> list[int]:
    """So many subscribers of one plan, all due; their ids."""
    from fiberledger.subscribers.services import NewSubscriber, register_many
    from fiberledger.subscriptions.services import Sale, sell_many

    plan, area = isp.plan("Home 20", "1200"), isp.area()
    with isp.scope():
        people = register_many(
            [NewSubscriber(f"Person {n}", f"+92301{n:07d}", area.pk, address=f"House {n}") for n in range(count)],
            by=isp.system(),
        )
        sell_many([Sale(pk, plan.pk, date(2026, 1, 1 + n % 28)) for n, pk in enumerate(people)], by=isp.system())
    return people


def main(slug: str, lines: int) -> None:
    import django

    django.setup()
    from fiberledger.billing.services import Charge, issue_manual
    from fiberledger.identity import services as identity
    from fiberledger.tenancy.services import create_tenant
    from tests.stage import Isp

    isp = Isp(create_tenant(slug, name="Bright ISP", country="PK"))
    with isp.scope():
        identity.add_member(OWNER.format(slug), name="Owner", role="owner", password=PASSWORD)
    people = many_lines(isp, lines)
    asha = isp.subscriber("Asha")
    with isp.scope():
        issue_manual(asha, [Charge("Installation", Decimal(500))], by=isp.system())
    isp.pay("Asha", "200")
    print(people[0])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
