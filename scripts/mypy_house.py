"""Teaches mypy our house: what the middleware puts on every request, and that a form's fields are of many kinds."""

from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_attribute_to_class
from mypy.types import AnyType, TypeOfAny

LOOSE = {
    "django.http.request.HttpRequest": (
        "actor", "tenant", "membership", "permission_missing", "htmx", "csp_nonce", "scope", "ip", "tenant_from_host",
        "user", "session",
    ),
    "django.forms.forms.BaseForm": ("fields",),
}  # fmt: skip


class House(Plugin):
    def get_customize_class_mro_hook(self, fullname):
        if fullname not in LOOSE:
            return None

        def furnish(context: ClassDefContext) -> None:
            for name in LOOSE[fullname]:
                context.cls.info.names.pop(name, None)
                add_attribute_to_class(context.api, context.cls, name, AnyType(TypeOfAny.explicit))

        return furnish


def plugin(version):
    return House
