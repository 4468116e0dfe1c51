"""A network as a column, a form field and a value: ipaddress's own types all the way."""

from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.db import models

from .networks import Ip, Net, read_address, read_network

_MONO = {"spellcheck": "false", "autocomplete": "off", "autocapitalize": "none", "dir": "ltr"}


class NetworkFormField(forms.Field):
    """Malformed input is refused with what was probably meant."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={**_MONO, "maxlength": 80}))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Net | Ip | None:
        text = str(value or "").strip()
        return self.read(text) if text else None

    def read(self, text: str) -> Net | Ip:
        return read_network(text)

    def prepare_value(self, value: Any) -> Any:
        return None if value is None else str(value)


class AddressFormField(NetworkFormField):
    def read(self, text: str) -> Net | Ip:
        return read_address(text)


class NetworkField(models.Field):
    """PostgreSQL's cidr. One address is the network of its own length, as PostgreSQL has it."""

    def db_type(self, connection: Any) -> str:
        return "cidr"

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Net | None:
        return None if value is None else ipaddress.ip_network(str(value))

    def to_python(self, value: Any) -> Net | None:
        if value is None or isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return value
        return read_network(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)

    def value_to_string(self, obj: Any) -> str:
        return str(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": NetworkFormField, **kwargs})


class AddressField(NetworkField):
    """PostgreSQL's inet, of one address."""

    def db_type(self, connection: Any) -> str:
        return "inet"

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Ip | None:  # type: ignore[override]
        return None if value is None else ipaddress.ip_interface(str(value)).ip

    def to_python(self, value: Any) -> Ip | None:  # type: ignore[override]
        if value is None or isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
            return value
        return read_address(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": AddressFormField, **kwargs})
