"""The two ways to carry out an operation: for real, with a journal row before and after, or in mind only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from semantest_iac.infrastructure.sandbox_engine.journal import Journal
from semantest_iac.infrastructure.sandbox_engine.recovery import CloudOf
from semantest_iac.infrastructure.sandbox_engine.snapshots import Effect
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import bare, outputs_like
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal


class HalfDoneError(Exception):
    """The cloud made a resource and failed to complete it: the effect stands although the operation was refused."""

    def __init__(self, effect: Effect, refusal: CloudRefusal) -> None:
        super().__init__(refusal.message)
        self.effect = effect
        self.refusal = refusal


class Operator(Protocol):
    """Takes a resource as it should be and returns what is to be remembered; the caller applies it."""

    def create(self, goal: ResourceState, after: Effect) -> Effect:
        """Make it; `after` is what becomes of what it replaces."""
        ...

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """Change it in place."""
        ...

    def delete(self, old: ResourceState, after: Effect) -> Effect:
        """Delete it, or leave it behind where it is to be kept."""
        ...

    def note(self, effect: Effect) -> Effect:
        """Remember a change that no cloud hears of."""
        ...


class DryOperator:
    """Answers what is known beforehand and touches nothing."""

    def __init__(self, cloud_of: CloudOf) -> None:
        self._cloud_of = cloud_of

    def create(self, goal: ResourceState, after: Effect) -> Effect:
        """The outputs that follow from the inputs; the rest is unknown."""
        if goal.is_local:
            return replace(after, put=_noted(goal, ""))
        return replace(after, put=_with(goal, "", self._cloud_of(goal).preview_create(goal.type, bare(goal.inputs))))

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """The old outputs, unknown where the change will reach them."""
        if goal.is_local:
            return Effect(_noted(goal, old.id), old.key)
        outputs = self._cloud_of(goal).preview_update(goal.type, bare(old.outputs), bare(goal.inputs))
        return Effect(_with(goal, old.id, outputs), old.key)

    def delete(self, old: ResourceState, after: Effect) -> Effect:
        """Gone in mind."""
        return after

    def note(self, effect: Effect) -> Effect:
        """Known in mind."""
        return effect


class LiveOperator:
    """Calls the cloud, one journal row before and one after."""

    def __init__(self, cloud_of: CloudOf, journal: Journal) -> None:
        self._cloud_of = cloud_of
        self._journal = journal

    def create(self, goal: ResourceState, after: Effect) -> Effect:
        """The cloud keeps the mark of the journal row, so that an unfinished create can be found."""
        if goal.is_local:
            return self.note(replace(after, put=_noted(goal, str(uuid.uuid4()) if goal.is_provider else "")))
        owner = self._journal.begin("create", goal, after)
        try:
            created = self._cloud_of(goal).create(goal.type, bare(goal.inputs), owner=owner)
        except CloudRefusal as refusal:
            if refusal.created is None:
                raise
            half = replace(_with(goal, refusal.created.id, refusal.created.outputs), init_errors=(refusal.message,))
            raise HalfDoneError(self._ended(owner, replace(after, put=half)), refusal) from refusal
        return self._ended(owner, replace(after, put=_with(goal, created.id, created.outputs)))

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """Safe to repeat: an update that was not noted is found as a difference and made again."""
        after = Effect(drop=old.key)
        if goal.is_local:
            return self.note(replace(after, put=_noted(goal, old.id)))
        owner = self._journal.begin("update", replace(goal, id=old.id), after)
        outputs = self._cloud_of(goal).update(goal.type, old.id, bare(goal.inputs))
        return self._ended(owner, replace(after, put=_with(goal, old.id, outputs)))

    def delete(self, old: ResourceState, after: Effect) -> Effect:
        """Safe to repeat: a cloud does not mind deleting what is gone."""
        if old.is_local or old.external or old.retain_on_delete:
            return self.note(after)
        owner = self._journal.begin("delete", old, after)
        self._cloud_of(old).delete(old.type, old.id, bare(old.outputs))
        return self._ended(owner, after)

    def note(self, effect: Effect) -> Effect:
        """One row, no cloud."""
        self._journal.note(effect)
        return effect

    def _ended(self, owner: str, effect: Effect) -> Effect:
        self._journal.end(owner, effect)
        return effect


def _noted(goal: ResourceState, id_: str) -> ResourceState:
    """A component's outputs are told by the program in the end; a provider's are its configuration."""
    return replace(goal, id=id_, outputs=goal.inputs if goal.is_provider else {})


def _with(goal: ResourceState, id_: str, outputs: Mapping[str, Any]) -> ResourceState:
    return replace(goal, id=id_, outputs=outputs_like(outputs, goal.inputs, goal.additional_secret_outputs))
