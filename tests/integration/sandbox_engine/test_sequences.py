"""Random programs with random edits and random faults always leave a correct state."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine.plan.steps import ResourceStep
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import (
    NO_FAULTS,
    FaultEffect,
    FaultScript,
    ScriptedFault,
)
from tests.integration.sandbox_engine.world import Program, World

_NAMES = "abcd"


@dataclass(frozen=True)
class Piece:
    """A topic with its options, optionally with a subscription."""

    name: str
    physical_name: str | None
    tag: str
    subscribed: bool
    delete_before_replace: bool | None
    protect: bool
    needs: tuple[str, ...]

    def register(self, registered: dict[str, pulumi.Resource]) -> None:
        """Register it after those that it needs."""
        options = pulumi.ResourceOptions(
            depends_on=[registered[need] for need in self.needs if need in registered],
            delete_before_replace=self.delete_before_replace,
            protect=self.protect,
        )
        topic = aws.sns.Topic(self.name, name=self.physical_name, tags={"tag": self.tag}, opts=options)
        registered[self.name] = topic
        if self.subscribed:
            arguments: dict[str, Any] = {"topic": topic.arn, "protocol": "email", "endpoint": "a@example.org"}
            aws.sns.TopicSubscription(f"{self.name}-mail", **arguments)


def _piece(name: str) -> st.SearchStrategy[Piece]:
    return st.builds(
        Piece,
        name=st.just(name),
        physical_name=st.sampled_from([None, f"{name}-1", f"{name}-2"]),
        tag=st.sampled_from(["x", "y"]),
        subscribed=st.booleans(),
        delete_before_replace=st.sampled_from([None, None, True, False]),
        protect=st.sampled_from([False, False, False, True]),
        needs=st.sets(st.sampled_from(_NAMES[: _NAMES.index(name)] or "-")).map(sorted).map(tuple),
    )


_PROGRAMS = st.sets(st.sampled_from(_NAMES)).flatmap(lambda names: st.tuples(*map(_piece, sorted(names))))
_FAULTS = st.one_of(
    st.none(),
    st.builds(
        ScriptedFault,
        effect=st.sampled_from(
            [FaultEffect.REFUSE, FaultEffect.THROTTLE, FaultEffect.CREATED_BUT_TIMEOUT, FaultEffect.PARTIAL]
        ),
        operation=st.sampled_from(["create", "update", "delete"]),
        call=st.integers(1, 4),
    ),
)


def _program(pieces: tuple[Piece, ...]) -> Program:
    def program() -> None:
        registered: dict[str, pulumi.Resource] = {}
        for piece in pieces:
            piece.register(registered)

    return program


def _steps_of(run: Callable[[], list[ResourceStep]]) -> list[tuple[str, str, tuple[str, ...]]] | None:
    """Return the steps, or None if protection or a fault stopped the run."""
    try:
        return sorted((step.op, step.state.urn, step.why) for step in run())
    except ProviderError:
        return None


class TestSequencesOfEdits:
    @pytest.mark.timeout(300)
    @settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(_PROGRAMS, _FAULTS), min_size=1, max_size=4))
    def test_match_their_preview_and_leave_a_correct_state(
        self, edits: list[tuple[tuple[Piece, ...], ScriptedFault | None]]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder))
            for pieces, fault in edits:
                program = _program(pieces)
                world.faults = FaultScript((fault,)) if fault else NO_FAULTS
                _steps_of(lambda: world.up(program))  # noqa: B023 - called at once
                assert world.in_state() == world.in_cloud()

                world.faults = NO_FAULTS
                planned = _steps_of(lambda: world.preview(program))  # noqa: B023 - called at once
                assert _steps_of(lambda: world.up(program)) == planned  # noqa: B023 - called at once
                assert world.in_state() == world.in_cloud()
                assert planned is None or {step.op for step in world.up(program)} <= {"same"}
