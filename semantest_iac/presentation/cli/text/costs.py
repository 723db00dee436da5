"""Formats estimates of costs."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.costs.estimates import CostEstimate, CostItem, CostRise, UsageAssumptions
from semantest_iac.presentation.cli.formatting import align_columns

_UNKNOWN_AMOUNT = "unknown"


def format_estimate(stack: str, region: str, estimate: CostEstimate) -> Iterator[str]:
    """Yield the sum, a line for each item, and what is not known."""
    total, fixed = _format_amount(estimate.total), _format_amount(estimate.fixed)
    yield f"{stack}: an estimated {total} a month, {fixed} of it without use"
    yield from align_columns([_item_row(item) for item in estimate.items]) if estimate.items else ()
    yield from format_price_notes(region, estimate)


def format_price_notes(region: str, estimate: CostEstimate) -> Iterator[str]:
    """Yield of when and where the prices are, and what has none."""
    if estimate.dated:
        days = _format_days(*estimate.dated)
        elsewhere = "" if region == estimate.priced_region else f"; none are known for {region}"
        yield f"Prices of {estimate.priced_region}, as of {days}{elsewhere}. Free grants are not subtracted."
    if estimate.unknown:
        names = ", ".join(f"{item.what} of {item.resource}" for item in estimate.unknown)
        yield f"Not in it, because no price is known: {names}."


def format_usage(usage: UsageAssumptions) -> str:
    """Return the assumptions in a sentence."""
    return (
        f"Assumed: {usage.requests:,} requests or messages a month, each of {usage.duration_ms:g} ms and "
        f"{usage.log_kb:g} KB of logs; {usage.connections:,} open connections; {usage.starts:,} new instances a month."
    )


def format_rise(costs: CostRise) -> str:
    """Return the line of a preview: `Estimated cost: $12.34 a month, $3.20 more (prices of 2024-07-01 to …)`."""
    change = ""
    if costs.before is not None and round(costs.rise, 2):
        change = f", {_format_amount(abs(costs.rise))} {'more' if costs.rise > 0 else 'less'}"
    days = f"; prices as of {_format_days(*costs.after.dated)}" if costs.after.dated else ""
    unknown = f"; {len(costs.after.unknown)} prices unknown" if costs.after.unknown else ""
    return f"Estimated cost: {_format_amount(costs.after.total)} a month{change}{days}{unknown}."


def _format_days(oldest: str, newest: str) -> str:
    return oldest if oldest == newest else f"{oldest} to {newest}"


def _item_row(item: CostItem) -> list[str]:
    amount = _UNKNOWN_AMOUNT if item.monthly is None else _format_amount(item.monthly)
    quantity = f"{item.quantity:,.3f}".rstrip("0").rstrip(".")
    return [f"  {item.resource}", item.what, f"{quantity} {item.unit}", amount, "fixed" if item.is_fixed else ""]


def _format_amount(amount: float) -> str:
    return f"${amount:,.2f}"
