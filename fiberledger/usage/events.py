"""What happened to what lines may. Carries ids, so that listeners work side by side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AllowancesChanged:
    """Other speeds apply to these lines than before, or they are stopped, or no longer."""

    subscription_ids: list[int]
