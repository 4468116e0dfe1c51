from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubscribersRegistered:
    subscriber_ids: list[int]
