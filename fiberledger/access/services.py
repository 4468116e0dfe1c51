from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs, vault
from fiberledger.identity import Actor
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import Holding, Pool
from fiberledger.routers import dictionary
from fiberledger.subscribers import services as subscribers
from fiberledger.subscribers import states
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id

from . import drift, secrets, tunnel, vendors
from .models import (
    AccessAccount,
    AccessPolicy,
    BindingChange,
    Drift,
    LineCommand,
    LiveSession,
    LoginGuess,
    Nas,
    PoolAtNas,
    Pop,
    RadiusAttribute,
    RefusedLogin,
)
from .rules import SEPARATOR, Access, Allowed, Facts, as_value, desired_access, normal_mac, normal_prefix6

MAX_PASSWORD = 60


# --- accounts -------------------------------------------------------------------------------------------------


def open_account(
    subscription: Subscription,
    *,
    username: str,
    password: str = "",
    kind: str = "",
    by: Any,
    **terms: Any,
) -> AccessAccount:
    """Give a subscription its identity on the network. An empty password makes a strong one.

    `terms`: static_ip, pool, prefix6, delegated6, pool6, only_mac, only_nas, devices. The line works as soon as the transaction ends. Refuses a
    username or address that another account of the tenant has.
    """
    account = AccessAccount(subscription=subscription, username=username.strip(), **terms)
    account.kind = kind or kind_for(subscription.plan.connection_type)
    if account.kind == "pppoe" and not account.only_mac and policy().learn_new:
        account.learn_mac = True
    return save_account(account, password=password, by=by)


def kind_for(connection_type: str) -> str:
    """The kind of account a plan's connection type asks for."""
    return {"hotspot": "hotspot", "dhcp": "mac", "static": "static", "cable": "static"}.get(connection_type, "pppoe")


def save_account(account: AccessAccount, *, password: str = "", by: Any) -> AccessAccount:
    """Store a new or changed account, and let the network know. A password given replaces the old one."""
    new = account.pk is None
    before = {} if new else audit.snapshot(AccessAccount.objects.get(pk=account.pk))
    account.tenant_id = account.tenant_id or current_tenant_id()
    if account.kind == "mac":
        if not normal_mac(account.username):
            raise Refusal(_("The username of a device is its MAC address, as AA:BB:CC:DD:EE:FF."))
        account.username = normal_mac(account.username)
    account.only_mac = normal_mac(account.only_mac)
    account.prefix6 = normal_prefix6(account.prefix6) or account.prefix6
    account.delegated6 = normal_prefix6(account.delegated6) or account.delegated6
    if account.kind == "static" and not account.static_ip:
        raise Refusal(_("A line without a login needs a fixed address."))
    if account.kind in ("mac", "static"):
        account.password = None
    elif password or account.password is None:
        account.keep_password(fit_password(password or secrets.strong_password()))
    try:
        account.full_clean(exclude=["subscription", "only_nas"])
        with transaction.atomic():
            account.save()
            if account.fixed or not new:
                ipam.fix_addresses({account.subscription_id: account.fixed}, by=by)
    except ValidationError as error:
        raise Refusal(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Refusal(_taken(error)) from error
    audit.note(
        by, "account.opened" if new else "account.changed", account, before=before, after=audit.snapshot(account)
    )
    _make_findable([account.subscription_id])
    apply_now([account.subscription_id], by=by)
    return account


def _make_findable(subscription_ids: Sequence[int]) -> None:
    """Subscribers are found by the usernames and bound devices of all their lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.subscriber_id, string_agg(trim(a.username || ' ' || a.only_mac), ' ' ORDER BY a.id)
                 FROM subscriptions_subscription s
                 JOIN access_accessaccount a ON a.tenant_id = s.tenant_id AND a.subscription_id = s.id
                WHERE s.tenant_id = %s AND s.subscriber_id IN
                      (SELECT subscriber_id FROM subscriptions_subscription WHERE tenant_id = %s AND id = ANY (%s))
                GROUP BY s.subscriber_id""",
            [current_tenant_id(), current_tenant_id(), list(subscription_ids)],
        )
        subscribers.also_found_by(dict(cursor.fetchall()))


def _taken(error: Exception) -> str:
    text = str(error)
    if "username" in text:
        return _("Another account has this username.")
    if "static_ip" in text:
        return _("Another account has this address.")
    if "6_once" in text:
        return _("Another account has this IPv6 prefix.")
    if "subscription" in text:
        return _("This subscription has a network account already.")
    return _("This contradicts another account.")


