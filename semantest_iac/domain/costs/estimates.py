"""Estimates of what a stack costs a month: items with a quantity and a price, and their sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HOURS_PER_MONTH = 730
"""As clouds bill a month: 365 days of 24 hours, divided by twelve."""

SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
DAYS_PER_MONTH = HOURS_PER_MONTH / 24


@dataclass(frozen=True, slots=True)
class UsageAssumptions:
    """How much a service is assumed to be used.

    `requests` are those of a month to an HTTP API, or the messages of a WebSocket API; each runs the function for
    `duration_ms` and leaves `log_kb` of logs. `connections` are open at any time. `starts` are new instances a month,
    each of which reads every secret.
    """

    requests: int = 1_000_000
    duration_ms: float = 100
    log_kb: float = 1
    connections: int = 100
    starts: int = 1_000

    @property
    def log_gb(self) -> float:
        """GB of logs a month."""
        return self.requests * self.log_kb / 1_000_000

    def compute_gb_seconds(self, memory_mb: int) -> float:
        """Return the GB-seconds a month of all requests, in instances of this memory."""
        return self.requests * self.duration_ms / 1000 * memory_mb / 1024


DEFAULT_USAGE = UsageAssumptions()


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one unit, where that is published, and the day on which it was published or checked (YYYY-MM-DD)."""

    amount: float
    source: str
    dated: str


@dataclass(frozen=True, slots=True)
class CostItem:
    """What one resource costs a month for one thing; without a price that is not known.

    `is_fixed`: it costs that without any use.
    """

    resource: str
    what: str
    quantity: float
    unit: str
    price: Price | None
    is_fixed: bool = False

    @property
    def monthly(self) -> float | None:
        """USD a month, None if it is not known."""
        return None if self.price is None else self.quantity * self.price.amount

    def as_dict(self) -> dict[str, Any]:
        """Return the item as `cost --json` prints it."""
        price = self.price
        return {
            "resource": self.resource,
            "what": self.what,
            "quantity": round(self.quantity, 4),
            "unit": self.unit,
            "price": price.amount if price else None,
            "monthly": _round_amount(self.monthly),
            "fixed": self.is_fixed,
            "dated": price.dated if price else None,
            "source": price.source if price else None,
        }


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a stack costs a month, with prices as of `priced_region`; free grants of the account are not subtracted."""

    items: tuple[CostItem, ...] = ()
    priced_region: str = ""

    @property
    def total(self) -> float:
        """USD a month of all items with a known price."""
        return sum(item.monthly or 0 for item in self.items)

    @property
    def fixed(self) -> float:
        """USD a month without any use."""
        return sum(item.monthly or 0 for item in self.items if item.is_fixed)

    @property
    def unknown(self) -> tuple[CostItem, ...]:
        """The items without a known price."""
        return tuple(item for item in self.items if item.price is None and item.quantity)

    @property
    def dated(self) -> tuple[str, str] | None:
        """The oldest and the newest day of the prices that count, None without any."""
        days = sorted(item.price.dated for item in self.items if item.price)
        return (days[0], days[-1]) if days else None

    def as_dict(self) -> dict[str, Any]:
        """Return the estimate as `cost --json` prints it, without the stack and the usage."""
        oldest, newest = self.dated or (None, None)
        return {
            "monthly": _round_amount(self.total),
            "fixed": _round_amount(self.fixed),
            "currency": "USD",
            "priced_region": self.priced_region,
            "prices_from": oldest,
            "prices_to": newest,
            "unknown": [f"{item.resource}: {item.what}" for item in self.unknown],
            "items": [item.as_dict() for item in self.items],
        }


@dataclass(frozen=True, slots=True)
class CostRise:
    """The estimates before and after a deployment; `before` is None for a stack that is not deployed."""

    before: CostEstimate | None
    after: CostEstimate

    @property
    def rise(self) -> float:
        """USD a month more."""
        return self.after.total - (self.before.total if self.before else 0)

    @property
    def newly_unknown(self) -> tuple[CostItem, ...]:
        """What has no known price and was not there, or was less, before."""
        known = {_identify(item): item.quantity for item in (self.before.unknown if self.before else ())}
        return tuple(item for item in self.after.unknown if item.quantity > known.get(_identify(item), 0))

    def as_dict(self) -> dict[str, Any]:
        """Return the estimates as `preview --json` prints them."""
        after = self.after.as_dict()
        items = after.pop("items")
        before = _round_amount(self.before.total) if self.before else None
        return {**after, "before": before, "rise": _round_amount(self.rise), "items": items}


def merge_items(items: Iterable[CostItem]) -> tuple[CostItem, ...]:
    """Return the items without those that cost nothing because there is nothing of them."""
    return tuple(item for item in items if item.quantity)


def _identify(item: CostItem) -> tuple[str, str]:
    return item.resource, item.what


def _round_amount(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 2)
