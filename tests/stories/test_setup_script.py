"""A new MikroTik is set up by pasting what its page shows; with the secrets only for who says why and who they are."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from base64 import b64decode

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.access import routeros, services, tunnel
from fiberledger.access.models import Nas
from fiberledger.vault.models import Kept, Look
from tests.radius import fresh_address
from tests.stage import PASSWORD

API = 'pa"ss $word\\ ?'


@pytest.fixture
def nas(isp):
    with isp.scope():
        new = Nas(name="Tower 9", src_ip=fresh_address(), tunnel=True, api_username="fiberledger", api_tls=True)
        return services.save_nas(new, api_password=API, by=isp.system())


def shown(page):
    return html.unescape(re.search(r"<pre[^>]*>(.*?)</pre>", page, re.S)[1])


def unquoted(text):
    """As RouterOS reads a quoted value."""
    return re.sub(r"\\([0-9A-F]{2}|.)", lambda m: chr(int(m[1], 16)) if len(m[1]) == 2 else m[1], text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_a_value_is_read_as_it_was_meant_and_ends_where_it_ends(text):
    quoted = routeros._quoted(text)
    assert unquoted(quoted[1:-1]) == text and "?" not in quoted
    assert not re.search(r'(?<!\\)(\\\\)*["$]', quoted[1:-1])  # nothing in it ends it or is replaced


def test_the_page_shows_the_commands_without_anything_secret(isp, nas):
    owner, page = isp.client("owner"), reverse("access:nas", args=[nas.pk])
    seven, six = (shown(owner.get(page, {"tab": "setup", "os": v}).content.decode()) for v in ("7", "6"))
    with isp.scope():
        secrets = [nas.plain_secret(), API]
    for text in (seven, six):
        assert not any(secret in text for secret in secrets) and "PUT-THE-SECRET-HERE" in text
        assert f"/radius incoming set accept=yes port={nas.coa_port}" in text
        assert "use-radius=yes" in text and "walled-garden" in text and "policy=read,write,api,!ftp" in text
        assert re.search(r"/user add .*address=\S+/32", text) and "api-ssl" in text
    assert "/interface wireguard" in seven and "PUT-THE-WIREGUARD-KEY-HERE" in seven and "require-message-auth" in seven
    assert "wireguard" not in six and "require-message-auth" not in six and "rest-api" not in six
    assert "RouterOS 6 knows no WireGuard" in owner.get(page, {"tab": "setup", "os": "6"}).content.decode()


def test_the_whole_script_is_shown_once_and_every_secret_in_it_is_written_down(isp, nas):
    owner, url = isp.client("owner"), reverse("access:reveal-secret", args=[nas.pk]) + "?os=7"
    answer = owner.post(url, {"reason": "setting up tower nine", "password": PASSWORD})
    text = shown(answer.content.decode())
    with isp.scope():
        assert f'secret="{nas.plain_secret()}"' in text
        assert {look.kind for look in Look.objects.all()} == {
            "access.nas.secret", "access.nas.api_password", "access.nas.tunnel_key",
        }  # fmt: skip
        assert Kept.objects.filter(kind="access.nas.tunnel_key", seen_at__isnull=False).count() == 1
    assert unquoted(re.search(r'/user add .*password="((?:[^"\\]|\\.)*)"', text)[1]) == API
    key = re.search(r'wireguard add name=fiberledger private-key="([^"]+)"', text)[1]
    assert len(b64decode(key)) == 32 and "PUT-THE" not in text
    # Both ends fit: the server's side knows the router's public key, the router the server's.
    done = subprocess.run(
        [sys.executable, "-m", "fiberledger", "radius", "wireguard"], capture_output=True, text=True,
        env={**os.environ, "RADIUS_ADDRESS": "10.99.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"PublicKey = {tunnel.public_key(key)}\nAllowedIPs = {nas.src_ip}/32" in done.stdout
    ours = re.search(r"PrivateKey = (\S+)", done.stdout)[1]
    assert f'public-key="{tunnel.public_key(ours)}"' in text


def test_a_tunnel_that_is_given_up_leaves_no_key(isp, nas):
    with isp.scope():
        key = bytes(nas.tunnel_key)
        services.save_nas(nas, by=isp.system())
        assert bytes(Nas.objects.get(pk=nas.pk).tunnel_key) == key  # it stays while the tunnel does
        nas.tunnel = False
        services.save_nas(nas, by=isp.system())
        assert Nas.objects.get(pk=nas.pk).tunnel_key is None and nas.tunnel_public == ""
