"""The inputs from the name and the configuration of a Pulumi stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.presentation.pulumi_program.program_inputs import read_program_inputs

_FULL = "rest-api.aws.staging.us-east-1"
_CANARY = "canary-5ecre7-value"


@dataclass(frozen=True)
class FakeStackConfig:
    """The configuration of a Pulumi stack in memory."""

    stack: str
    config: dict[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()


def _faults(stack: str, secret: str = "", **config: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        read_program_inputs(FakeStackConfig(stack, config, frozenset({secret} - {""})), {})
    assert _CANARY not in str(caught.value.faults)
    return {fault.path: fault.message for fault in caught.value.faults}


class TestInputs:
    def test_come_from_a_full_stack_name(self) -> None:
        inputs = read_program_inputs(FakeStackConfig(_FULL), {})

        assert (inputs.component, inputs.generation) == ("rest-api", 1)
        assert inputs.sources["values"] == {"provider": "aws", "environment": "staging", "region": "us-east-1"}

    def test_include_a_project_in_front_of_the_name(self) -> None:
        inputs = read_program_inputs(FakeStackConfig(f"shop.{_FULL}"), {})

        assert (inputs.component, inputs.sources["values"]["project"]) == ("rest-api", "shop")
        assert _faults(f"shop.{_FULL}", project="other") == {
            "semantest:project": "'other' contradicts the stack's name"
        }

    def test_include_the_project_of_the_configuration(self) -> None:
        inputs = read_program_inputs(FakeStackConfig("qa", {"component": "rest-api", "project": "shop"}), {})

        assert inputs.sources["values"] == {"environment": "qa", "project": "shop"}

    def test_come_from_the_configuration_if_the_name_is_an_environment(self) -> None:
        config = {"component": "rest-api", "region": "eu-west-1", "config": "a/b.yaml", "generation": "3"}

        inputs = read_program_inputs(FakeStackConfig("prod", config), {})

        assert (inputs.component, inputs.generation, inputs.sources["file"]) == ("rest-api", 3, Path("a/b.yaml"))
        assert inputs.sources["values"] == {"environment": "prod", "region": "eu-west-1"}

    def test_include_settings(self) -> None:
        config = {"components": '{"rest-api":{"memory":1024}}', "monitoring": "[]{"}

        inputs: dict[str, Any] = read_program_inputs(FakeStackConfig("qa", config), {}).sources["values"]

        assert inputs == {"environment": "qa", "components": {"rest-api": {"memory": 1024}}, "monitoring": "[]{"}

    def test_include_secrets_as_variables(self) -> None:
        stack_config = FakeStackConfig("qa", {"secrets": f'{{"database_url":"{_CANARY}"}}'}, frozenset({"secrets"}))

        inputs = read_program_inputs(stack_config, {"PATH": "/bin"})

        assert inputs.sources["environ"] == {"PATH": "/bin", "SEMANTEST_SECRET_DATABASE_URL": _CANARY}
        assert _CANARY not in repr(inputs)


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

    @pytest.mark.parametrize("key", ["environment", "engine", "cloud"])
    def test_include_keys_that_the_name_or_pulumi_sets(self, key: str) -> None:
        assert _faults("qa", **{key: "production"}) == {f"semantest:{key}": "unknown key"}
