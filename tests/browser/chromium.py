"""A real browser on a real server: the product as it is looked at, with its own content policy in force."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.stage import PASSWORD

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def server() -> Iterator[int]:
    """The application on a free port; its threads use connections of their own."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Silent(WSGIRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    httpd = ThreadedWSGIServer(("127.0.0.1", port), Silent)
    httpd.daemon_threads = True
    httpd.set_app(get_wsgi_application())
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        httpd.shutdown()
        httpd.server_close()


def executable() -> str:
    own = Path(sys.prefix) / "chromium" / "chromium"  # see scripts/test_tools.py
    found = os.environ.get("CHROMIUM") or (str(own) if own.exists() else shutil.which("chromium"))
    assert found, "Chromium is not installed: run `make test`, which installs it, or `apt install chromium`"
    return found


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable(), args=["--headless", "--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield chromium
        finally:
            chromium.close()


# htmx writes so of a request that a newer one replaced; what failed it calls sendError or responseError besides.
SUPERSEDED = ("htmx:afterRequest", "htmx:sendAbort")


class Desk:
    """One person at one browser, signed in. What the console complains about is collected in `complaints`."""

    def __init__(self, chromium: Any, port: int, isp: Any, role: str = "owner") -> None:
        self.chromium, self.role, self.isp = chromium, role, isp
        self.base = f"http://{isp.host}:{port}"
        self.complaints: list[str] = []
        first = chromium.new_context(base_url=self.base)
        page = first.new_page()
        page.goto("/login/")
        page.fill("[name=email]", isp.member(role).user.email)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        self.state = first.storage_state()
        first.close()

    @contextmanager
    def page(
        self, *, phone: bool = False, light: bool = False, language: str = "en", policy: bool = True
    ) -> Iterator[Any]:
        """A page in that size and theme. `policy=False` lets a test's own script in (axe is one)."""
        context = self.chromium.new_context(
            base_url=self.base,
            storage_state=self.state,
            viewport=PHONE if phone else WIDE,
            has_touch=phone,
            color_scheme="light" if light else "dark",
            reduced_motion="reduce",
            bypass_csp=not policy,
        )
        complain: Callable[[str], None] = self.complaints.append
        try:
            page = context.new_page()
            page.on(
                "console",
                lambda m: complain(m.text) if m.type in ("error", "warning") and m.text not in SUPERSEDED else None,
            )
            page.on("pageerror", lambda error: complain(str(error)))
            if language != "en":
                page.goto("/company/")
                page.evaluate(
                    """language => fetch(document.body.dataset.preference, {method: "POST",
                       headers: {"X-CSRFToken": document.querySelector('meta[name="csrf"]').content, "HX-Request": "true"},
                       body: new URLSearchParams({language})})""",
                    language,
                )
            yield page
            complain = heard_nothing  # what is cut short by closing the window is nobody's fault
        finally:
            context.close()


def until(page: Any, expression: str, seconds: float = 8) -> None:
    """Wait for an expression to hold. (Playwright's own waiting evaluates strings in the page, which our policy forbids.)"""
    from playwright.sync_api import Error

    end = time.monotonic() + seconds
    while True:
        try:
            if page.evaluate(expression):
                return
        except Error:  # the page is just being replaced by the next one
            page.wait_for_load_state()
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(30)


def heard_nothing(text: str) -> None:
    pass


def axe(page: Any) -> list[str]:
    """What axe finds wrong with the page as it stands, one line each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})"""
    )
    return [
        f"{violation['id']}: {node['html'][:140]} ({(node['any'] or node['all'] or node['none'] or [{'message': ''}])[0]['message'][:120]})"
        for violation in found["violations"]
        for node in violation["nodes"][:4]
    ]
