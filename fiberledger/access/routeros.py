"""What a MikroTik must be told once so that it asks us; pasted again it replaces what it said before."""

from __future__ import annotations

import ipaddress
import os

from . import tunnel
from .models import Nas

VERSIONS = (7, 6)
# All that a group may have, less reading, changing and the API: newer versions know more words than older ones.
_NOT = "ftp,reboot,policy,sensitive,winbox,ssh,telnet,web,local,password,sniff,test,romon"


def our_address(host: str) -> str:
    """The address routers reach us at: RADIUS_ADDRESS, else the web's own where that is an address and no name."""
    if given := os.environ.get("RADIUS_ADDRESS"):
        return given
    try:
        return str(ipaddress.IPv4Address(host.partition(":")[0]))
    except ValueError:
        return "ADDRESS-OF-THIS-SERVER"


def script(
    nas: Nas, *, server: str, secret: str = "", api_password: str = "", tunnel_key: str = "", version: int = 7
) -> str:
    """Commands for the terminal of RouterOS 6 or 7. What is secret and not given leaves a place to put it in."""
    lines = [f"# {' '.join(nas.name.split())}: FiberLedger, for RouterOS {version}"]
    if nas.tunnel and version >= 7:
        lines += _tunnel(nas, server, tunnel_key)
    lines += _radius(nas, server, secret, version)
    if nas.api_username:
        lines += _api(nas, server, api_password, version)
    if nas.walled_list and "walled" in (nas.for_suspended, nas.for_unknown):
        lines += _wall(nas, server)
    lines.append("# A /ppp secret or hotspot user of the same name on the router wins over RADIUS: remove those.")
    return "\n".join(lines)


def _radius(nas: Nas, server: str, secret: str, version: int) -> list[str]:
    minutes, seconds = divmod(nas.interim_seconds, 60)
    interim = f"{minutes}m" + (f"{seconds}s" if seconds else "")
    # A line of its own: before 7.15 it is not understood, and the others count all the same.
    signed = '/radius set [find comment="FiberLedger"] require-message-auth=yes-for-request-resp'
    return [
        "# Logins and accounting by RADIUS",
        '/radius remove [find comment="FiberLedger"]',
        f"/radius add service=ppp,hotspot,dhcp address={server} secret={_quoted(secret or 'PUT-THE-SECRET-HERE')} "
        f'src-address={nas.src_ip} timeout=3s comment="FiberLedger"',
        *([signed] if version >= 7 and nas.signing != Nas.Signing.OFF else []),
        f"/radius incoming set accept=yes port={nas.coa_port}",
        f"/ppp aaa set use-radius=yes accounting=yes interim-update={interim}",
        f"/ip hotspot profile set [find] use-radius=yes radius-accounting=yes radius-interim-update={interim}",
    ]


def _api(nas: Nas, server: str, password: str, version: int) -> list[str]:
    denied = _NOT + (",rest-api" if version >= 7 else ",dude")
    service = "api-ssl" if nas.api_tls else "api"
    lines = [
        "# A user of our own: reads, changes and drops sessions over the API, may nothing else, and only from here",
        "/user remove [find group=fiberledger]",
        '/user group remove [find name="fiberledger"]',
        f"/user group add name=fiberledger policy=read,write,api,{','.join('!' + word for word in denied.split(','))}",
        f"/user add name={_quoted(nas.api_username)} group=fiberledger address={server}/32 "
        f'password={_quoted(password or "PUT-THE-API-PASSWORD-HERE")} comment="FiberLedger"',
    ]
    if nas.api_tls:
        lines += [
            "# A certificate of its own, by which we know it again; one that is there stays",
            ':if ([:len [/certificate find name="fiberledger"]] = 0) do={ /certificate add name=fiberledger '
            "common-name=fiberledger days-valid=3650 key-usage=tls-server; /certificate sign fiberledger }",
            "/ip service set api-ssl certificate=fiberledger",
        ]
    return [*lines, f"/ip service set {service} disabled=no port={nas.api_port} address={server}/32"]


def _wall(nas: Nas, server: str) -> list[str]:
    rule = f'/ip firewall filter add chain=forward src-address-list={nas.walled_list} comment="FiberLedger wall"'
    return [
        "# Behind the wall: DNS and this server only. Put it above your other forward rules.",
        '/ip firewall filter remove [find comment="FiberLedger wall"]',
        f"{rule} dst-address={server} action=accept",
        f"{rule} protocol=udp dst-port=53 action=accept",
        f"{rule} action=drop",
        "# The same for who is in the hotspot",
        '/ip hotspot walled-garden ip remove [find comment="FiberLedger wall"]',
        f'/ip hotspot walled-garden ip add action=accept dst-address={server} comment="FiberLedger wall"',
    ]


def _tunnel(nas: Nas, server: str, key: str) -> list[str]:
    host, port = tunnel.endpoint()
    peer = (
        f'/interface wireguard peers add interface=fiberledger public-key="{tunnel.our_public_key()}" '
        f'endpoint-address={host} endpoint-port={port} allowed-address={server}/32 persistent-keepalive=25s comment="FiberLedger"'
    )
    return [
        "# A tunnel to us, in which the router has the address we know it by",
        '/interface wireguard peers remove [find comment="FiberLedger"]',
        '/ip address remove [find comment="FiberLedger"]',
        '/interface wireguard remove [find name="fiberledger"]',
        f"/interface wireguard add name=fiberledger private-key={_quoted(key or 'PUT-THE-WIREGUARD-KEY-HERE')} "
        'comment="FiberLedger"',
        peer,
        f'/ip address add address={nas.src_ip}/32 network={server} interface=fiberledger comment="FiberLedger"',
    ]


def _quoted(text: str) -> str:
    """A value as the terminal takes it, whatever is in it."""
    return '"' + "".join(f"\\{c}" if c in '"\\$' else "\\3F" if c == "?" else c for c in text) + '"'
