"""The life of a platform on an engine: created, unchanged, without what its flags bring, complete again, destroyed.

Every command is planned first, and each plan says what the command then does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semantest_iac_events.values import ChangeCounts
from tests.integration.platform.places import PlatformPlace

_OPTIONAL = ("service_bus", "functions", "sql_database", "redis_cache", "cosmos_db")
WHOLE_LIFE = ("create", "no change", "flags off", "flags on", "destroy", "create again", "destroy again")

Resources = list[tuple[str, str]]


@dataclass(frozen=True)
class LifeStep:
    """A command of the life: what it changed, which resources there are after it, and its seconds."""

    command: str
    changes: ChangeCounts
    resources: Resources
    seconds: float


async def lead_life(place: PlatformPlace, commands: Sequence[str] = WHOLE_LIFE) -> list[LifeStep]:
    """Run the commands in turn and return what they did."""
    steps = []
    for command in commands:
        started = time.monotonic()
        if command.startswith("destroy"):
            changes = await place.destroy()
        else:
            features = dict.fromkeys((f"enable_{name}" for name in _OPTIONAL), False) if command == "flags off" else {}
            changes = (await place.deploy(features=features)).changes
        steps.append(LifeStep(command, changes, await place.list_resources(), time.monotonic() - started))
    return steps


def find_faults(steps: Sequence[LifeStep], left_in_cloud: Resources) -> list[str]:
    """Return what is wrong in a whole life by itself, whatever its engine was."""
    created, unchanged, without, complete, destroyed, again, _ = steps
    rules = {
        "the creation does more than create": created.changes == ChangeCounts(create=created.changes.create),
        "the second deployment changes something": unchanged.changes.is_empty,
        "flags that go off create or replace": not (without.changes.create or without.changes.replace),
        "flags that go off delete nothing": bool(without.changes.delete),
        "flags that come on delete or replace": not (complete.changes.delete or complete.changes.replace),
        "flags that come on bring something else": complete.resources == created.resources,
        "the destruction leaves resources in the state": destroyed.resources == [],
        "the next creation makes something else": again.resources == created.resources,
        f"left in the cloud: {left_in_cloud}": len(left_in_cloud) == sum(it.changes.keep for it in steps),
    }
    return [rule for rule, holds in rules.items() if not holds]


def compare_lives(ours: Sequence[LifeStep], theirs: Sequence[LifeStep]) -> list[str]:
    """Return in what the lives on two engines differ."""
    return [
        f"{one.command}: {one.changes} and {other.changes}; {sorted({*one.resources} ^ {*other.resources})}"
        for one, other in zip(ours, theirs, strict=True)
        if (one.changes, one.resources) != (other.changes, other.resources)
    ]


def open_place(folder: Path, provider: str, environment: str, pulumi: Mapping[str, str] | None = None) -> PlatformPlace:
    """Return the place of a platform on one engine."""
    return PlatformPlace(folder, "platform", provider, environment, pulumi)