def fit_password(password: str) -> str:
    """The password, when FreeRADIUS can be told it as it is; refuses it otherwise."""
    if not 1 <= len(password.encode()) <= MAX_PASSWORD or "\0" in password or "\n" in password:
        raise Refusal(_("A password has 1 to 60 characters on one line."))
    if as_value(password) is None or password != password.strip():
        raise Refusal(
            _("A password cannot begin and end with the same quote while it contains both kinds, nor with a space.")
        )
    return password


def open_accounts(rows: Iterable[dict[str, Any]], *, by: Any) -> dict[int, int]:
    """Many at once, for imports: dicts of subscription_id, username, and optionally password, kind, static_ip, pool,
    only_mac. Returns account ids by subscription. The caller has made sure the usernames are free (`usernames_taken`)
    and well formed; a clash refuses them all."""
    tenant_id, accounts, learns = current_tenant_id(), [], policy().learn_new
    for row in rows:
        kind, locked = row.get("kind") or "pppoe", None
        if kind in ("pppoe", "vpn", "hotspot"):
            password = fit_password(row.get("password") or secrets.strong_password())
            locked = b64encode(secrets.lock(password, f"account:{tenant_id}")).decode()
        accounts.append((
            row["subscription_id"], kind, normal_mac(row["username"]) if kind == "mac" else row["username"].strip(), locked,
            row.get("static_ip") or None, row.get("pool") or "", normal_mac(row.get("only_mac") or ""),
            learns and kind == "pppoe" and not row.get("only_mac"),
        ))  # fmt: skip
    if not accounts:
        return {}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO access_accessaccount
                     (tenant_id, subscription_id, kind, username, password, static_ip, pool, only_mac, learn_mac, created_at)
                   SELECT %s, new.subscription_id, new.kind, new.username, decode(new.password, 'base64'), new.static_ip,
                          new.pool, new.only_mac, new.learn_mac, %s
                     FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::inet[], %s::text[], %s::text[], %s::boolean[])
                          AS new (subscription_id, kind, username, password, static_ip, pool, only_mac, learn_mac)
                   RETURNING subscription_id, id""",
                [tenant_id, calendar.now(), *map(list, zip(*accounts, strict=True))],
            )
            ids = dict(cursor.fetchall())
            ipam.fix_addresses({row[0]: [row[4]] for row in accounts if row[4]}, by=by)
    except IntegrityError as error:
        raise Refusal(_taken(error)) from error
    audit.note_many(
        by,
        "account.opened",
        [
            ("access.accessaccount", ids[subscription_id], username, None, {"username": username})
            for subscription_id, _kind, username, *_rest in accounts
        ],
    )
    rebuild(list(ids))
    return ids


def usernames_taken(usernames: Iterable[str]) -> set[str]:
    """Which of these are in use already, in lower case: usernames differ in more than their capitals."""
    wanted = [name.lower() for name in usernames]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lower(username) FROM access_accessaccount WHERE tenant_id = %s AND lower(username) = ANY (%s)",
            [current_tenant_id(), wanted],
        )
        return {row[0] for row in cursor}


def addresses_taken(addresses: Iterable[str]) -> set[str]:
    """Which of these fixed IPv4 addresses another account has, or somebody else holds."""
    addresses = list(addresses)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT host(static_ip) FROM access_accessaccount WHERE tenant_id = %s AND static_ip = ANY (%s::inet[])",
            [current_tenant_id(), addresses],
        )
        return {row[0] for row in cursor} | ipam.addresses_held(addresses)


def follow_addresses(subscription_ids: Sequence[int]) -> None:
    """What these lines were given among the addresses, or lost there, is their account's fixed address."""
    held: dict[int, list[str]] = {pk: [] for pk in subscription_ids}
    for line, network in (
        Holding.objects.current().filter(subscription_id__in=held, state="assigned").order_by("pk")
        .values_list("subscription_id", "network")
    ):  # fmt: skip
        held[line].append(network)
    for account in AccessAccount.objects.filter(subscription_id__in=held):
        networks: list[Any] = held[account.subscription_id]
        if account.static_ip and any(ipaddress.ip_address(account.static_ip) in network for network in networks):
            continue
        first = next((str(n[0]) for n in networks if n.version == 4 and n.prefixlen == 32), None)
        if account.static_ip != first:
            AccessAccount.objects.filter(pk=account.pk).update(static_ip=first)
    apply_now(list(held))


def let_go_addresses(subscription_ids: Sequence[int], *, by: Any) -> None:
    """Lines that are over hold no addresses: whoever gets them next inherits nothing."""
    over = list(
        Subscription.objects.filter(pk__in=subscription_ids, status__in=states.OVER).values_list("pk", flat=True)
    )
    if over:
        AccessAccount.objects.filter(subscription_id__in=over).update(static_ip=None, prefix6="", delegated6="")
        ipam.release_lines(over, why=_("The line ended"), by=by)


