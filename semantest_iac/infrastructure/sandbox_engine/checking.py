"""The inputs of a resource as its provider completes and judges them."""

from __future__ import annotations

import uuid
from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine import paths
from semantest_iac.infrastructure.sandbox_engine.regions import Regions
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import bare


def checked(wanted: ResourceState, old: ResourceState | None, regions: Regions) -> tuple[ResourceState, list[str]]:
    """The resource with ignored changes put back and a physical name chosen, and all that is wrong with it.

    What was chosen before (`old`) stays; one that is made anew is named anew.
    """
    if old:
        wanted = replace(wanted, inputs=paths.put_back(wanted.inputs, old.inputs, wanted.ignore_changes))
    if wanted.is_local:
        return wanted, []
    if not regions.of(wanted).supports(wanted.type):
        return wanted, [f"the simulated cloud has no rules for {wanted.type}"]
    return _named(wanted, old, regions), _faults(wanted, regions)


def _named(wanted: ResourceState, old: ResourceState | None, regions: Regions) -> ResourceState:
    given, previous = bare(wanted.inputs), bare(old.inputs) if old else {}
    salt = uuid.uuid4().hex
    chosen = regions.of(wanted).named(wanted.type, given, wanted.name, previous=previous, salt=salt)
    added = {name: value for name, value in chosen.items() if name not in given}
    return replace(wanted, inputs={**wanted.inputs, **added}) if added else wanted


def _faults(wanted: ResourceState, regions: Regions) -> list[str]:
    failures = regions.of(wanted).check(wanted.type, bare(wanted.inputs))
    return [f"{failure.property}: {failure.reason}" for failure in failures if not failure.warning]
