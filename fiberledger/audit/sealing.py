"""The tenant's chain of seals: how it grows, and how it is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.tenancy import current_tenant_id, tenant_scope

from .canonical import CANONICAL, GENESIS, is_signed, leaf, link, sign
from .models import Head, Seal

_MOST_AT_ONCE = 10_000


class ChainBroken(RuntimeError):
    """The chain's end is not what this installation signed: nothing is added to it, so that nobody signs it anew."""


@dataclass(frozen=True)
class Fault:
    kind: str  # altered, removed, added, chain, head
    text: str
    seal: int | None = None
    entry: int | None = None


@dataclass
class Verdict:
    tenant_id: int
    entries: int = 0  # sealed and found as they were
    seals: int = 0
    waiting: int = 0  # not sealed yet
    head: str = ""
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "sound": self.is_sound}


def tenants_to_seal() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_tenants_to_seal()")
        return [row[0] for row in cursor.fetchall()]


def seal(tenant_id: int) -> int:
    """Seal what the tenant has noted since; returns how many entries. Raises ChainBroken where the chain was cut.

    An entry counts once its transaction has ended, whatever its number: the next seal takes in what was written late.
    """
    sealed = 0
    while True:
        with tenant_scope(tenant_id):
            count = _add_seal()
        sealed += count
        if count < _MOST_AT_ONCE:
            return sealed


def _add_seal() -> int:
    tenant_id = current_tenant_id()
    head = Head.objects.first()
    last = Seal.objects.order_by("-seq").values_list("seq", "digest").first()
    if head is None and last is not None:
        raise ChainBroken(f"tenant {tenant_id}: the chain has no head")
    if head is not None and head.seq:
        expected = (head.seq, bytes(head.digest))
        if last is None or (last[0], bytes(last[1])) != expected or not _head_is_signed(head):
            raise ChainBroken(f"tenant {tenant_id}: the chain does not end where its head was signed")
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_seal(%s, %s)", [_MOST_AT_ONCE, calendar.now()])
        count = cursor.fetchone()[0]
        head = Head.objects.get()
        digest = bytes(head.digest)
        signature = sign(tenant_id, head.seq, digest, head.last_id, head.settled_id)
        cursor.execute("SELECT audit_sign(%s, %s, %s, %s)", [head.seq, digest, head.settled_id, signature])
    return count


def _head_is_signed(head: Head) -> bool:
    return is_signed(
        current_tenant_id(), head.seq, bytes(head.digest), head.last_id, head.settled_id, bytes(head.signature)
    )


def verify(tenant_id: int) -> Verdict:
    """Recompute the tenant's chain from its entries, in Python, and say what does not fit."""
    verdict = Verdict(tenant_id)
    with tenant_scope(tenant_id):
        _walk_chain(verdict)
        _look_beside_chain(verdict)
    return verdict


def _seals(after: int) -> Iterator[tuple]:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT seq, count, first_id, last_id, covers::text, leaves, previous, digest FROM audit_seal
                   WHERE tenant_id = %s AND seq > %s ORDER BY seq LIMIT 200""",
                [current_tenant_id(), after],
            )
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < 200:
            return
        after = rows[-1][0]


def _walk_chain(verdict: Verdict) -> None:
    seq, digest = _walk_seals(verdict, 0, GENESIS)
    head = Head.objects.first()
    # Sealed while we were walking: go on to where the chain ends by now.
    while head is not None and head.seq > seq and Seal.objects.filter(seq__gt=seq).exists():
        seq, digest = _walk_seals(verdict, seq, digest)
        head = Head.objects.first()
    if head is None:
        if seq:
            verdict.faults.append(Fault("head", _("The signed end of the chain is gone.")))
        return
    verdict.head = f"{head.seq}:{bytes(head.digest).hex()}"
    if (head.seq or seq) and not _head_is_signed(head):
        verdict.faults.append(Fault("head", _("The end of the chain is not signed by this installation.")))
    if head.seq > seq:
        verdict.faults.append(
            Fault(
                "head", _("Seals %(first)d to %(last)d are missing.") % {"first": seq + 1, "last": head.seq}, head.seq
            )
        )
    elif head.seq < seq or bytes(head.digest) != digest:
        verdict.faults.append(Fault("head", _("The chain does not end where its end was signed."), seq))


def _walk_seals(verdict: Verdict, seq: int, digest: bytes) -> tuple[int, bytes]:
    """Follow the links after `seq`; returns where they end."""
    for found, count, first_id, last_id, covers, leaves, previous, said in _seals(seq):
        leaves, previous, said = bytes(leaves), bytes(previous), bytes(said)
        if found != seq + 1:
            verdict.faults.append(
                Fault(
                    "chain",
                    _("Seals %(first)d to %(last)d are missing.") % {"first": seq + 1, "last": found - 1},
                    found,
                )
            )
        elif previous != digest:
            verdict.faults.append(Fault("chain", _("Seal %d does not follow from the one before.") % found, found))
        if link(previous, verdict.tenant_id, found, count, covers, leaves) != said:
            verdict.faults.append(Fault("chain", _("Seal %d was altered.") % found, found))
        _compare_entries(verdict, found, first_id, last_id, covers, leaves)
        seq, digest = found, said
        verdict.seals += 1
    return seq, digest


def _compare_entries(verdict: Verdict, seq: int, first_id: int, last_id: int, covers: str, leaves: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i FROM unnest(%s::int8multirange) r, generate_series(lower(r), upper(r) - 1) i ORDER BY i", [covers]
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            f"""SELECT e.id, {CANONICAL} FROM audit_entry e
                WHERE e.tenant_id = %s AND e.id BETWEEN %s AND %s AND e.id <@ %s::int8multirange""",
            [verdict.tenant_id, first_id, last_id, covers],
        )
        now = {entry_id: leaf(canonical) for entry_id, canonical in cursor.fetchall()}
    if len(leaves) != 32 * len(ids):
        verdict.faults.append(Fault("chain", _("Seal %d was altered.") % seq, seq))
        return
    for position, entry_id in enumerate(ids):
        then = leaves[32 * position : 32 * position + 32]
        if entry_id not in now:
            verdict.faults.append(Fault("removed", _("Entry %d was removed.") % entry_id, seq, entry_id))
        elif now[entry_id] != then:
            verdict.faults.append(Fault("altered", _("Entry %d was altered.") % entry_id, seq, entry_id))
        else:
            verdict.entries += 1


def _look_beside_chain(verdict: Verdict) -> None:
    """Entries that no seal covers: new ones wait, old ones were slipped in."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH sealed AS MATERIALIZED (SELECT range_agg(covers) AS ids FROM audit_seal WHERE tenant_id = %(t)s)
               SELECT e.id, e.id <= coalesce((SELECT settled_id FROM audit_head WHERE tenant_id = %(t)s), 0)
                 FROM audit_entry e, sealed
                WHERE e.tenant_id = %(t)s AND NOT (e.id <@ coalesce(sealed.ids, '{}'::int8multirange)) ORDER BY e.id""",
            {"t": verdict.tenant_id},
        )
        for entry_id, is_old in cursor.fetchall():
            if is_old:
                verdict.faults.append(Fault("added", _("Entry %d was slipped in later.") % entry_id, None, entry_id))
            else:
                verdict.waiting += 1
