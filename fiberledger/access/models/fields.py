"""What the fields of this room take: names, rates, realms, devices, prefixes."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from ..rules import USERNAME, normal_mac, normal_prefix6

is_username = RegexValidator(
    re.compile(USERNAME), _("Use letters, digits and signs, up to 64 of them, without spaces.")
)


# Goes into a RADIUS attribute as it is.
is_name_on_router = RegexValidator(r"^[A-Za-z0-9._:/-]{0,64}$", _("Use letters, digits and . - _ : / only."))


is_rate = RegexValidator(
    r"^(|\d+[kKMG]?/\d+[kKMG]?( \d+[kKMG]?/\d+[kKMG]?){0,2}( \d+/\d+)?)$",
    _("Write upload/download, e.g. 512k/1M."),
)


is_realm = RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", _("A realm looks like home.example, in small letters."))


def is_mac(value: str) -> None:
    if not normal_mac(value):
        raise ValidationError(_("This is not a MAC address; write it as AA:BB:CC:DD:EE:FF."))


def is_prefix6(value: str) -> None:
    if not normal_prefix6(value):
        raise ValidationError(
            _("This is no IPv6 prefix; write it as 2001:db8:12::/56, with nothing beyond the length in it.")
        )