def close_accounts(subscription_ids: Sequence[int]) -> int:
    """Take the accounts of these subscriptions away altogether: for an import that is undone. Sessions stay history."""
    accounts = AccessAccount.objects.filter(subscription_id__in=subscription_ids)
    ipam.forget_lines(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM access_allowance WHERE tenant_id = %s AND account_id = ANY (%s)",
            [current_tenant_id(), list(accounts.values_list("pk", flat=True))],
        )
        cursor.execute(
            "DELETE FROM radius_line WHERE tenant_id = %s AND account_id = ANY (%s)",
            [current_tenant_id(), list(accounts.values_list("pk", flat=True))],
        )
    BindingChange.objects.filter(account__in=accounts).delete()
    return accounts._raw_delete(accounts.db)


def set_password(account: AccessAccount, password: str = "", *, by: Any) -> str:
    """A new password, made up when none is given. Sessions that are on stay on."""
    password = fit_password(password or secrets.strong_password())
    account.keep_password(password)
    account.save(update_fields=["password"])
    audit.note(by, "account.password_set", account)
    rebuild([account.subscription_id])
    return password


# --- bindings -------------------------------------------------------------------------------------------------


def rebind(account: AccessAccount, refused: RefusedLogin, *, by: Any) -> BindingChange:
    """The device that was turned away is the line's from now on, at the port and router it came from where it is bound to
    those. The refusal is done with."""
    if not refused.is_of_binding or refused.username != account.username.lower():
        raise Refusal(_("This login was not turned away for another device, port or router."))
    mac = normal_mac(refused.mac)
    if account.only_mac and not mac:
        raise Refusal(_("The router did not say which device it was; write its MAC address into the account."))
    before = audit.snapshot(account)
    change = BindingChange(
        account=account, nas_id=refused.nas_id, how="by_hand", old_mac=account.only_mac, new_mac=account.only_mac and mac,
        old_port=account.only_port, new_port=account.only_port and refused.port, at=calendar.now(), actor_name=str(by)[:120],
    )  # fmt: skip
    account.only_mac, account.only_port = change.new_mac, change.new_port
    if account.only_nas_id:
        account.only_nas_id = refused.nas_id
    account.known_port, account.known_nas_id = refused.port, refused.nas_id
    account.save(update_fields=["only_mac", "only_port", "only_nas", "known_port", "known_nas_id"])
    change.save()
    refused.delete()
    audit.note(by, "account.rebound", account, before=before, after=audit.snapshot(account))
    _make_findable([account.subscription_id])
    apply_now([account.subscription_id], by=by)
    return change


def note_bindings(most: int = 2000) -> int:
    """What RADIUS learned goes into the audit log, and subscribers are found by their new device. Returns how many."""
    changes = list(BindingChange.objects.filter(noted=False).select_related("account").order_by("pk")[:most])
    for how, action in (("learned", "account.bound"), ("moved", "account.moved")):
        rows = [
            ("access.accessaccount", change.account_id, change.account.username,
             {"only_mac": change.old_mac, "only_port": change.old_port}, {"only_mac": change.new_mac, "only_port": change.new_port})
            for change in changes if change.how == how
        ]  # fmt: skip
        audit.note_many(Actor.system("RADIUS"), action, rows)
    lines = sorted({change.account.subscription_id for change in changes})
    if lines:
        _make_findable(lines)
        rebuild(lines)
        BindingChange.objects.filter(pk__in=[change.pk for change in changes]).update(noted=True)
    return len(changes)


def policy() -> AccessPolicy:
    """The tenant's rules for logins."""
    return AccessPolicy.objects.first() or AccessPolicy()


def save_policy(rules: AccessPolicy, *, by: Any) -> AccessPolicy:
    """Store the rules, and tell every router's row: they count from the next login on."""
    before = audit.snapshot(AccessPolicy.objects.get(pk=rules.pk)) if rules.pk else None
    rules.save()
    Nas.objects.update(**{name: getattr(rules, name) for name in AccessPolicy.ON_ROUTERS})
    audit.note(by, "access.rules_changed", rules, before=before, after=audit.snapshot(rules))
    return rules


def _as_agreed(nas: Nas) -> None:
    rules = policy()
    for name in AccessPolicy.ON_ROUTERS:
        setattr(nas, name, getattr(rules, name))


# --- routers --------------------------------------------------------------------------------------------------


