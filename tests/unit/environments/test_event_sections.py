"""What the configuration refuses of the names that its sections about events use."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.environments.event_sections import (
    EventSourceSection,
    EventTargetSection,
    SubscriptionSection,
    find_event_faults,
)

FILES: dict[str, Any] = {"type": "files", "folder": "in"}
DEPLOY: dict[str, Any] = {"event": "Changed", "action": "deploy", "component": "rest-api"}


def _find(source: dict[str, Any], subscription: dict[str, Any]) -> list[str]:
    sources = {"one": EventSourceSection.model_validate(FILES | source)}
    subscriptions = {"one": SubscriptionSection.model_validate(DEPLOY | subscription)}
    return [fault.path for fault in find_event_faults(sources, {}, subscriptions, ["pr-12"])]


class TestNames:
    @pytest.mark.parametrize("name", ["a b", "target x", "", "../x", "a\x1b[31m", "x" * 61, "a\n"])
    def test_that_could_be_taken_for_something_else_are_refused(self, name: str) -> None:
        source, target = EventSourceSection.model_validate(FILES), EventTargetSection.model_validate(FILES)
        subscription = SubscriptionSection.model_validate(DEPLOY)

        faults = list(find_event_faults({name: source}, {name: target}, {name: subscription}))

        assert [fault.message for fault in faults] == ["cannot be a name"] * 3

    @pytest.mark.parametrize("name", ["core", "Core_2", "config-changed", "a.b", "7"])
    def test_of_letters_and_digits_are_accepted(self, name: str) -> None:
        assert not list(find_event_faults({name: EventSourceSection.model_validate(FILES)}, {}, {}))


class TestEnvironments:
    @pytest.mark.parametrize("name", ["production", "Prod", "pr-12"])
    def test_that_exist_are_accepted(self, name: str) -> None:
        assert _find({"environments": [name]}, {"environment": name}) == []

    def test_that_no_stack_has_are_refused(self) -> None:
        faults = _find({"environments": ["prodd"]}, {"environment": "stagin"})

        assert faults == ["event_sources.one.environments", "subscriptions.one.environment"]

    def test_may_be_taken_from_the_event(self) -> None:
        assert _find({}, {"environment": "$.payload.environment"}) == []

    def test_are_taken_from_nothing_else_of_the_event(self) -> None:
        assert _find({}, {"environment": "$.environment"}) == ["subscriptions.one.environment"]


class TestInstances:
    def test_are_not_more_at_least_than_at_most(self) -> None:
        scale = {"action": "scale", "min_instances": 9, "max_instances": 2}

        assert _find({}, scale) == ["subscriptions.one.min_instances"]

    @pytest.mark.parametrize(
        "keys",
        [
            {"min_instances": 1},
            {"max_instances": 1},
            {"min_step": 1},
            {"max_step": 1, "min_instances": 2, "direction": "out"},
            {"min_step": 2, "direction": "$.payload.state"},
        ],
    )
    def test_are_a_number_or_a_step(self, keys: dict[str, Any]) -> None:
        assert _find({}, {"action": "scale", **keys}) == []

    @pytest.mark.parametrize(
        ("keys", "faulty"),
        [
            ({}, ["min_instances"]),
            ({"direction": "out"}, ["min_instances", "direction"]),
            ({"min_step": -1, "max_step": 0}, ["min_step", "max_step"]),
            ({"min_instances": 1, "min_step": 1}, ["min_step"]),
            ({"min_step": 1, "direction": "up"}, ["direction"]),
            ({"min_instances": 1, "direction": "out"}, ["direction"]),
        ],
        ids=["nothing", "direction alone", "no steps", "both", "unknown direction", "direction of a number"],
    )
    def test_that_say_nothing_are_refused(self, keys: dict[str, Any], faulty: list[str]) -> None:
        assert _find({}, {"action": "scale", **keys}) == [f"subscriptions.one.{key}" for key in faulty]

    def test_are_for_scale_alone(self) -> None:
        assert _find({}, {"min_step": 1}) == ["subscriptions.one.min_step"]
