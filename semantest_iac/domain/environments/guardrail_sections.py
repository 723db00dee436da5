"""The section of the configuration file about guardrails: what a plan may do without being refused or asked about.

Its models check shape only; `find_guardrail_faults` checks whether the values fit together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pydantic
from pydantic import Field

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.section_types import ListOf, Section
from semantest_iac.domain.errors import Fault

Effect = Literal["refuse", "ask", "note", "allow"]
"""What follows if a guardrail does not hold: the deployment is rejected, waits for approval, says so, or nothing."""

GuardrailPack = Literal["platform"]
LONGEST_FREEZE_HOURS = 24 * 366
MOST_PAST_DEPLOYMENTS = 200


class DeletesSection(Section):
    """How many resources a plan may delete."""

    max: int | None = Field(default=None, description="Most resources that a plan may delete; unlimited by default.")
    effect: Effect | None = Field(default=None, description="What more deletions lead to; ask by default.")


class FreezeSection(Section):
    """A time in which nothing is deployed: from `start` to `end`, or `hours` from each time of `cron` on."""

    start: str | None = Field(default=None, description="Local time such as 2026-12-20T18:00.")
    end: str | None = Field(default=None, description="Local time such as 2027-01-04T08:00.")
    cron: str | None = Field(default=None, description="When it begins, in five fields: 0 16 * * 5.")
    hours: float | None = Field(default=None, description="How long it lasts from each time of cron on.")
    timezone: str | None = Field(default=None, description="Zone, such as Europe/Berlin; UTC by default.")
    reason: str | None = Field(default=None, description="Why, for those who are refused.")
    effect: Effect | None = Field(default=None, description="What a deployment in it leads to; refuse by default.")


class CostLimitSection(Section):
    """How much the estimated cost of a stack may rise."""

    max_rise: str | float | None = Field(
        default=None, description="Most USD a month more, such as 50, or percent more, such as 20%; any by default."
    )
    effect: Effect | None = Field(default=None, description="What a larger rise leads to; ask by default.")


class UsualChangesSection(Section):
    """Whether a plan is compared with what the stack's own deployments did before."""

    effect: Effect | None = Field(default=None, description="What an unusual plan leads to; allow by default.")
    deployments: int | None = Field(default=None, description="How many past deployments count; 20 by default.")


class RequiredTagsSection(Section):
    """Tags that a configuration must have."""

    required: ListOf[str] | None = Field(default=None, description="Names of tags; none by default.")
    effect: Effect | None = Field(default=None, description="What a missing one leads to; refuse by default.")


class AllowedRegionsSection(Section):
    """Regions that a stack may be in."""

    allowed: ListOf[str] | None = Field(default=None, description="Names or patterns such as eu-*; all by default.")
    effect: Effect | None = Field(default=None, description="What another region leads to; refuse by default.")


class GuardrailsSection(Section):
    """What a plan may do without being refused or asked about; unset parts follow the environment."""

    packs: ListOf[GuardrailPack] | None = Field(
        default=None, description="Shipped guardrails whose values hold where none are written."
    )
    deletes: DeletesSection = DeletesSection()
    replacements_of_stateful: Effect | None = Field(
        default=None, description="What replacing a resource leads to whose data is lost with it."
    )
    protected: ListOf[str] | None = Field(
        default=None, description="Names or types of resources, or patterns, that are never deleted or replaced."
    )
    freeze: ListOf[FreezeSection] | None = Field(default=None, description="Times in which nothing is deployed.")
    cost: CostLimitSection = CostLimitSection()
    usual: UsualChangesSection = UsualChangesSection()
    tags: RequiredTagsSection = RequiredTagsSection()
    regions: AllowedRegionsSection = AllowedRegionsSection()
    public_data: Effect | None = Field(
        default=None, description="What data leads to that anybody can read or connect to over the internet."
    )
    open_access: Effect | None = Field(
        default=None,
        description="What an API without key, login or token, a public service or a site without firewall leads to.",
    )


