"""The two ways to carry out an operation: for real, with a journal row before and after, or in mind only."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from semantest_iac.infrastructure.sandbox_engine.journal import Begun, Effect, Journal
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import PROVIDER_PREFIX
from semantest_iac.infrastructure.sandbox_engine.values import bare, merge_secrets
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

CloudOf = Callable[[ResourceState], Cloud]


class Operator(Protocol):
    """Takes a resource as it should be and returns it as it is; the caller applies the effects."""

    def create(self, goal: ResourceState, replacing: ResourceState | None = None) -> Effect:
        """Make it; what it replaces is marked for deletion."""
        ...

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """Change it in place."""
        ...

    def delete(self, old: ResourceState) -> Effect:
        """Delete it, or leave it behind where it is to be kept."""
        ...

    def remember(self, state: ResourceState, old: ResourceState | None = None) -> Effect:
        """Note a change that no cloud hears of."""
        ...


class DryOperator:
    """Answers what is known beforehand and touches nothing."""

    def __init__(self, cloud_of: CloudOf) -> None:
        self._cloud_of = cloud_of

    def create(self, goal: ResourceState, replacing: ResourceState | None = None) -> Effect:
        """The outputs that follow from the inputs; the rest is unknown."""
        if is_local(goal):
            return Effect(put=replace(goal, outputs=goal.inputs))
        outputs = self._cloud_of(goal).preview_create(goal.type, bare(goal.inputs))
        return Effect(put=_with(goal, "", outputs), doom=replacing.key if replacing else None)

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """The old outputs, unknown where the change will reach them."""
        if is_local(goal):
            return Effect(put=replace(goal, id=old.id, outputs=goal.inputs), drop=old.key)
        outputs = self._cloud_of(goal).preview_update(goal.type, bare(old.outputs), bare(goal.inputs))
        return Effect(put=_with(goal, old.id, outputs), drop=old.key)

    def delete(self, old: ResourceState) -> Effect:
        """Gone in mind."""
        return Effect(drop=old.key)

    def remember(self, state: ResourceState, old: ResourceState | None = None) -> Effect:
        """Known in mind."""
        return Effect(put=state, drop=old.key if old else None)


class LiveOperator:
    """Calls the cloud, one journal row before and one after."""

    def __init__(self, cloud_of: CloudOf, journal: Journal) -> None:
        self._cloud_of = cloud_of
        self._journal = journal

    def create(self, goal: ResourceState, replacing: ResourceState | None = None) -> Effect:
        """The cloud keeps the owner mark of the journal row, so that an unfinished create can be found."""
        doom = replacing.key if replacing else None
        return self._journalled("create", goal, lambda owner: Effect(put=self._create(goal, owner), doom=doom))

    def update(self, goal: ResourceState, old: ResourceState) -> Effect:
        """Safe to repeat: an update that was not noted is found as a difference and made again."""
        return self._journalled(
            "update",
            replace(goal, id=old.id),
            lambda owner: Effect(put=self._update(goal, old), drop=old.key),
        )

    def delete(self, old: ResourceState) -> Effect:
        """Safe to repeat: a cloud does not mind deleting what is gone."""
        return self._journalled("delete", old, lambda owner: self._delete(old))

    def remember(self, state: ResourceState, old: ResourceState | None = None) -> Effect:
        """Only noted: no cloud is involved."""
        effect = Effect(put=state, drop=old.key if old else None)
        self._journal.end("", effect)
        return effect

    def _journalled(self, op: str, goal: ResourceState, act: Callable[[str], Effect]) -> Effect:
        owner = uuid.uuid4().hex
        self._journal.begin(Begun(op, owner, goal))
        effect = act(owner)
        self._journal.end(owner, effect)
        return effect

    def _create(self, goal: ResourceState, owner: str) -> ResourceState:
        if is_local(goal):
            return replace(goal, id=str(uuid.uuid4()), outputs=goal.inputs)
        created = self._cloud_of(goal).create(goal.type, bare(goal.inputs), owner=owner)
        return _with(goal, created.id, created.outputs)

    def _update(self, goal: ResourceState, old: ResourceState) -> ResourceState:
        if is_local(goal):
            return replace(goal, id=old.id, outputs=goal.inputs)
        return _with(goal, old.id, self._cloud_of(goal).update(goal.type, old.id, bare(goal.inputs)))

    def _delete(self, old: ResourceState) -> Effect:
        if not (is_local(old) or old.retain_on_delete or old.external):
            self._cloud_of(old).delete(old.type, old.id, bare(old.outputs))
        return Effect(drop=old.key)


def is_local(state: ResourceState) -> bool:
    """Components and providers exist in the state only."""
    return not state.custom or state.type.startswith(PROVIDER_PREFIX)


def _with(goal: ResourceState, id_: str, outputs: Mapping[str, Any]) -> ResourceState:
    return replace(goal, id=id_, outputs=merge_secrets(dict(outputs), goal.inputs, goal.additional_secret_outputs))
