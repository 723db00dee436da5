"""The life of a platform on an engine: created, unchanged, without what its flags bring, complete again, destroyed.

Every command is planned first, and each plan says what the command then does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from semantest_iac_events.values import ChangeCounts
from tests.integration.platform.places import PlatformPlace
from tests.whole_platform import read_whole_platform

_UPPER_FLAGS = ("container_apps", "api_management", "cdn")
_LOWER_FLAGS = ("service_bus", "functions", "sql_database", "redis_cache", "cosmos_db", "data_factory")
_TURNED_OFF: Mapping[str, Sequence[str]] = {
    "upper flags off": _UPPER_FLAGS,
    "all flags off": (*_UPPER_FLAGS, *_LOWER_FLAGS),
}
"""The flags that a command turns off; every other command turns all on that the environment has."""
WHOLE_LIFE = (
    *("create", "no change", "upper flags off", "upper flags on", "all flags off", "all flags on"),
    *("destroy", "create again", "destroy again"),
)

Resources = list[tuple[str, str]]


@dataclass(frozen=True)
class LifeStep:
    """A command of the life: what it changed, which resources there are after it, and how long it took.

    `processor_seconds` are those of this process, which a busy machine changes little; Pulumi works in others.
    """

    command: str
    changes: ChangeCounts
    resources: Resources
    seconds: float
    processor_seconds: float


async def lead_life(place: PlatformPlace, commands: Sequence[str] = WHOLE_LIFE) -> list[LifeStep]:
    """Run the commands in turn and return what they did."""
    steps = []
    for number, command in enumerate(commands):
        place.deployment = f"deployment-{number}"  # by which names differ that a cloud reserves after a deletion
        features = dict.fromkeys((f"enable_{name}" for name in _TURNED_OFF.get(command, ())), False)
        values = read_whole_platform(place.folder, place.stack, features)
        started, processed = time.monotonic(), time.process_time()
        if command.startswith("destroy"):
            changes = await place.destroy()
        else:
            changes = (await place.deploy(**values)).changes
        seconds, processor_seconds = time.monotonic() - started, time.process_time() - processed
        steps.append(LifeStep(command, changes, await place.list_resources(), seconds, processor_seconds))
    return steps


def find_faults(steps: Sequence[LifeStep], left_in_cloud: Resources) -> list[str]:
    """Return what is wrong in a whole life by itself, whatever its engine was."""
    by_command = {it.command: it for it in steps}
    created, again = by_command["create"], by_command["create again"]
    rules = {
        "the creation does more than create": created.changes == ChangeCounts(create=created.changes.create),
        "the second deployment changes something": by_command["no change"].changes.is_empty,
        "the destruction leaves resources in the state": by_command["destroy"].resources == [],
        "the next creation makes something else": again.resources == created.resources,
        f"left in the cloud: {left_in_cloud}": len(left_in_cloud) == sum(it.changes.keep for it in steps),
    }
    return [rule for rule, holds in rules.items() if not holds] + [*_find_flag_faults(steps, created)]


def _find_flag_faults(steps: Sequence[LifeStep], created: LifeStep) -> Iterator[str]:
    """Yield where flags do not take away what they bring, or do not bring the same back."""
    for off, on in pairwise(steps):
        if off.command in _TURNED_OFF:
            if off.changes.create or off.changes.replace or not off.changes.delete:
                yield f"{off.command}: {off.changes}"
            if on.changes.delete or on.changes.replace:
                yield f"{on.command}: {on.changes}"
            if on.resources != created.resources:
                yield f"{on.command}: brings something else: {sorted({*on.resources} ^ {*created.resources})}"


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
