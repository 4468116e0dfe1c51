"""How a row comes to be that its fields alone do not tell. Each maker runs in the tenant's scope and returns the row,
or None where the newest row of that model is it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connections, transaction

from fiberledger import audit, calendar


def _sealed(rows: Any) -> None:
    from fiberledger.audit import sealing

    audit.note(rows.isp.system(), "net.cast", after={"text": rows.text()})
    sealing._add_seal()


def _entry(rows: Any) -> None:
    audit.note(rows.isp.system(), "net.cast", after={"text": rows.text()})


def _member(rows: Any) -> Any:
    return rows.isp.member("support")


def _invitation(rows: Any) -> Any:
    from fiberledger.identity.models import Invitation

    return Invitation.objects.create(
        email=f"{rows.text()}@example.org",
        name=rows.text(),
        invited_by_name=rows.text(),
        expires_at=calendar.now() + timedelta(days=7),
    )


def _journal_entry(rows: Any) -> None:
    from fiberledger import ledger
    from fiberledger.money import Money
    from fiberledger.tenancy import current_tenant

    currency = current_tenant().currency
    money = Money(100, currency)
    ledger.post(
        rows.text(),
        calendar.today(),
        ledger.debit(ledger.account("cash", currency), money),
        ledger.credit(ledger.account("sales", currency), money),
        memo=rows.text(),
    )


def _subscriber(rows: Any) -> Any:
    from fiberledger.places.models import Area, Branch
    from fiberledger.subscribers.services import NewSubscriber, register

    new = NewSubscriber(
        name=rows.text(),
        phone=f"+92300{uuid4().int % 10**7:07d}"
        if rows.isp.tenant.country == "PK"
        else f"+2547{uuid4().int % 10**8:08d}",
        area_id=rows.one(Area).pk,
        branch_id=rows.one(Branch).pk,
        address=rows.text(),
    )
    return register(new, by=rows.isp.system())


def _plan(rows: Any) -> Any:
    from fiberledger.catalog.models import Plan
    from fiberledger.tenancy import current_tenant

    return Plan.objects.create(
        name=rows.text(),
        code=rows.text(20),
        download_kbps=20_000,
        upload_kbps=10_000,
        price=Decimal(1500),
        currency=current_tenant().currency,
        status="active",
    )


def _add_on(rows: Any) -> Any:
    from fiberledger.catalog.models import AddOn
    from fiberledger.tenancy import current_tenant

    return AddOn.objects.create(
        name=rows.text(), code=rows.text(20), kind="service", price=Decimal(100), currency=current_tenant().currency
    )


def _sold_add_on(rows: Any) -> Any:
    from fiberledger.catalog.models import AddOn
    from fiberledger.subscriptions.add_ons import sell_add_on
    from fiberledger.subscriptions.models import Subscription

    return sell_add_on(rows.one(Subscription), rows.one(AddOn), key=uuid4(), by=rows.isp.system(), detail=rows.text())


def _plan_hours(rows: Any) -> Any:
    from fiberledger.catalog.models import Plan, PlanHours

    return PlanHours.objects.create(plan=rows.one(Plan), days=[0], from_hour=1, to_hour=2, free=True)


def _subscription(rows: Any) -> Any:
    from fiberledger.catalog.models import Plan
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.subscriptions.services import sell

    return sell(rows.one(Subscriber), rows.one(Plan), on=calendar.today(), by=rows.isp.system())


def _planned_change(rows: Any) -> Any:
    from fiberledger.subscriptions.planned import plan_change

    return plan_change(_another_line(rows), _plan(rows), by=rows.isp.system(), note=rows.text())


def _another_line(rows: Any) -> Any:
    """A line of its own: what can be only once a line is made more than once."""
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.subscriptions.services import sell

    return sell(rows.one(Subscriber), _plan(rows), on=calendar.today(), by=rows.isp.system(), label=rows.text(20))


def _invoice(rows: Any) -> Any:
    from fiberledger.billing.services import Charge, issue_manual
    from fiberledger.subscribers.models import Subscriber

    charge = Charge(text=rows.text(), unit_price=Decimal(500))
    return issue_manual(rows.one(Subscriber), [charge], by=rows.isp.system())


def _billed_add_on(rows: Any) -> Any:
    from fiberledger.billing.models import BilledAddOn

    return BilledAddOn.objects.get(sold=_sold_add_on(rows))


def _payment(rows: Any) -> Any:
    from fiberledger.billing.models import Invoice
    from fiberledger.money import Money
    from fiberledger.payments.services import record_payment
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.tenancy import current_tenant

    rows.one(Invoice)
    return record_payment(
        rows.one(Subscriber),
        Money(Decimal(200), current_tenant().currency),
        method="cash",
        key=uuid4(),
        received_on=calendar.today(),
        by=rows.isp.system(),
        note=rows.text(),
    )


def _allocation(rows: Any) -> None:
    from fiberledger.payments.models import Payment

    rows.one(Payment)


def _access_account(rows: Any) -> Any:
    from fiberledger.access.services import open_account
    from fiberledger.subscriptions.models import Subscription

    return open_account(rows.one(Subscription), username=rows.text(), by=rows.isp.system())


def _radius_line(rows: Any) -> Any:
    from fiberledger.access.models import AccessAccount, RadiusLine
    from fiberledger.access.services import rebuild

    account = rows.one(AccessAccount)
    rebuild([account.subscription_id])
    return RadiusLine.objects.get(pk=account.pk)


def _import(rows: Any) -> Any:
    from fiberledger.imports.models import ImportRun

    return ImportRun.objects.create(
        importer="subscribers", filename=rows.text(), file=rows.one(ImportRun.file.field.related_model)
    )


def _login_entry(rows: Any) -> Any:
    import psycopg

    from fiberledger.access.models import LoginEntry, Nas
    from fiberledger.operate import environment

    nas = rows.one(Nas)
    with psycopg.connect(**environment.connection("fl_control"), autocommit=True) as control:
        control.execute(
            """INSERT INTO access_loginentry (tenant_id, at, username, nas_id, mac, reason, last_at)
               VALUES (%s, now(), %s, %s, 'AA:BB:CC:00:11:22', 'Wrong password.', now())""",
            [nas.tenant_id, rows.text(), nas.pk],
        )
    return LoginEntry.objects.latest("id")


def _config_copy(rows: Any) -> Any:
    from fiberledger.access.models import Nas
    from fiberledger.provisioning.changes import keep_copy

    return keep_copy(rows.one(Nas), f"/ip service\nset telnet disabled=yes comment={rows.text()}\n", "every night")


def _login_guess(rows: Any) -> Any:
    from fiberledger.access.models import LoginGuess, Nas

    now = calendar.now()
    return LoginGuess.objects.create(
        kind="user", subject=rows.text(), nas=rows.one(Nas), tries=20, began_at=now, last_at=now, alerted_at=now
    )


def _past_session(rows: Any) -> Any:
    from fiberledger.access.models import Nas, SessionHistory

    nas, key, now = rows.one(Nas), uuid4(), calendar.now()
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO access_sessionhistory (key, tenant_id, nas_id, username, session_id, mac, started_at, ended_at,
                   seconds, in_octets, out_octets) VALUES (%s, %s, %s, %s, %s, '', %s, %s, 60, 1, 1)""",
            [key, nas.tenant_id, nas.pk, rows.text(), rows.text(), now - timedelta(minutes=1), now],
        )
    return SessionHistory.objects.get(pk=key)