def save_nas(nas: Nas, *, secret: str = "", api_password: str = "", by: Any) -> Nas:
    """Store a router. A new one without a secret gets a strong one; a secret or API password given replaces the old one.

    FreeRADIUS knows a new router at its first packet, and forgets an old secret within five minutes.
    """
    new = nas.pk is None
    old = None if new else Nas.objects.get(pk=nas.pk)
    nas.tenant_id = nas.tenant_id or current_tenant_id()
    text = secret or (old.plain_secret() if old else secrets.strong_password(24))
    if not 8 <= len(text) <= 48 or not text.isascii() or any(c in " '\"`\\$%{}" or not c.isprintable() for c in text):
        raise Refusal(_("A secret has 8 to 48 characters without spaces, quotes and $ % { } \\."))
    if nas.pop is not None and nas.branch_id is None:
        nas.branch_id = nas.pop.branch_id
    if not _is_source(nas.src_ip):
        raise Refusal(_("No packet comes from this address."))
    if secret or new or (old and old.src_ip != nas.src_ip):
        nas.keep_secret(text)
    if api_password:
        nas.keep_api_password(api_password)
    if new:
        _as_agreed(nas)
    wall = vendors.wall(nas.kind, nas.walled_list, nas.walled_rate)
    nas.walled_attributes, nas.walled_values = [name for name, _value in wall], [value for _name, value in wall]
    another_kind = nas.kind not in kinds_in_use()
    new_tunnel = nas.tunnel and nas.tunnel_key is None
    if new_tunnel:
        nas.keep_tunnel_key(tunnel.new_key())
    elif not nas.tunnel:
        nas.tunnel_key, nas.tunnel_public = None, ""
    if not nas.api_username:
        nas.api_password = None
    elif nas.api_password is None:
        raise Refusal(_("The API username needs a password."))
    with connection.cursor() as cursor:
        cursor.execute("SELECT radius_address_taken(%s, %s)", [nas.src_ip, nas.pk])
        taken = cursor.fetchone()[0]
    if taken:
        raise Refusal(_address_in_use())
    try:
        with transaction.atomic():
            nas.save()
    except IntegrityError as error:
        if "src_ip" in str(error):
            raise Refusal(_address_in_use()) from error
        raise Refusal(_("Another router has this name.")) from error
    if another_kind:
        write_lines_anew()  # no line has been written in this kind's words yet
    before = audit.snapshot(old) if old else None
    audit.note(by, "router.added" if new else "router.changed", nas, before=before, after=audit.snapshot(nas))
    if secret or new:
        vault.changed("access.nas.secret", nas)
    if api_password:
        vault.changed("access.nas.api_password", nas)
    if new_tunnel:
        vault.changed("access.nas.tunnel_key", nas)
    if secret and not new:
        audit.note(by, "router.secret_set", nas)
    if api_password and not new:
        audit.note(by, "router.api_password_set", nas)
    return nas


def save_pop(pop: Pop, *, by: Any) -> Pop:
    """Store a place where routers stand."""
    old = Pop.objects.filter(pk=pop.pk).first() if pop.pk else None
    if (pop.latitude is None) != (pop.longitude is None):
        raise Refusal(_("A position has a latitude and a longitude."))
    try:
        with transaction.atomic():
            pop.save()
    except IntegrityError as error:
        raise Refusal(_("Another point of presence has this name.")) from error
    before = audit.snapshot(old) if old else None
    audit.note(by, "pop.changed" if old else "pop.added", pop, before=before, after=audit.snapshot(pop))
    return pop


def kinds_in_use() -> set[str]:
    return set(Nas.objects.in_use().order_by().values_list("kind", flat=True).distinct())


def write_lines_anew() -> None:
    """Have a job write every line's answer anew: after this transaction, and once however many ask for it."""
    jobs.enqueue("access.write_lines", lock="access.write_lines", queueing_lock=f"access.lines:{current_tenant_id()}")


def save_attribute(attribute: RadiusAttribute, *, by: Any) -> RadiusAttribute:
    """Store an attribute of the tenant's own. Lines are answered it from their next login on; sessions stay as they are.

    Refuses a name that FreeRADIUS does not know (it answers nothing at all to a login it cannot write down), and a value
    that the attribute cannot have.
    """
    fault = vendors.fault_of_name(attribute.name) or vendors.fault_of_value(attribute.name, attribute.value)
    if not fault and as_value(attribute.value) is None:
        fault = _("A value cannot begin and end with the same quote while it contains both kinds.")
    if fault:
        raise Refusal(fault)
    found = dictionary.look_up(attribute.name)
    assert found is not None
    _bare, colon, tag = attribute.name.partition(":")
    attribute.name = found[0].name + colon + tag
    new = attribute.pk is None
    before = None if new else audit.snapshot(RadiusAttribute.objects.get(pk=attribute.pk))
    try:
        with transaction.atomic():
            attribute.save()
    except IntegrityError as error:
        raise Refusal(_("This attribute is there already.")) from error
    action = "attribute.added" if new else "attribute.changed"
    audit.note(by, action, attribute, before=before, after=audit.snapshot(attribute))
    write_lines_anew()
    return attribute


