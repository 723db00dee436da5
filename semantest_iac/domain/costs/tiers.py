"""What a part of the platform may cost, in words that every cloud gives a size of its own."""

from __future__ import annotations

from typing import Literal

Tier = Literal["basic", "standard", "premium"]