def _drift(rows: Any) -> Any:
    from fiberledger.access.models import Drift, LiveSession

    session = rows.one(LiveSession) if LiveSession not in rows.made else rows.another(LiveSession)
    return Drift.objects.create(
        session_key=session.key, nas_id=session.nas_id, username=session.username, kind="outside", has=session.terms,
        wants="walled", since=calendar.now(),
    )  # fmt: skip


def _prefix(rows: Any) -> Any:
    from fiberledger.ipam.models import Prefix, Vrf

    number = uuid4().int
    net = ipaddress.ip_network(f"10.{number % 256}.{number // 256 % 256}.{number // 65536 % 64 * 4}/30")
    return Prefix.objects.create(vrf=rows.one(Vrf), network=net, description=rows.text())


def _vlan(rows: Any) -> Any:
    from fiberledger.ipam.models import Vlan
    from fiberledger.places.models import Branch

    return Vlan.objects.create(number=uuid4().int % 4000 + 1, name=rows.text(), branch=rows.one(Branch))


def _pool(rows: Any) -> Any:
    from fiberledger.ipam.models import Pool, Prefix

    prefix = rows.one(Prefix) if Prefix not in rows.made or not Pool.objects.exists() else _prefix(rows)
    net = prefix.network
    return Pool.objects.create(name=rows.text(), prefix=prefix, vrf=prefix.vrf, first=net[1], last=net[2])