def remove_attribute(attribute: RadiusAttribute, *, by: Any) -> None:
    audit.note(by, "attribute.removed", attribute, before=audit.snapshot(attribute))
    attribute.delete()
    write_lines_anew()


def preview(account: AccessAccount) -> list[tuple[str, list[tuple[str, str]], list[tuple[str, str]]]]:
    """What the line would be answered at each kind of router: kind, in service, behind the wall of the first router of it."""
    facts = next(iter(facts_of([account.subscription_id])), None)
    if facts is None:
        return []
    every = tuple(Nas.Kind.values)
    access = desired_access(replace(facts, router_kinds=every, network="accept"))
    if access is None:
        return []
    walls = {nas.kind: nas for nas in Nas.objects.in_use().order_by("-pk")}
    return [
        (kind, access.items_for(kind)[1:], vendors.wall(kind, walls[kind].walled_list, walls[kind].walled_rate) if kind in walls else [])
        for kind in every
    ]  # fmt: skip


def _address_in_use() -> str:
    return _(
        "This address is in use on this platform. A router is known by the address its packets come from, so each "
        "needs its own: connect it through the tunnel."
    )


def _is_source(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return not (ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255")


# --- the projection -------------------------------------------------------------------------------------------

# By look-ups: of a tenant too new for statistics PostgreSQL expects one line, and would go through all of them for every plan.
_FACTS = """
    SELECT a.id, a.kind, a.username, a.password, s.status, s.ended_on, s.cut_at, host(a.static_ip), a.pool,
           p.address_pool, a.only_mac, a.only_nas_id, a.devices, coalesce(nullif(p.radius_profile, ''), p.router_profile),
           p.download_kbps, p.upload_kbps, p.burst_download_kbps, p.burst_upload_kbps,
           p.burst_threshold_download_kbps, p.burst_threshold_upload_kbps, p.burst_seconds,
           a.prefix6, a.delegated6, a.pool6, a.only_port, a.learn_mac, a.learn_port, a.vlan, s.plan_id,
           w.stop, w.download_kbps, w.upload_kbps
      FROM {accounts}
      CROSS JOIN LATERAL (
        SELECT l.status, l.ended_on, l.cut_at, l.plan_id FROM subscriptions_subscription l
         WHERE l.id = a.subscription_id LIMIT 1) s
      CROSS JOIN LATERAL (SELECT * FROM catalog_plan l WHERE l.id = s.plan_id LIMIT 1) p
      LEFT JOIN access_allowance w ON w.account_id = a.id"""
_ALL = "(SELECT * FROM access_accessaccount WHERE tenant_id = %s) a"
_SOME = "(SELECT * FROM access_accessaccount WHERE tenant_id = %s AND subscription_id = ANY (%s)) a"

_COLUMNS = (
    "account_id bigint, username text, verdict text, message text, ends_at timestamptz, cut_at timestamptz, secret bytea, only_mac text, only_port text, "
    "only_nas_id bigint, devices int, by_mac boolean, kind text, attributes text, values_ text, kinds text, terms text"
)
_NAMES = [column.split()[0] for column in _COLUMNS.split(", ")]
_TYPES = [column.split()[1] for column in _COLUMNS.split(", ")]
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _TYPES)
_NEW = ", ".join(
    f"string_to_array(w.{name}, chr(31))" if name in ("attributes", "values_", "kinds") else f"w.{name}"
    for name in _NAMES
)
_UPSERT = f"""
    INSERT INTO radius_line AS l (tenant_id, {", ".join(_NAMES)})
    SELECT %s, {_NEW} FROM unnest({_ARRAYS}) w ({", ".join(_NAMES)})
    ON CONFLICT (account_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])}
     WHERE ({", ".join(f"l.{name}" for name in _NAMES[1:])})
           IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _NAMES[1:])})
    RETURNING l.account_id"""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found different: accounts whose line was written, and lines that belonged to nobody any more."""

    lines: int
    written: list[int]
    removed: int

    @property
    def drift(self) -> int:
        return len(self.written) + self.removed


def facts_of(subscription_ids: Sequence[int] | None = None) -> Iterable[Facts]:
    """The facts behind every account of the tenant, or of these subscriptions, in one query."""
    tenant = current_tenant()
    accounts = _ALL
    params: list[Any] = [tenant.pk]
    if subscription_ids is not None:
        accounts = _SOME
        params.append(list(subscription_ids))
    with connection.cursor() as cursor:
        cursor.execute(_FACTS.format(accounts=accounts), params)
        rows = cursor.fetchall()
    place = f"account:{tenant.pk}"
    kinds = tuple(sorted(kinds_in_use())) or ("mikrotik",)
    own = [
        vendors.Own(*row)
        for row in RadiusAttribute.objects.filter(active=True)
        .order_by("pk")
        .values_list("name", "value", "kind", "plan_id")
    ]
    for row in rows:
        yield Facts(
            tenant_id=tenant.pk,
            account_id=row[0],
            kind=row[1],
            username=row[2],
            password=secrets.unlock(row[3], place) if row[3] else "",
            network=str(states.network(row[4])),
            status=row[4],
            ended_on=row[5],
            cut_at=row[6],
            zone=tenant.timezone,
            static_ip=row[7],
            account_pool=row[8],
            plan_pool=row[9],
            only_mac=row[10],
            only_nas_id=row[11],
            devices=row[12],
            router_profile=row[13] or "",
            download_kbps=row[14],
            upload_kbps=row[15],
            burst_download_kbps=row[16],
            burst_upload_kbps=row[17],
            threshold_download_kbps=row[18],
            threshold_upload_kbps=row[19],
            burst_seconds=row[20],
            prefix6=row[21],
            delegated6=row[22],
            pool6=row[23],
            only_port=row[24],
            learn_mac=row[25],
            learn_port=row[26],
            vlan=row[27],
            router_kinds=kinds,
            own=tuple(one for one in own if one.plan_id in (None, row[28])),
            allowed=None if row[29] is None else Allowed(row[29], row[30], row[31]),
        )


def _row(facts: Facts, access: Access) -> tuple[Any, ...]:
    boxed = None
    if not access.by_mac:
        boxed = secrets.box(as_value(facts.password) or facts.password, f"{facts.tenant_id}:{facts.account_id}")
    return (
        facts.account_id,
        access.username,
        access.verdict,
        access.message,
        access.ends_at,
        access.cut_at,
        boxed,
        access.only_mac,
        access.only_port,
        access.only_nas_id,
        access.devices,
        access.by_mac,
        access.kind,
        SEPARATOR.join(name for name, _value in access.items),
        SEPARATOR.join(value for _name, value in access.items),
        SEPARATOR.join(access.kinds),
        access.terms,
    )


def rebuild(subscription_ids: Sequence[int] | None = None, *, dry: bool = False) -> Rebuilt:
    """Make the projection say what the pure rules say, for these subscriptions or the whole tenant; write only what
    differs. With `dry` it only says what would change."""
    if subscription_ids is not None and not subscription_ids:
        return Rebuilt(0, [], 0)
    known = list(facts_of(subscription_ids))
    rows = [_row(facts, access) for facts in known if (access := desired_access(facts))]
    tenant_id = current_tenant_id()
    save = transaction.savepoint() if dry else None
    with connection.cursor() as cursor:
        lines = {facts.account_id for facts in known}
        if subscription_ids is None:
            cursor.execute("SELECT account_id FROM radius_line WHERE tenant_id = %s", [tenant_id])
            lines.update(row[0] for row in cursor)
        removed = 0
        if gone := sorted(lines.difference(row[0] for row in rows)):
            cursor.execute("DELETE FROM radius_line WHERE tenant_id = %s AND account_id = ANY (%s)", [tenant_id, gone])
            removed = cursor.rowcount
        written: list[int] = []
        for start in range(0, len(rows), 20_000):
            columns: list[Any] = [list(column) for column in zip(*rows[start : start + 20_000], strict=True)]
            cursor.execute(_UPSERT, [tenant_id, *columns])
            written += [row[0] for row in cursor]
    if save is not None:
        transaction.savepoint_rollback(save)
    return Rebuilt(len(rows), written, removed)


def allow(changed: Mapping[int, Allowed | None], *, reason: str = "", by: Any = None) -> list[int]:
    """What usage says of these accounts from now on; None takes it back. RADIUS answers with it at the next login, and
    sessions that are on are told. Returns the subscriptions for which it was something new."""
    tenant_id = current_tenant_id()
    some = {pk: allowed for pk, allowed in changed.items() if allowed is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH gone AS (DELETE FROM access_allowance WHERE tenant_id = %(tenant)s AND account_id = ANY (%(gone)s) RETURNING account_id),
               said AS (
                 INSERT INTO access_allowance AS w (tenant_id, account_id, stop, download_kbps, upload_kbps)
                 SELECT %(tenant)s, * FROM unnest(%(accounts)s::bigint[], %(stop)s::boolean[], %(down)s::int[], %(up)s::int[])
                 ON CONFLICT (account_id) DO UPDATE SET stop = excluded.stop, download_kbps = excluded.download_kbps,
                   upload_kbps = excluded.upload_kbps
                  WHERE (w.stop, w.download_kbps, w.upload_kbps)
                        IS DISTINCT FROM (excluded.stop, excluded.download_kbps, excluded.upload_kbps)
                 RETURNING account_id)
               SELECT a.subscription_id FROM access_accessaccount a
                WHERE a.id IN (SELECT account_id FROM gone UNION ALL SELECT account_id FROM said)""",
            {
                "tenant": tenant_id,
                "gone": [pk for pk, allowed in changed.items() if allowed is None],
                "accounts": list(some),
                "stop": [allowed.stop for allowed in some.values()],
                "down": [allowed.download_kbps for allowed in some.values()],
                "up": [allowed.upload_kbps for allowed in some.values()],
            },
        )
        lines = [row[0] for row in cursor.fetchall()]
    if lines:
        apply_now(lines, by=by, reason=reason)
    return lines


