from __future__ import annotations

from typing import Any

from django.core.checks import Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from . import permissions


def walk(resolver: Any = None, prefix: str = "", namespaces: tuple[str, ...] = ()):
    """Every URL pattern of ours with its full route and namespaces."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = namespaces + ((pattern.namespace,) if pattern.namespace else ())
            yield from walk(pattern, route, inner)
        elif isinstance(pattern, URLPattern):
            yield route, pattern, namespaces


@register()
def every_view_has_a_guard(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Silence about who may enter is an error, and so is a permission that no room declares."""
    faults = []
    for route, pattern, _namespaces in walk():
        guard = getattr(pattern.callback, "guard", None)
        if guard is None:
            faults.append(
                Error(
                    f"/{route} does not say who may enter.",
                    hint="Put @staff(...), @signed_in, @person or @public(...) of fiberledger.identity.guards on it.",
                    id="identity.E001",
                )
            )
            continue
        for code in guard.permissions:
            if code not in permissions.all():
                faults.append(
                    Error(
                        f"/{route} asks for “{code}”, which no permissions.py declares.",
                        hint="See docs/how-to-add-a-permission.md.",
                        id="identity.E002",
                    )
                )
    return faults
