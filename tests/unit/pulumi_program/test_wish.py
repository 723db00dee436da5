"""What a Pulumi stack's name and configuration ask for."""

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
class Said:
    """A stack in memory."""

    stack: str
    config: dict[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()


def _faults(stack: str, secret: str = "", **config: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        read_program_inputs(Said(stack, config, frozenset({secret} - {""})), {})
    assert _CANARY not in str(caught.value.faults)
    return {fault.path: fault.message for fault in caught.value.faults}


class TestWish:
    def test_has_every_word_of_a_full_name(self) -> None:
        found = read_program_inputs(Said(_FULL), {})

        assert (found.component, found.generation) == ("rest-api", 1)
        assert found.sources["values"] == {"provider": "aws", "environment": "staging", "region": "us-east-1"}

    def test_has_the_environment_of_a_bare_name_and_the_rest_as_configured(self) -> None:
        config = {"component": "rest-api", "region": "eu-west-1", "config": "a/b.yaml", "generation": "3"}

        found = read_program_inputs(Said("prod", config), {})

        assert (found.component, found.generation, found.sources["file"]) == ("rest-api", 3, Path("a/b.yaml"))
        assert found.sources["values"] == {"environment": "prod", "region": "eu-west-1"}

    def test_has_settings_as_values(self) -> None:
        config = {"components": '{"rest-api":{"memory":1024}}', "monitoring": "[]{"}

        found: dict[str, Any] = read_program_inputs(Said("qa", config), {}).sources["values"]

        assert found == {"environment": "qa", "components": {"rest-api": {"memory": 1024}}, "monitoring": "[]{"}

    def test_has_secrets_among_the_variables(self) -> None:
        said = Said("qa", {"secrets": f'{{"database_url":"{_CANARY}"}}'}, frozenset({"secrets"}))

        found = read_program_inputs(said, {"PATH": "/bin"})

        assert found.sources["environ"] == {"PATH": "/bin", "SEMANTEST_SECRET_DATABASE_URL": _CANARY}
        assert _CANARY not in repr(found)


class TestRefusal:
    def test_names_every_fault(self) -> None:
        faults = _faults(_FULL, provider="azure", memory="1024", generation="0", secrets=f'{{"a":"{_CANARY}"}}')

        assert faults == {
            "semantest:memory": "unknown key",
            "semantest:provider": "'azure' contradicts the stack's name",
            "semantest:generation": "'0' is not a number from 1",
            "semantest:secrets": "is kept in the clear",
        }

    def test_meets_a_secret_that_would_lie_open(self) -> None:
        written = f'{{"rest-api":{{"environment":{{"TOKEN":"{_CANARY}"}}}}}}'

        assert _faults("qa", secret="components", components=written) == {"semantest:components": "holds a secret"}

    def test_meets_secrets_without_names(self) -> None:
        assert _faults("qa", secret="secrets", secrets=_CANARY) == {"semantest:secrets": "does not name its secrets"}

    @pytest.mark.parametrize("key", ["environment", "engine", "cloud"])
    def test_meets_keys_that_the_name_and_pulumi_have_settled(self, key: str) -> None:
        assert _faults("qa", **{key: "production"}) == {f"semantest:{key}": "unknown key"}
