"""The stage: an ISP's day for tests to tell. The cast never changes: Asha subscribes to Bright ISP, Zed is elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fiberledger import calendar, jobs
from fiberledger.tenancy import tenant_scope
from fiberledger.tenancy.models import Tenant
from fiberledger.tenancy.services import create_tenant


class Clock:
    """Time that stands still until it is moved: `clock.move_to("2026-02-06")` is that noon in UTC."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Clock:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def move_to(self, moment: str | datetime) -> None:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
            if moment.tzinfo is None:
                moment = moment.replace(hour=moment.hour or 12, tzinfo=UTC)
        self._stack.close()
        self._stack.enter_context(calendar.clock_at(moment))

    def forward(self, **by: int) -> None:
        self.move_to(calendar.now() + timedelta(**by))


class Isp:
    """One tenant with its people, its clients over HTTP and its queue."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._clients: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def open(cls, name: str, country: str) -> Iterator[Isp]:
        slug = f"{name.split()[0].lower()}-{uuid.uuid4().hex[:10]}"
        isp = cls(create_tenant(slug, name=name, country=country))
        yield isp
        isp.prove_books()

    def scope(self):
        return tenant_scope(self.tenant.pk)

    def run(self) -> int:
        """Run the waiting jobs; returns how many ran."""
        return jobs.run_waiting(self.tenant.pk)

    @property
    def host(self) -> str:
        return f"{self.tenant.slug}.localhost"

    def system(self) -> Any:
        from fiberledger.identity import Actor

        return Actor.system("test")

    def member(self, role: str = "owner", **scope: Any) -> Any:
        """A membership in that role template, made on first use; the password is always `correct horse battery`."""
        from fiberledger.identity import services as identity

        email = f"{role}.{uuid.uuid4().hex[:8]}@example.org"
        with self.scope():
            return identity.add_member(
                email, name=f"{role.title()} of {self.tenant.name}", role=role, password=PASSWORD, **scope
            )

    def client(self, role: str = "owner") -> Any:
        """A signed-in browser without a screen, one per role, that went through the login page."""
        if role not in self._clients:
            from django.test import Client

            client = Client(headers={"host": self.host})
            email = self.member(role).user.email
            answer = client.post("/identity/login/", {"email": email, "password": PASSWORD})
            assert answer.status_code == 302, answer.content
            self._clients[role] = client
        return self._clients[role]

    def prove_books(self) -> None:
        from fiberledger import ledger

        with self.scope():
            faults = ledger.verify()
        assert faults == [], faults


PASSWORD = "correct horse battery"
