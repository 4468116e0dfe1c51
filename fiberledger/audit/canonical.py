"""The bytes of an entry that its seal is made of, and how links are joined. Changing any of this breaks every chain."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from django.conf import settings

# One JSON array an entry. PostgreSQL writes jsonb in one fixed way, so these bytes do not depend on who asks.
CANONICAL = """jsonb_build_array(e.id, e.tenant_id, (extract(epoch FROM e.at) * 1000000)::bigint, e.actor_kind,
    e.actor_id, e.actor_name, e.on_behalf_of, host(e.ip), e.action, e.target_type, e.target_id, e.target_label,
    e.before, e.after, e.extra)::text"""

GENESIS = bytes(32)


def leaf(canonical: str) -> bytes:
    return hashlib.sha256(canonical.encode()).digest()


def link(previous: bytes, tenant_id: int, seq: int, count: int, covers: str, leaves: bytes) -> bytes:
    """The digest of a seal. `covers` is PostgreSQL's text of the id set."""
    return hashlib.sha256(previous + f"{tenant_id}|{seq}|{count}|{covers}|".encode() + leaves).digest()


def sign(tenant_id: int, seq: int, digest: bytes, last_id: int, settled_id: int, secret: str | None = None) -> bytes:
    """The signature of the chain's head, under a key that is not in the database."""
    key = hashlib.sha256(b"fiberledger.audit.head|" + (secret or settings.SECRET_KEY).encode()).digest()
    return hmac.digest(key, f"{tenant_id}|{seq}|{digest.hex()}|{last_id}|{settled_id}".encode(), "sha256")


def is_signed(tenant_id: int, seq: int, digest: bytes, last_id: int, settled_id: int, signature: bytes) -> bool:
    secrets: Iterable[str] = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    return any(
        hmac.compare_digest(sign(tenant_id, seq, digest, last_id, settled_id, secret), signature) for secret in secrets
    )
