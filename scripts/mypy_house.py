"""Teaches mypy what our middleware puts on every request: request.actor, request.tenant and their like."""

from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_attribute_to_class
from mypy.types import AnyType, TypeOfAny

ON_EVERY_REQUEST = (
    "actor",
    "tenant",
    "membership",
    "permission_missing",
    "htmx",
    "csp_nonce",
    "scope",
    "ip",
    "tenant_from_host",
)


def furnish(context: ClassDefContext) -> None:
    for name in ON_EVERY_REQUEST:
        if name not in context.cls.info.names:
            add_attribute_to_class(context.api, context.cls, name, AnyType(TypeOfAny.explicit))


class House(Plugin):
    def get_customize_class_mro_hook(self, fullname):
        return furnish if fullname == "django.http.request.HttpRequest" else None


def plugin(version):
    return House
