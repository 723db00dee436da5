from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import SecretAvailability, ValidationReport, ValidationService
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.infrastructure.configuration.layers import SourcePosition, locate_faults
from semantest_iac.infrastructure.configuration.loading import (
    ConfigurationSources,
    ParsedConfiguration,
    read_configuration,
)

WriteFile = Callable[..., Path]
ReadConfiguration = Callable[..., ParsedConfiguration]

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "production.yaml"
MEMORY = "components: {{rest-api: {{memory: {}}}}}\n"


def memory(loaded: ParsedConfiguration) -> int | None:
    return loaded.configuration.components["rest-api"].memory


class TestOrder:
    def test_rises_from_the_file_to_the_override(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        variable = "SEMANTEST_COMPONENTS__REST_API__MEMORY"
        seen = []

        write_file(MEMORY.format(1))
        seen.append(memory(read()))
        write_file(MEMORY.format(2), "semantest.development.yaml")
        seen.append(memory(read()))
        write_file(f"{variable}=3\n", ".env")
        seen.append(memory(read()))
        seen.append(memory(read(environ={variable: "4"})))
        seen.append(memory(read(environ={variable: "4"}, overrides=["components.rest-api.memory=5"])))

        assert seen == [1, 2, 3, 4, 5]

    def test_ends_with_the_options(self, read: ReadConfiguration) -> None:
        loaded = read(
            environ={"SEMANTEST_REGION": "eu-west-1"},
            overrides=["region=us-west-2"],
            options={"region": "us-east-1", "provider": None},
        )

        assert loaded.configuration.region == "us-east-1"
        assert loaded.positions["region"] == SourcePosition("--region")

    @pytest.mark.parametrize(
        "sources",
        [
            {"options": {"environment": "prod"}},
            {"environ": {"SEMANTEST_ENVIRONMENT": "production"}},
            {"overrides": ["environment=prd"]},
            {"overrides": ["environment=${env.WHERE}"], "environ": {"WHERE": "prod"}},
        ],
        ids=["option", "variable", "override", "reference"],
    )
    def test_reads_the_file_of_the_requested_environment(
        self, write_file: WriteFile, read: ReadConfiguration, sources: dict[str, object]
    ) -> None:
        write_file("environment: staging\n" + MEMORY.format(1))
        write_file(MEMORY.format(2), "semantest.production.yaml")

        assert memory(read(**sources)) == 2

    def test_changes_a_part_of_a_component_by_the_file_of_the_environment(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file("components:\n  users-api: {type: rest-api, memory: 512, timeout: 9}\n")
        write_file("components:\n  users-api: {memory: 1024}\n", "semantest.staging.yaml")
        variables = {"SEMANTEST_COMPONENTS__USERS_API__TIMEOUT": "8"}

        section = read(environ=variables, options={"environment": "staging"}).configuration.components["users-api"]

        assert (section.type, section.memory, section.timeout) == ("rest-api", 1024, 8)

    def test_reads_no_environment_file_beside_a_named_file(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file(MEMORY.format(2), "semantest.development.yaml")

        assert memory(read(file=write_file(MEMORY.format(1), "mine.yaml"))) == 1

    def test_refuses_a_file_for_another_environment(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("environment: production\n", "semantest.qa.yaml")

        (fault,) = read(options={"environment": "qa"}).faults

        assert (fault.path, fault.file, fault.line) == ("environment", "semantest.qa.yaml", 1)


class TestMerging:
    def test_merges_mappings_and_replaces_lists(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("monitoring: {enabled: true, notify: [a@b.example, c@d.example]}\n")

        loaded = read(overrides=["monitoring.notify=[e@f.example]"])

        assert loaded.configuration.monitoring.enabled is True
        assert loaded.configuration.monitoring.notify == ("e@f.example",)

    def test_removes_a_value_with_null(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("region: eu-west-1\nmonitoring:\n")

        assert read(overrides=["region=null"]).configuration.region is None

    def test_keeps_the_position_of_every_value(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components:\n  rest-api:\n    memory: 512\n    timeout: 5\n")

        positions = read(overrides=["components.rest-api.memory=64"]).positions

        assert positions["components.rest-api"] == SourcePosition("semantest.yaml", 2, 3)
        assert positions["components.rest-api.memory"] == SourcePosition("--set")
        assert positions["components.rest-api.timeout"] == SourcePosition("semantest.yaml", 4, 5)


class TestComponentsWithoutValue:
    def test_have_the_defaults(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components:\n  rest-api:\n  websocket:\n")
        write_file("components:\n  websocket:\n", "semantest.production.yaml")

        assert read().configuration.components.keys() == {"rest-api", "websocket"}
        assert read(options={"environment": "production"}).configuration.components.keys() == {"rest-api"}


class TestQueuesAndTopicsWithoutValue:
    _FILE = """
components:
  messaging:
    queues:
      jobs:
      mail: {max_deliveries: 3}
    topics:
      news:
        subscriptions:
          audit:
"""

    def test_have_the_defaults(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file(self._FILE)

        section = read().configuration.components["messaging"]

        assert section.queues and [*section.queues] == ["jobs", "mail"]
        assert section.topics and [*section.topics["news"].subscriptions] == ["audit"]

    def test_are_removed_by_the_file_of_an_environment(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file(self._FILE)
        write_file("components: {messaging: {queues: {jobs: }}}", "semantest.staging.yaml")

        section = read(options={"environment": "staging"}).configuration.components["messaging"]

        assert section.queues and [*section.queues] == ["mail"]


class TestVariables:
    def test_of_a_component_stay_text_as_written(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file(
            "components:\n  rest-api:\n    environment: {A1: 1.10, B1: no, C1: true, D1: 007, E1: '', F1: 1e3}\n"
        )

        loaded = read(
            overrides=["components.rest-api.environment.G1=[x] # y"],
            environ={"SEMANTEST_COMPONENTS__REST_API__ENVIRONMENT__H_1": "12:30"},
        )

        assert loaded.configuration.components["rest-api"].environment == {
            "A1": "1.10",
            "B1": "no",
            "C1": "true",
            "D1": "007",
            "E1": "",
            "F1": "1e3",
            "G1": "[x] # y",
            "H_1": "12:30",
        }

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [
            ("SEMANTEST_COMPONENT__REST_API__MEMORY", "SEMANTEST_COMPONENTS__…"),
            ("SEMANTEST_REGOIN", "SEMANTEST_REGION"),
            ("SEMANTEST_HOEM", "SEMANTEST_HOME"),
            ("SEMANTEST_SECERT_DB_PASSWORD", "SEMANTEST_SECRET_DB_PASSWORD"),
            ("SEMANTEST_FLAVOUR", ""),
        ],
    )
    def test_that_look_like_settings_give_a_warning(self, read: ReadConfiguration, name: str, nearest: str) -> None:
        known = {
            "SEMANTEST_HOME": "x",
            "SEMANTEST_PULUMI": "x",
            "SEMANTEST_REQUEST_LIMIT": "9",
            "SEMANTEST_SECRET_A": "x",
            "SEMANTEST_REGION": "x",
        }

        loaded = read(environ={name: "1"} | known)

        hint = f"Did you mean '{nearest}'?" if nearest else ""
        assert loaded.warnings == (Fault(name, "not a setting; ignored", hint),)

    def test_that_are_empty_count_as_not_set(self, read: ReadConfiguration) -> None:
        assert read(environ={"SEMANTEST_REGION": ""}).configuration.region is None

    def test_of_the_environment_win_over_dotenv(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("SEMANTEST_SECRET_A=low\nSEMANTEST_SECRET_B=only\n", ".env")

        loaded = read(environ={"SEMANTEST_SECRET_A": "high"})

        assert loaded.variables == {"SEMANTEST_SECRET_A": "high", "SEMANTEST_SECRET_B": "only"}
        assert "high" not in repr(loaded)


class TestReferences:
    def test_to_variables_are_resolved_and_kept_as_written(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file("region: ${env.WHERE}\ncomponents: {rest-api: {memory: '${env.MB}', source: '${env.A}/${env.B}'}}\n")
        write_file("WHERE=eu-west-1\n", ".env")

        loaded = read(environ={"MB": "256", "A": "x", "B": "y"})

        assert loaded.configuration.region == "eu-west-1"
        assert memory(loaded) == 256
        assert loaded.configuration.components["rest-api"].source == "x/y"
        assert loaded.values["region"] == "${env.WHERE}"

    def test_to_missing_variables_are_faults(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("region: ${env.NOWHERE}\n")

        (fault,) = read().faults

        assert (fault.message, fault.line, fault.column) == ("variable 'NOWHERE' is not set", 1, 1)

    @pytest.mark.parametrize("name", ["SEMANTEST_SECRET_TOKEN", "AWS_SECRET_ACCESS_KEY"])
    def test_to_variables_with_secrets_are_faults(
        self, write_file: WriteFile, read: ReadConfiguration, name: str
    ) -> None:
        write_file("components: {rest-api: {environment: {A_KEY: '${env.NAME}'}}}".replace("NAME", name))

        [fault] = read(environ={name: "hunter2-canary"}).faults

        assert fault.message == f"'{name}' is a secret and cannot be plain"
        assert "${secrets.name}" in fault.hint

    def test_to_secrets_stay(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components: {rest-api: {environment: {DB: '${secrets.db}'}}}\n")

        assert read().configuration.components["rest-api"].environment == {"DB": "${secrets.db}"}

    def test_to_secrets_are_refused_outside_a_component_s_environment(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file("region: ${secrets.region}\n")

        assert [fault.path for fault in read().faults] == ["region"]

    def test_are_not_resolved_twice(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components: {rest-api: {source: '${env.A}'}}\n")

        loaded = read(environ={"A": "${env.B}", "B": "x"})

        assert loaded.configuration.components["rest-api"].source == "${env.B}"


class TestReadConfiguration:
    def test_is_empty_without_any_source(self, read: ReadConfiguration) -> None:
        loaded = read()

        assert (loaded.values, loaded.faults, loaded.warnings) == ({}, (), ())

    def test_reports_every_fault_at_once(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("regoin: x\ncomponents: {rest-api: {memory: lots, timeout: []}}\n")

        assert [fault.path for fault in read(overrides=["x"]).faults] == [
            "--set",
            "components.rest-api.memory",
            "components.rest-api.timeout",
            "regoin",
        ]

    def test_keeps_valid_values_beside_faults(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components: {rest-api: {memory: lots, timeout: 900, routes: [{}, {path: 1}]}}\n")

        section = read().configuration.components["rest-api"]

        assert (section.memory, section.timeout, section.routes) == (None, 900, None)

    def test_locates_faults_of_later_checks(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components:\n  rest-api:\n    routes:\n      - path: /a\n        methods: []\n")

        found = read().locate([Fault("components.rest-api.routes[0].methods", "x"), Fault("nowhere", "y")])

        assert [(fault.file, fault.line, fault.column) for fault in found] == [
            ("semantest.yaml", 5, 9),
            (None, None, None),
        ]

    def test_locates_a_missing_value_at_its_parent(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("components:\n  rest-api:\n    authorizer:\n      audience: [a]\n")

        (fault,) = read().faults

        assert fault == Fault("components.rest-api.authorizer.issuer", "missing", "", "semantest.yaml", 3, 5)

    def test_reads_names_in_any_case(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file(
            "provider: AWS\nengine: Sandbox\ncloud: SANDBOX\nenvironment: Dev\ncomponents: {REST-API: {memory: 64}}\n"
        )

        loaded = read(overrides=["components.Rest-Api.timeout=5"])

        read_names = loaded.configuration.model_dump(include={"provider", "engine", "cloud", "environment"})
        assert loaded.faults == ()
        assert list(read_names.values()) == ["aws", "sandbox", "sandbox", "development"]
        assert loaded.configuration.components["rest-api"].timeout == 5
        assert loaded.locate([Fault("components.rest-api.memory", "x")])[0].line == 5


class TestLocateFaults:
    def test_ends_for_a_step_that_no_file_has(self) -> None:
        fault = Fault("approvals.required.literal['destructive']", "is not known")

        assert locate_faults([fault], {"approvals.required": SourcePosition("f", 1, 1)}) == (fault,)


class TestExample:
    def test_is_accepted_with_warnings(self) -> None:
        loaded = read_configuration(ConfigurationSources(file=EXAMPLE))
        facts = SecretAvailability(frozenset({"database_url", "redis_url"}))
        service = ValidationService(date(2026, 11, 21), CLOUD_ENTRIES)

        report = ValidationReport.merge(
            service.validate(Stack(name, "aws", "production", "us-east-1"), loaded.configuration, facts)
            for name in loaded.configuration.components
        )

        assert report.faults == ()
        assert [(fault.line, fault.message) for fault in loaded.locate(report.warnings)] == [
            (9, "30 s becomes 29 s, before API Gateway ends the request"),
            (16, "secret 'database_url' is not set"),
            (39, "cpu and memory targets mean nothing for functions"),
            (27, "secret 'redis_url' is not set"),
        ]


class TestEventSections:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("event_sources: {in: {type: nat, url: x}}", "event_sources.in.type"),
            ("event_sources: {in: {type: files, folder: 5}}", "event_sources.in.folder"),
            ("subscriptions: {a: {event: X, action: foo, component: rest-api}}", "subscriptions.a.action"),
        ],
    )
    def test_that_are_wrong_are_told_once(
        self, write_file: WriteFile, read: ReadConfiguration, text: str, path: str
    ) -> None:
        write_file(text)

        assert [fault.path for fault in read().faults] == [path]
