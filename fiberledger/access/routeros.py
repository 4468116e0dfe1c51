"""What a MikroTik must be told once so that it asks us."""

from __future__ import annotations

import ipaddress
import os

from .models import Nas


def our_address(host: str) -> str:
    """The address routers reach us at: RADIUS_ADDRESS, else the web's own where that is an address and no name."""
    if given := os.environ.get("RADIUS_ADDRESS"):
        return given
    try:
        return str(ipaddress.IPv4Address(host.partition(":")[0]))
    except ValueError:
        return "ADDRESS-OF-THIS-SERVER"


def script(nas: Nas, *, server: str, secret: str) -> str:
    """Commands for the terminal of RouterOS 6 and 7. An empty secret leaves a place to put it in."""
    shown = secret or "PUT-THE-SECRET-HERE"
    minutes, seconds = divmod(nas.interim_seconds, 60)
    interim = f"{minutes}m" + (f"{seconds}s" if seconds else "")
    lines = [
        f"# {nas.name}: logins and accounting by RADIUS",
        f'/radius add service=ppp,hotspot,dhcp address={server} secret="{shown}" src-address={nas.src_ip} timeout=3s '
        'comment="FiberLedger"',
        f"/radius incoming set accept=yes port={nas.coa_port}",
        f"/ppp aaa set use-radius=yes accounting=yes interim-update={interim}",
        f"/ip hotspot profile set [find] use-radius=yes radius-accounting=yes radius-interim-update={interim}",
    ]
    if nas.api_username:
        lines += [
            "# A user of our own, with no more rights than reading and dropping sessions, and only from here",
            "/user group add name=fiberledger policy=read,write,api,!ftp,!reboot,!policy,!sensitive,!winbox,!ssh,!web",
            f'/user add name={nas.api_username} group=fiberledger address={server} password="PUT-THE-API-PASSWORD-HERE"',
            f"/ip service set {'api-ssl' if nas.api_tls else 'api'} disabled=no port={nas.api_port} address={server}",
        ]
    if nas.walled_list and "walled" in (nas.for_suspended, nas.for_unknown):
        lines += [
            "# Behind the wall: DNS and this server only. Put it above your other forward rules.",
            f"/ip firewall filter add chain=forward src-address-list={nas.walled_list} dst-address={server} action=accept "
            'comment="FiberLedger wall"',
            f"/ip firewall filter add chain=forward src-address-list={nas.walled_list} protocol=udp dst-port=53 action=accept "
            'comment="FiberLedger wall"',
            f'/ip firewall filter add chain=forward src-address-list={nas.walled_list} action=drop comment="FiberLedger wall"',
        ]
    lines.append("# A /ppp secret or hotspot user of the same name on the router wins over RADIUS: remove those.")
    return "\n".join(lines)