GUARDRAIL_PACKS: Mapping[GuardrailPack, Mapping[str, Any]] = {
    # The rules of the plan for Semantest's platform: every stack has an owner, West US 2 and West Europe are its
    # regions (with their counterparts on the other cloud), no database can be reached publicly, the gateway is public
    # with authentication, and a firewall is before the site.
    "platform": {
        "tags": {"required": ["owner"]},
        "regions": {"allowed": ["westus", "westus2", "westeurope", "us-west-1", "us-west-2", "eu-west-1"]},
        "public_data": "refuse",
        "open_access": "refuse",
    },
}
"""Values of the section by the name of the pack that has them."""

DEFAULT_GUARDRAILS: Mapping[str, Mapping[str, Any]] = {
    "qa": {"replacements_of_stateful": "note", "open_access": "note"},
    "staging": {"replacements_of_stateful": "note", "open_access": "note"},
    "production": {"replacements_of_stateful": "ask", "open_access": "ask"},
}
"""Values of the section by built-in environment; development has none."""


def resolve_guardrails(written: GuardrailsSection, base_environment: str) -> GuardrailsSection:
    """Return the section with the values of its packs, then those of the environment, where none are written."""
    values = dict(DEFAULT_GUARDRAILS.get(base_environment, {}))
    for pack in written.packs or ():
        values = _merge(values, GUARDRAIL_PACKS[pack])
    return GuardrailsSection.model_validate(_merge(values, written.model_dump(exclude_none=True)))


def read_guardrails(configuration: Mapping[str, Any], base_environment: str) -> GuardrailsSection:
    """Return the guardrails of a recorded configuration; those of the environment alone where it cannot be read."""
    try:
        written = GuardrailsSection.model_validate(configuration.get("guardrails") or {})
    except pydantic.ValidationError:
        written = GuardrailsSection()
    return resolve_guardrails(written, base_environment)


def _merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, `upper` first; mappings are merged."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


_AMOUNT = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,4})?)\s*(?P<percent>%?)")


def parse_rise(written: str | float) -> tuple[float, bool] | None:
    """Return the number of `50` or `20%`, and whether it is percent; None for anything else."""
    match = _AMOUNT.fullmatch(str(written).strip())
    return (float(match["number"]), bool(match["percent"])) if match else None


def find_guardrail_faults(section: GuardrailsSection) -> Iterator[Fault]:
    """Yield what is wrong with the section, besides its shape, and besides the times of freezes."""
    if section.deletes.max is not None and section.deletes.max < 0:
        yield Fault("guardrails.deletes.max", f"must not be negative, and is {section.deletes.max}")
    if section.cost.max_rise is not None and parse_rise(section.cost.max_rise) is None:
        shown = make_printable(str(section.cost.max_rise))
        yield Fault("guardrails.cost.max_rise", f"'{shown}' is neither an amount nor percent", "Write 50 or 20%.")
    most = section.usual.deployments
    if most is not None and not 1 <= most <= MOST_PAST_DEPLOYMENTS:
        yield Fault("guardrails.usual.deployments", f"must be 1 to {MOST_PAST_DEPLOYMENTS}, not {most}")
    for key, names in (
        ("protected", section.protected),
        ("tags.required", section.tags.required),
        ("regions.allowed", section.regions.allowed),
    ):
        for index, name in enumerate(names or ()):
            if not name or name != name.strip() or not name.isprintable():
                hint = "Write it without spaces around it." if name.strip() else ""
                yield Fault(f"guardrails.{key}[{index}]", f"'{make_printable(name)}' is no name", hint)
    for index, window in enumerate(section.freeze or ()):
        yield from _find_freeze_faults(f"guardrails.freeze[{index}]", window)


def _find_freeze_faults(at: str, window: FreezeSection) -> Iterator[Fault]:
    times, repeated = (window.start, window.end), (window.cron, window.hours)
    hint = "Write start and end, or cron and hours."
    if any(it is not None for it in times) and any(it is not None for it in repeated):
        yield Fault(at, "has both one time and times that repeat", hint)
    elif None in times and None in repeated:
        yield Fault(at, "says not when it begins and ends", hint)
    if window.hours is not None and not 0 < window.hours <= LONGEST_FREEZE_HOURS:
        yield Fault(f"{at}.hours", f"must be above 0, and {LONGEST_FREEZE_HOURS} at most")