# --- sessions that have other terms than they should ------------------------------------------------------------


def reconcile(subscription_ids: Sequence[int] | None = None, *, reason: str = "", by: str = "") -> int:
    """Want a command for every live session whose terms are not the line's, unless somebody accepts that for a while.
    Returns how many are wanted anew. The jobs send them."""
    commands = []
    for key, nas_id, username, kind in drift.look(subscription_ids):
        why = reason or (
            _("The line may not be online.") if kind == Drift.Kind.INTRUDER else _("The line has other terms now.")
        )
        commands.append((key, nas_id, username, drift.command_for(kind), why))
    return want_commands(commands, by=by or "system")


def heal(found: Sequence[Drift], *, by: Any) -> int:
    """Send the commands again, now, whatever was tried before; what only the router can tell is looked at again and put
    right there. Returns for how many sessions."""
    there = [one for one in found if one.kind in Drift.ON_ROUTER]
    Drift.objects.filter(pk__in=[one.pk for one in there]).update(again=True)
    for nas_id in sorted({one.nas_id for one in there}):
        ask_router(nas_id)
    sent = want_commands(
        [
            (one.session_key, one.nas_id, one.username, drift.command_for(one.kind), _("Put right by hand"))
            for one in found
            if one.kind not in Drift.ON_ROUTER
        ],
        by=str(by),
    )
    audit.note_many(by, "drift.healed", (("access.drift", one.pk, str(one), None, None) for one in found))
    return sent + len(there)


