"""Django's session, kept in our own table: each signed-in browser is a row its owner can see and end.

Wall clock time, not the calendar's: a simulated month must not sign anybody out.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, router, transaction
from django.utils import timezone

_TOUCH_EVERY = timedelta(minutes=1)


def digest(session_key: str) -> bytes:
    return hashlib.sha256(session_key.encode()).digest()


class SessionStore(SessionBase):
    """Ends after SESSION_IDLE without a request, and SESSION_COOKIE_AGE after signing in whatever happens."""

    ip: str | None = None
    agent: str = ""
    row: Any = None

    @staticmethod
    def _logins() -> Any:
        from .models import Login  # sessions are imported before the models are ready

        return Login.objects

    def _expires_at(self, created_at: Any) -> Any:
        return min(
            timezone.now() + timedelta(seconds=settings.SESSION_IDLE),
            created_at + timedelta(seconds=settings.SESSION_COOKIE_AGE),
        )

    def load(self) -> dict[str, Any]:
        found = self._logins().filter(pk=digest(self.session_key or ""), expires_at__gt=timezone.now())
        row = found.select_related("user").first()
        if row is None:
            self._session_key = None
            return {}
        self.row = row
        return self.decode(row.data)

    def exists(self, session_key: str) -> bool:
        return self._logins().filter(pk=digest(session_key)).exists()

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
            return
        now, data = timezone.now(), self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        values = {
            "user_id": data.get("_auth_user_id"),
            "data": self.encode(data),
            "ip": self.ip,
            "agent": self.agent[:300],
            "last_seen_at": now,
        }
        logins, key = self._logins(), digest(self.session_key)
        if must_create:
            try:
                with transaction.atomic(using=router.db_for_write(logins.model)):
                    self.row = logins.create(pk=key, created_at=now, expires_at=self._expires_at(now), **values)
            except IntegrityError as error:
                raise CreateError from error
        else:
            created_at = self.row.created_at if self.row is not None else now
            # A login that was ended from elsewhere stays ended: this request does not bring it back.
            if not logins.filter(pk=key).update(expires_at=self._expires_at(created_at), **values):
                raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            self._logins().filter(pk=digest(key)).delete()

    def touch(self, ip: str | None, agent: str) -> None:
        """Remember where this browser was last seen; written at most once a minute."""
        self.ip, self.agent = ip, agent
        row = self.row
        if row is not None and (timezone.now() - row.last_seen_at > _TOUCH_EVERY or row.ip != ip):
            self._logins().filter(pk=row.pk).update(
                last_seen_at=timezone.now(), ip=ip, agent=agent[:300], expires_at=self._expires_at(row.created_at)
            )

    @classmethod
    def clear_expired(cls) -> None:
        cls._logins().filter(expires_at__lte=timezone.now()).delete()
