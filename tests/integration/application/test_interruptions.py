"""A deployment after an interrupted one ends as if nothing had been interrupted, and a destroy leaves nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pulumi_cli import require_pulumi_cli

_ROOT = Path(__file__).parents[3]
_SEED = 7
_COMPARED = ("deployed", "endpoints", "inventory", "destroyed", "open")
_EVENTS, _OPERATIONS = range(1, 17), range(1, 37)  # those of the deployments of both clouds


def _interrupt(folder: Path, provider: str, engine: str, *points: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the outcome without an interruption, and those after an interruption at each point."""
    command = [sys.executable, "-m", "tests.integration.application.interrupted_deployments"]
    environment = {**os.environ, "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"}
    finished = subprocess.run(
        [*command, str(folder), provider, engine, ",".join(points)],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    uninterrupted, *interrupted = map(json.loads, finished.stdout.splitlines())
    return uninterrupted, interrupted


def _sample(provider: str, how: str, moment: str, count: int) -> list[str]:
    numbers = _EVENTS if moment == "event" else _OPERATIONS
    chosen = random.Random(f"{_SEED} {provider} {how} {moment}").sample(numbers, count)
    return [f"{how}:{moment}:{number}" for number in chosen]


def _require_same(uninterrupted: dict[str, Any], interrupted: list[dict[str, Any]]) -> None:
    expected = {name: uninterrupted[name] for name in _COMPARED}
    for outcome in interrupted:
        assert (outcome["point"], {name: outcome[name] for name in _COMPARED}) == (outcome["point"], expected)
        assert outcome["owned"], outcome["point"]
    assert uninterrupted["deployed"][0] == uninterrupted["destroyed"][0] == "completed"
    assert uninterrupted["destroyed"][1:] == [None, []]


@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestDeployAndDestroy:
    @pytest.mark.timeout(900)
    def test_after_any_cancellation(self, tmp_path: Path, provider: str) -> None:
        uninterrupted, interrupted = _interrupt(tmp_path, provider, "sandbox", "cancel:event:*")

        assert len(interrupted) == uninterrupted["numbers"]["event"]
        _require_same(uninterrupted, interrupted)

    @pytest.mark.timeout(900)
    def test_after_kills_and_after_interruptions_during_operations(self, tmp_path: Path, provider: str) -> None:
        sample = _sample(provider, "kill", "event", 5)
        sample += [point for how in ("cancel", "kill") for point in _sample(provider, how, "operation", 3)]
        uninterrupted, interrupted = _interrupt(tmp_path, provider, "sandbox", *sample)

        assert len(interrupted) == len(sample)
        _require_same(uninterrupted, interrupted)

    @pytest.mark.timeout(900)
    def test_with_pulumi(self, tmp_path: Path, provider: str) -> None:
        require_pulumi_cli()
        sample = [
            point
            for how in ("cancel", "kill")
            for moment in ("event", "operation")
            for point in _sample(provider, how, moment, 1)
        ]
        uninterrupted, interrupted = _interrupt(tmp_path, provider, "pulumi", *sample)

        assert len(interrupted) == len(sample)
        _require_same(uninterrupted, interrupted)
