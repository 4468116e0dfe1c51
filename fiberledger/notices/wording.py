"""Words and links: pure functions. A template is text with {{variables}}; a link opens the staff's own WhatsApp or SMS app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_E164 = re.compile(r"^\+[1-9]\d{6,14}$")

# The characters of GSM 03.38: an SMS made only of these carries 160 of them, any other carries 70.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")


def variables_in(text: str) -> list[str]:
    """The variables a template asks for, in order, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put the values in. A line of which every variable is empty is left out, so an unset link leaves no dangling label."""
    lines = []
    for line in text.splitlines():
        names = _VARIABLE.findall(line)
        if names and not any(str(values.get(name) or "") for name in names):
            continue
        lines.append(_VARIABLE.sub(lambda match: str(values.get(match[1]) or ""), line).rstrip())
    return "\n".join(lines).strip()


def is_e164(phone: str) -> bool:
    return bool(_E164.match(phone))


def whatsapp_link(phone: str, text: str) -> str:
    """A wa.me link that opens the chat with the text typed in; empty when the number isn't international."""
    return f"https://wa.me/{phone[1:]}?text={quote(text, safe='')}" if is_e164(phone) else ""


def sms_link(phone: str, text: str) -> str:
    """An sms: link (RFC 5724) for the phone's own messages; empty when the number isn't international."""
    return f"sms:{phone}?body={quote(text, safe='')}" if is_e164(phone) else ""


@dataclass(frozen=True, slots=True)
class SmsSize:
    """How many SMS a text costs."""

    characters: int
    parts: int
    unicode: bool


def sms_size(text: str) -> SmsSize:
    if all(char in _GSM or char in _GSM_TWICE for char in text):
        length = sum(2 if char in _GSM_TWICE else 1 for char in text)
        return SmsSize(length, 1 if length <= 160 else -(-length // 153), False)
    length = len(text.encode("utf-16-be")) // 2
    return SmsSize(length, 1 if length <= 70 else -(-length // 67), True)