def _holding(rows: Any) -> Any:
    from fiberledger.ipam.models import Holding, Vrf

    number = uuid4().int
    return Holding.objects.create(
        vrf=rows.one(Vrf),
        network=ipaddress.ip_network(number % 2**24 + (10 << 24)),
        purpose=rows.text(),
        began_by="net",
    )


def _cgnat_rule(rows: Any) -> Any:
    from fiberledger.ipam.models import CgnatRule

    outside = ipaddress.ip_network((uuid4().int % 2**24 * 256, 28))
    return CgnatRule.objects.create(inside=ipaddress.ip_network("100.64.0.0/24"), outside=outside, note=rows.text())


def _trace(rows: Any) -> Any:
    from fiberledger.tracing.models import TraceCase

    today = calendar.today()
    return TraceCase.objects.create(
        number=rows.text(20), authority=rows.text(), reference=rows.text(), requested_on=today, reason=rows.text(),
        address=ipaddress.ip_address(uuid4().int % 2**24 + (10 << 24)), at=calendar.now(), keep_until=today,
        asked_by=rows.text(),
    )  # fmt: skip


def _full_block(rows: Any) -> Any:
    from fiberledger.ipam.models import FullBlock, Vrf

    return FullBlock.objects.create(vrf_id=rows.one(Vrf).pk, block=ipaddress.ip_address(uuid4().int % 2**24 * 256))


def _data_key(rows: Any) -> None:
    """Every tenant has one; another that was made up would lock what nobody could open."""


# Where the rows of what pages read as one are kept.
KEPT_IN = {"access_pastsession": "access_sessionhistory"}
# After ten thousand copies: what the copies of one table are to those of another.
TIES = [
    """UPDATE access_drift d SET session_key = s.key, has = s.terms
         FROM (SELECT key, terms, row_number() OVER (ORDER BY key) AS n FROM access_livesession WHERE tenant_id = %(tenant)s) s,
              (SELECT id, row_number() OVER (ORDER BY id) AS n FROM access_drift WHERE tenant_id = %(tenant)s) o
        WHERE d.id = o.id AND o.n = s.n""",
]
MAKERS: dict[str, Callable[[Any], Any]] = {
    "audit.Entry": _entry,
    "audit.Seal": _sealed,
    "audit.Head": _sealed,
    "catalog.Plan": _plan,
    "catalog.PlanHours": _plan_hours,
    "catalog.AddOn": _add_on,
    "subscribers.Subscriber": _subscriber,
    "subscriptions.Subscription": _subscription,
    "subscriptions.SoldAddOn": _sold_add_on,
    "subscriptions.PlannedChange": _planned_change,
    "access.AccessAccount": _access_account,
    "access.RadiusLine": _radius_line,
    "access.SessionHistory": _past_session,
    "access.LoginEntry": _login_entry,
    "access.LoginGuess": _login_guess,
    "access.Drift": _drift,
    "ipam.Prefix": _prefix,
    "ipam.Pool": _pool,
    "ipam.Vlan": _vlan,
    "ipam.Holding": _holding,
    "ipam.FullBlock": _full_block,
    "ipam.CgnatRule": _cgnat_rule,
    "tracing.TraceCase": _trace,
    "provisioning.ConfigCopy": _config_copy,
    "vault.DataKey": _data_key,
    "imports.ImportRun": _import,
    "billing.Invoice": _invoice,
    "billing.BilledAddOn": _billed_add_on,
    "payments.Payment": _payment,
    "billing.Allocation": _allocation,
    "ledger.JournalEntry": _journal_entry,
    "ledger.Posting": _journal_entry,
    "identity.Membership": _member,
    "identity.Invitation": _invitation,
}
