"""What clouds have of what blueprints ask for, and the refusal of what the one that is meant lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.features import COMPONENT, KINDS, Feature, Wanted, asked_by
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.resource import Resource

_SECTIONS = (COMPONENT, "features.", "monitoring.")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one cloud says of itself: the kinds it makes, what it lacks and why, what it has in a form of its own."""

    cloud: str
    kinds: frozenset[type[Resource]] = frozenset(KINDS)
    lacks: Mapping[Wanted, str] = field(default_factory=dict)
    bends: Mapping[Wanted, str] = field(default_factory=dict)

    def lack(self, wanted: Wanted) -> str:
        """Why the cloud does not have it; empty where it does."""
        if isinstance(wanted, Feature):
            return self.lack(wanted.kind) or self.lacks.get(wanted, "")
        return "" if wanted in self.kinds else self.lacks.get(wanted, "it has no program for that")


CapabilitiesOf = Callable[[str], Capabilities]
"""Those of a cloud by its name; raises RefusedError where it cannot be used here."""


def refusals(
    blueprint: Blueprint, cloud: Capabilities, others: Callable[[], Iterable[Capabilities]]
) -> Iterator[Fault]:
    """A fault for each thing asked for that the cloud lacks, with its reason and the clouds that have it."""
    lacking = [wanted for wanted in asked_by(blueprint) if cloud.lack(wanted)]
    known = list(others()) if lacking else []
    for wanted in lacking:
        if isinstance(wanted, Feature) and wanted.kind in lacking:
            continue
        having = [other.cloud for other in known if not other.lack(wanted)]
        hint = f"Available on {', '.join(having)}." if having else "No cloud has it; leave it out."
        reason = f"{cloud.cloud} has no {label(wanted)}: {cloud.lack(wanted)}"
        yield Fault(_path(wanted, blueprint.stack.component), reason, hint)


def label(wanted: Wanted) -> str:
    """Such as `HttpApi` or `HttpApi (CORS)`."""
    return f"{wanted.kind.__name__} ({wanted.name})" if isinstance(wanted, Feature) else wanted.__name__


def _path(wanted: Wanted, component: str) -> str:
    key = wanted.key if isinstance(wanted, Feature) else KINDS[wanted]
    return key if key.startswith(_SECTIONS) else f"components.{component}.{key}"
