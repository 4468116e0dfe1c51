"""WireGuard between routers and us: keys of both sides, and what the server's side is told."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fiberledger.operate import environment

PORT = "51820"


def new_key() -> str:
    """A private key, as WireGuard writes it."""
    return b64encode(X25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key(private: str) -> str:
    key = X25519PrivateKey.from_private_bytes(b64decode(private))
    return b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def our_key() -> str:
    return b64encode(urlsafe_b64decode(environment.secret("wireguard_key"))).decode()


def our_public_key() -> str:
    return public_key(our_key())


def endpoint() -> tuple[str, str]:
    """Where routers find our end: WIREGUARD_ENDPOINT, a name or address with or without a port."""
    host, _colon, port = os.environ.get("WIREGUARD_ENDPOINT", "").partition(":")
    return host or "PUBLIC-ADDRESS-OF-THIS-SERVER", port or PORT


def server_side(routers: Iterable[tuple[str, str, str]], *, address: str) -> str:
    """The server's configuration, for wg-quick: of each router its name, public key and address in the tunnel."""
    _host, port = endpoint()
    lines = ["[Interface]", f"Address = {address}/32", f"ListenPort = {port}", f"PrivateKey = {our_key()}"]
    for name, key, source in routers:
        lines += ["", f"# {' '.join(name.split())}", "[Peer]", f"PublicKey = {key}", f"AllowedIPs = {source}/32"]
    return "\n".join(lines)
