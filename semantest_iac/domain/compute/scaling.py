"""How many copies of a function are kept and allowed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """`minimum` copies are kept warm (0: none), `maximum` run at once (None: the account's limit)."""

    minimum: int = 0
    maximum: int | None = None
