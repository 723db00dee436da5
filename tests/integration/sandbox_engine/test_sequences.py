"""Random programs, edited at random and hit by random faults: whatever happens, the state stays true."""

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
    """A topic with its options, and whether a subscription hangs on it."""

    name: str
    physical: str | None
    tag: str
    subscribed: bool
    first: bool | None
    protect: bool
    needs: tuple[str, ...]

    def make(self, made: dict[str, pulumi.Resource]) -> None:
        """Register it after those that it needs."""
        options = pulumi.ResourceOptions(
            depends_on=[made[need] for need in self.needs if need in made],
            delete_before_replace=self.first,
            protect=self.protect,
        )
        topic = aws.sns.Topic(self.name, name=self.physical, tags={"tag": self.tag}, opts=options)
        made[self.name] = topic
        if self.subscribed:
            arguments: dict[str, Any] = {"topic": topic.arn, "protocol": "email", "endpoint": "a@example.org"}
            aws.sns.TopicSubscription(f"{self.name}-mail", **arguments)


def _piece(name: str) -> st.SearchStrategy[Piece]:
    return st.builds(
        Piece,
        name=st.just(name),
        physical=st.sampled_from([None, f"{name}-1", f"{name}-2"]),
        tag=st.sampled_from(["x", "y"]),
        subscribed=st.booleans(),
        first=st.sampled_from([None, None, True, False]),
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
        made: dict[str, pulumi.Resource] = {}
        for piece in pieces:
            piece.make(made)

    return program


def _told(run: Callable[[], list[ResourceStep]]) -> list[tuple[str, str, tuple[str, ...]]] | None:
    """The steps, or None where something protected or a fault was in the way."""
    try:
        return sorted((step.op, step.state.urn, step.why) for step in run())
    except ProviderError:
        return None


class TestSequencesOfEdits:
    @pytest.mark.timeout(300)
    @settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(_PROGRAMS, _FAULTS), min_size=1, max_size=4))
    def test_do_what_was_foreseen_and_leave_a_state_that_is_true(
        self, edits: list[tuple[tuple[Piece, ...], ScriptedFault | None]]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder))
            for pieces, fault in edits:
                program = _program(pieces)
                world.faults = FaultScript((fault,)) if fault else NO_FAULTS
                _told(lambda: world.up(program))  # noqa: B023 - called at once
                assert world.remembered() == world.living()

                world.faults = NO_FAULTS
                foreseen = _told(lambda: world.preview(program))  # noqa: B023 - called at once
                assert _told(lambda: world.up(program)) == foreseen  # noqa: B023 - called at once
                assert world.remembered() == world.living()
                assert foreseen is None or {step.op for step in world.up(program)} <= {"same"}
