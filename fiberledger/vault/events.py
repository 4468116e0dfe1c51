from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ManySecretsSeen:
    """One person looked at so many secrets within an hour that the owner should know."""

    look_id: int