def want_commands(commands: Sequence[tuple[UUID, int, str, str, str]], *, by: str, by_hand: bool = False) -> int:
    """Write down commands (session, router, username, kind, reason) and let the jobs send them. A session for which
    one is waiting already gets no second. By hand, or from an urgent job, they go before all others of their router."""
    if not commands:
        return 0
    urgent = by_hand or jobs.is_urgent()
    made = LineCommand.objects.bulk_create(
        [
            LineCommand(
                tenant_id=current_tenant_id(), session_key=key, nas_id=nas_id, username=username, kind=kind,
                reason=why[:120], actor_name=by[:120], asked_at=calendar.now(), by_hand=by_hand, urgent=urgent,
            )
            for key, nas_id, username, kind, why in commands
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    if urgent:
        keys = [command[0] for command in commands]
        LineCommand.objects.waiting().filter(session_key__in=keys, urgent=False).update(urgent=True)
    for nas_id in sorted({command[1] for command in commands}):
        send_soon(nas_id, urgent=urgent)
    return len(made)


def send_soon(nas_id: int, *, urgent: bool = False, at: datetime | None = None) -> None:
    """Have a job send what waits for the router. An urgent one does not wait behind one that is to try again later."""
    turn = "soon" if urgent else "turn"
    jobs.enqueue(
        "access.send_commands", nas_id=nas_id, at=at, lock=f"access.nas:{nas_id}",
        queueing_lock=f"access.nas.{turn}:{nas_id}", priority=jobs.SOON if urgent else 0,
    )  # fmt: skip


def apply_now(subscription_ids: Sequence[int], *, by: Any = None, reason: str = "") -> Rebuilt:
    """The network obeys these subscriptions from the moment this transaction ends; sessions that are on follow by job."""
    done = rebuild(subscription_ids)
    reconcile(subscription_ids, reason=reason, by=str(by or "system"))
    return done


def ask_router(nas_id: int, at: datetime | None = None) -> None:
    """Have a job ask the router over its API who is on it, now or at that instant; one that waits already will do."""
    lock = f"access.api:{nas_id}"
    jobs.enqueue("access.read_router", nas_id=nas_id, at=at, lock=lock, queueing_lock=lock)


def disconnect(session: LiveSession, *, reason: str, by: Any) -> None:
    """Drop a live session. Its client may come back at once, with whatever its line is granted now."""
    if not reason.strip():
        raise Refusal(_("Say why it is disconnected."))
    want_commands(
        [(session.key, session.nas_id, session.username, "disconnect", reason.strip())], by=str(by), by_hand=True
    )
    audit.note(by, "session.disconnected", session.account if session.account_id else None, reason=reason.strip(),
               username=session.username)  # fmt: skip


def sweep() -> int:
    """Close sessions of all tenants that have been silent for two and a half reporting intervals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT radius_sweep(%s)", [calendar.now()])
        return cursor.fetchone()[0]


def file_sessions(most: int = 50_000) -> int:
    """Put what ended ten minutes ago into the history; returns how many sessions of all tenants."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT radius_file(%s, %s)", [calendar.now(), most])
        return cursor.fetchone()[0]


def make_partitions(ahead: int = 4) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_make_partitions(%s, %s)", [calendar.now(), ahead])
        return cursor.fetchone()[0]


def let_in_again(guess: LoginGuess, *, by: Any) -> None:
    """Whoever was shut out for wrong passwords may try again now."""
    guess.blocked_until, guess.alerted_at, guess.tries = None, None, 0
    guess.save(update_fields=["blocked_until", "alerted_at", "tries"])
    audit.note(by, "guessing.let_in", guess)


def drop_login_entries(before: datetime) -> int:
    """Whole months of the login log, of all tenants."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_drop_login_entries(%s)", [before])
        return cursor.fetchone()[0]


def forget_refusals(before: datetime) -> int:
    """Refused logins of long ago, and who guessed."""
    LoginGuess.objects.filter(last_at__lt=max(before, calendar.now() - timedelta(days=30))).delete()

    return RefusedLogin.objects.filter(last_at__lt=before).delete()[0]


def missing_partitions(ahead: int = 1) -> int:
    """How many of this month's and the next months' partitions are not there."""
    months = []
    day = calendar.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _month in range(ahead + 1):
        months += [f"access_sessionhistory_{day:%Y%m}", f"access_loginentry_{day:%Y%m}"]
        day = (day + timedelta(days=32)).replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NULL", [months])
        return cursor.fetchone()[0]


def free_username(wish: str) -> str:
    """A username like the wish that nobody has: with a number behind it where it is taken."""
    from .rules import USERNAME

    base = "".join(c for c in wish.lower() if re.match(USERNAME, c))[:56] or "line"
    names = [base, *(f"{base}-{n}" for n in range(2, 20)), f"{base}-{secrets.strong_password(5).lower()}"]
    taken = usernames_taken(names)
    return next(name for name in names if name not in taken)


def set_pools(nas: Nas, pools: Iterable[Pool], *, by: Any) -> None:
    """These pools, and no others, are this router's."""
    wanted = {pool.pk: pool for pool in pools}
    there = dict(PoolAtNas.objects.filter(nas=nas).values_list("pool_id", "pool__name"))
    PoolAtNas.objects.filter(nas=nas).exclude(pool_id__in=wanted).delete()
    PoolAtNas.objects.bulk_create(
        [PoolAtNas(nas=nas, pool=pool) for pk, pool in wanted.items() if pk not in there], ignore_conflicts=True
    )
    audit.note(
        by, "router.pools_set", nas, before={"pools": sorted(there.values())},
        after={"pools": sorted(str(pool) for pool in wanted.values())},
    )  # fmt: skip


def online_in(pools: Iterable[Pool], *, nas: Nas | None = None) -> dict[int, int]:
    """How many sessions have an address of each pool now, at one router or anywhere."""
    at = nas.pk if nas else None
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.id, count(l.key) FROM ipam_pool p
                 JOIN access_livesession l ON l.tenant_id = p.tenant_id AND l.ip >= p.first AND l.ip <= p.last
                WHERE p.tenant_id = %s AND p.id = ANY (%s) AND (%s::bigint IS NULL OR l.nas_id = %s) GROUP BY p.id""",
            [current_tenant_id(), [pool.pk for pool in pools], at, at],
        )
        return dict(cursor.fetchall())
