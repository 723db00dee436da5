"""The inputs from the name and the configuration of a Pulumi stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.presentation.pulumi_program.program_inputs import ProgramInputs, read_program_inputs

_FULL = "rest-api.aws.staging.us-east-1"
_CANARY = "canary-5ecre7-value"


@dataclass(frozen=True)
class FakeStackConfig:
    """The configuration of a Pulumi stack in memory."""

    stack: str
    config: dict[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()
    project_config: dict[str, str] = field(default_factory=dict)


def _find_provider(region: str) -> str | None:
    return {"westus2": "azure", "eu-west-1": "aws"}.get(region)


def _read(stack: FakeStackConfig, variables: dict[str, str] | None = None) -> ProgramInputs:
    return read_program_inputs(stack, variables or {}, _find_provider)


def _faults(stack: str, secret: str = "", **config: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        _read(FakeStackConfig(stack, config, frozenset({secret} - {""})))
    assert _CANARY not in str(caught.value.faults)
    return {fault.path: fault.message for fault in caught.value.faults}


class TestInputs:
    def test_come_from_a_full_stack_name(self) -> None:
        inputs = _read(FakeStackConfig(_FULL))

        assert (inputs.component, inputs.generation) == ("rest-api", 1)
        assert inputs.sources["values"] == {"provider": "aws", "environment": "staging", "region": "us-east-1"}

    def test_include_a_project_in_front_of_the_name(self) -> None:
        inputs = _read(FakeStackConfig(f"shop.{_FULL}"))

        assert (inputs.component, inputs.sources["values"]["project"]) == ("rest-api", "shop")
        assert _faults(f"shop.{_FULL}", project="other") == {
            "semantest:project": "'other' contradicts the stack's name"
        }

    def test_include_the_project_of_the_configuration(self) -> None:
        inputs = _read(FakeStackConfig("qa", {"component": "rest-api", "project": "shop"}))

        assert inputs.sources["values"] == {"environment": "qa", "project": "shop"}

    def test_come_from_the_configuration_if_the_name_is_an_environment(self) -> None:
        config = {"component": "rest-api", "region": "eu-west-1", "config": "a/b.yaml", "generation": "3"}

        inputs = _read(FakeStackConfig("prod", config))

        assert (inputs.component, inputs.generation, inputs.sources["file"]) == ("rest-api", 3, Path("a/b.yaml"))
        assert inputs.sources["values"] == {"environment": "prod", "region": "eu-west-1"}

    def test_include_settings(self) -> None:
        config = {"components": '{"rest-api":{"memory":1024}}', "monitoring": "[]{"}

        inputs: dict[str, Any] = _read(FakeStackConfig("qa", config)).sources["values"]

        assert inputs == {"environment": "qa", "components": {"rest-api": {"memory": 1024}}, "monitoring": "[]{"}

    def test_include_secrets_as_variables(self) -> None:
        stack_config = FakeStackConfig("qa", {"secrets": f'{{"database_url":"{_CANARY}"}}'}, frozenset({"secrets"}))

        inputs = _read(stack_config, {"PATH": "/bin"})

        assert inputs.sources["environ"] == {"PATH": "/bin", "SEMANTEST_SECRET_DATABASE_URL": _CANARY}
        assert _CANARY not in repr(inputs)


class TestPlatform:
    """A stack that is named after its environment and names no component is the platform."""

    def test_is_where_its_location_is_and_has_its_owner_as_a_tag(self) -> None:
        stack = FakeStackConfig("dev", project_config={"location": "westus2", "owner": "platform-team"})

        inputs = _read(stack)

        assert (inputs.component, inputs.sources["values"]) == (
            "platform",
            {"environment": "dev", "provider": "azure", "region": "westus2", "tags": {"Owner": "platform-team"}},
        )

    def test_is_on_azure_in_the_region_of_the_plan(self) -> None:
        values = _read(FakeStackConfig("staging", {"provider": "azure"})).sources["values"]

        assert values == {"environment": "staging", "provider": "azure", "region": "westus2"}

    def test_is_elsewhere_where_the_configuration_says(self) -> None:
        assert _read(FakeStackConfig("qa")).sources["values"] == {"environment": "qa"}
        assert _read(FakeStackConfig("qa", {"provider": "aws"})).sources["values"] == {
            "environment": "qa",
            "provider": "aws",
        }


class TestFaults:
    def test_are_reported_at_once(self) -> None:
        faults = _faults(_FULL, provider="azure", memory="1024", generation="0", secrets=f'{{"a":"{_CANARY}"}}')

        assert faults == {
            "semantest:memory": "unknown key",
            "semantest:provider": "'azure' contradicts the stack's name",
            "semantest:generation": "'0' is not a number from 1 to 999999",
            "semantest:secrets": "is not encrypted",
        }

    def test_include_a_secret_outside_secrets(self) -> None:
        written = f'{{"rest-api":{{"environment":{{"TOKEN":"{_CANARY}"}}}}}}'

        assert _faults("qa", secret="components", components=written) == {"semantest:components": "holds a secret"}

    def test_include_secrets_without_names(self) -> None:
        assert _faults("qa", secret="secrets", secrets=_CANARY) == {
            "semantest:secrets": "is not a map of names and values"
        }

    def test_include_what_contradicts_itself(self) -> None:
        stack = FakeStackConfig(
            "qa", {"region": "westus2", "owner": "a"}, project_config={"location": "x", "owner": "b"}
        )

        with pytest.raises(ConfigurationError) as caught:
            _read(stack)

        assert {it.path for it in caught.value.faults} == {"semantest:location", "semantest:owner"}

    @pytest.mark.parametrize("key", ["environment", "engine", "cloud"])
    def test_include_keys_that_the_name_or_pulumi_sets(self, key: str) -> None:
        assert _faults("qa", **{key: "production"}) == {f"semantest:{key}": "unknown key"}
