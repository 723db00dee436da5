"""What PythonEDA's names of stacks, projects and locations mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ValidationError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack, read_wanted_stack

_DOCUMENTATION = Path(__file__).parents[3] / "docs" / "pythoneda.md"


def read(name: str, project: str = "", location: str = "", **metadata: Any) -> WantedStack:
    return read_wanted_stack(name, project, location, metadata, CLOUDS)


def faults_of(name: str, project: str = "", location: str = "", **metadata: Any) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        read(name, project, location, **metadata)
    return [f"{fault.path}: {fault.message}" for fault in refusal.value.faults]


class TestStackNames:
    @pytest.mark.parametrize(
        ("name", "location", "wanted"),
        [
            ("rest-api.aws.staging.us-east-1", "", WantedStack("staging", "rest-api", "aws", "us-east-1")),
            ("rest-api.aws.dev.us-east-1", "us-east-1", WantedStack("development", "rest-api", "aws", "us-east-1")),
            ("shop.rest-api.aws.qa.us-east-1", "", WantedStack("qa", "rest-api", "aws", "us-east-1", "shop")),
            ("aws-dev", "us-east-1", WantedStack("development", None, "aws", "us-east-1")),
            ("azure-prod", "", WantedStack("production", None, "azure", None)),
            ("dev", "westeurope", WantedStack("development", None, "azure", "westeurope")),
            ("dev", "West US 2", WantedStack("development", None, "azure", "westus2")),
            ("DEV ", "us-east-1", WantedStack("development", None, "aws", "us-east-1")),
            ("staging", "", WantedStack("staging")),
            ("pr-12", "", WantedStack("pr-12")),
            ("aws-pr-12", "", WantedStack("pr-12", None, "aws")),
        ],
    )
    def test_name_parts_of_a_stack(self, name: str, location: str, wanted: WantedStack) -> None:
        assert read(name, location=location) == wanted

    def test_leave_the_component_to_the_metadata(self) -> None:
        assert read("aws-dev", component="WebSocket") == WantedStack("development", "websocket", "aws")

    def test_leave_the_provider_to_the_metadata(self) -> None:
        assert read("dev", provider="azure").provider == "azure"

    @pytest.mark.parametrize(
        ("project", "meant"),
        [("", None), ("licdata-iac", "licdata-iac"), ("semantest-infrastructure", "semantest"), (" Shop ", "shop")],
    )
    def test_have_a_project_beside_them(self, project: str, meant: str | None) -> None:
        assert read("dev", project).project == meant

    def test_with_a_project_repeat_the_same_one(self) -> None:
        assert read("shop.rest-api.aws.qa.us-east-1", "shop").project == "shop"


class TestRefusedNames:
    @pytest.mark.parametrize(
        ("arguments", "metadata", "faults"),
        [
            (("",), {}, ["stackName: '' names no environment"]),
            (("a.b",), {}, ["stackName: 'a.b' is not component.provider.environment.region"]),
            (("two words",), {}, ["stackName: 'two words' names no environment"]),
            (("rest-api.gcp.dev.here",), {}, ["provider: unknown provider 'gcp'"]),
            (("dev", "", "narnia"), {}, ["location: 'narnia' tells no cloud: no cloud has it"]),
            (
                ("rest-api.aws.dev.us-east-1", "", "eu-west-1"),
                {},
                ["location: 'eu-west-1' contradicts 'us-east-1' of the stack's name"],
            ),
            (
                ("shop.rest-api.aws.dev.us-east-1", "other"),
                {},
                ["projectName: 'other' contradicts 'shop' of the stack's name"],
            ),
            (("dev",), {"component": 3}, ["metadata.component: is not text"]),
            (
                ("dev",),
                {"configuration": "no json"},
                ["metadata.configuration: is neither a mapping nor the JSON text of one"],
            ),
            (
                ("aws-dev",),
                {"provider": "azure", "configuration": [1]},
                [
                    "metadata.provider: 'azure' contradicts 'aws' of the stack's name",
                    "metadata.configuration: is neither a mapping nor the JSON text of one",
                ],
            ),
        ],
    )
    def test_are_told_with_every_fault(
        self, arguments: tuple[str, ...], metadata: dict[str, Any], faults: list[str]
    ) -> None:
        assert faults_of(*arguments, **metadata) == faults

    def test_show_no_invisible_characters(self) -> None:
        [fault] = faults_of("dev\u202e\n")

        assert fault == "stackName: 'dev\\u202e' names no environment"


class TestConfiguration:
    @pytest.mark.parametrize(
        "given", [{"components": {"rest-api": {"memory": 512}}}, '{"components": {"rest-api": {"memory": 512}}}']
    )
    def test_is_a_mapping_or_its_json_text(self, given: object) -> None:
        assert read("dev", configuration=given).configuration == {"components": {"rest-api": {"memory": 512}}}

    def test_other_metadata_belongs_to_the_sender(self) -> None:
        assert read("dev", anything=object()) == WantedStack("development")


class TestDocumentation:
    def test_has_examples_that_mean_what_it_says(self) -> None:
        text = _DOCUMENTATION.read_text(encoding="utf-8").partition("## Which stack is meant")[2]
        rows = re.findall(r"^\| (`[^|]+`)" + r" \| ([^|]+)" * 6 + r" \|$", text, re.MULTILINE)[1:]

        assert len(rows) >= 5
        for row in rows:
            name, project, location, *parts = [cell.strip("`").replace("-", "", cell == "-") for cell in row]
            wanted = read(name, project, location)
            found = [wanted.component, wanted.provider, wanted.environment, wanted.region]
            assert found == [None if part.startswith("*") else part for part in parts], name
