"""The section `guardrails`: what is refused of it, and what holds where nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.environments.guardrail_sections import (
    GuardrailsSection,
    find_guardrail_faults,
    parse_rise,
    read_guardrails,
    resolve_guardrails,
)


def find_paths(**section: Any) -> list[str]:
    """Return the paths of all faults."""
    return [fault.path.removeprefix("guardrails.") for fault in find_guardrail_faults(GuardrailsSection(**section))]


class TestFaults:
    @pytest.mark.parametrize(
        ("section", "paths"),
        [
            ({"deletes": {"max": -1}}, ["deletes.max"]),
            ({"cost": {"max_rise": "much"}}, ["cost.max_rise"]),
            ({"cost": {"max_rise": -5.0}}, ["cost.max_rise"]),
            ({"usual": {"deployments": 0}}, ["usual.deployments"]),
            ({"usual": {"deployments": 201}}, ["usual.deployments"]),
            ({"protected": ["a", " "]}, ["protected[1]"]),
            ({"tags": {"required": [""]}, "regions": {"allowed": ["\n"]}}, ["tags.required[0]", "regions.allowed[0]"]),
            ({"freeze": [{}]}, ["freeze[0]"]),
            ({"freeze": [{"cron": "* * * * *"}]}, ["freeze[0]"]),
            ({"freeze": [{"start": "2026-01-01"}]}, ["freeze[0]"]),
            ({"freeze": [{"cron": "* * * * *", "hours": 1.0, "start": "x", "end": "y"}]}, ["freeze[0]"]),
            ({"freeze": [{"cron": "* * * * *", "hours": 0.0}]}, ["freeze[0].hours"]),
            ({"freeze": [{"cron": "* * * * *", "hours": 9000.0}]}, ["freeze[0].hours"]),
        ],
    )
    def test_name_the_place(self, section: dict[str, Any], paths: list[str]) -> None:
        assert find_paths(**section) == paths

    def test_are_not_found_in_what_fits(self) -> None:
        freeze = [{"cron": "0 16 * * 5", "hours": 64}, {"start": "2026-12-20", "end": "2027-01-04"}]

        assert find_paths(deletes={"max": 0}, cost={"max_rise": "20%"}, freeze=freeze, protected=["a"]) == []


class TestRises:
    @pytest.mark.parametrize(
        ("written", "parsed"),
        [(50, (50, False)), (0.5, (0.5, False)), ("20%", (20, True)), ("7.5 %", (7.5, True)), ("$5", None), ("", None)],
    )
    def test_are_amounts_or_percent(self, written: str | float, parsed: tuple[float, bool] | None) -> None:
        assert parse_rise(written) == parsed


class TestResolving:
    @pytest.mark.parametrize(
        ("environment", "effect"),
        [("development", None), ("qa", "note"), ("staging", "note"), ("production", "ask")],
    )
    def test_takes_what_the_environment_has(self, environment: str, effect: str | None) -> None:
        assert resolve_guardrails(GuardrailsSection(), environment).replacements_of_stateful == effect

    def test_prefers_what_is_written(self) -> None:
        written = GuardrailsSection(replacements_of_stateful="allow")

        assert resolve_guardrails(written, "production").replacements_of_stateful == "allow"

    def test_adds_packs_and_keeps_what_is_written(self) -> None:
        values = {"packs": ["platform"], "tags": {"effect": "note"}, "regions": {"allowed": ["eu-west-1"]}}
        written = GuardrailsSection.model_validate(values)
        resolved = resolve_guardrails(written, "production")

        assert (resolved.tags.required, resolved.tags.effect) == (("owner",), "note")
        assert (resolved.regions.allowed, resolved.public_data) == (("eu-west-1",), "refuse")
        assert resolved.replacements_of_stateful == "ask"

    def test_reads_recorded_configurations_as_far_as_they_can_be_read(self) -> None:
        assert read_guardrails({"guardrails": {"deletes": {"max": 2}}}, "development").deletes.max == 2
        assert read_guardrails({"guardrails": {"later": 1}}, "production").replacements_of_stateful == "ask"
        assert read_guardrails({}, "development") == GuardrailsSection()
