"""Tables, plans and results as text."""

from __future__ import annotations

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, REAL_CLOUD, SIMULATED_CLOUD, EngineChoice
from semantest_iac.presentation.cli.formatting import (
    DeploymentResult,
    align_columns,
    flatten_values,
    format_domains,
    format_health,
    format_stack_and_cloud,
    format_table,
    format_utc_time,
    suggest_commands,
    type_name_with_module,
)
from semantest_iac.presentation.styles import style_text
from semantest_iac_events.values import HealthAnswer


class TestTable:
    def test_aligns_columns_and_pads_no_line_end(self) -> None:
        rows = [["a-long-name", "ok"], ["b", ""]]

        assert format_table(["name", "state"], rows) == ["NAME         STATE", "a-long-name  ok", "b"]

    def test_keeps_the_style_of_a_cell(self) -> None:
        [_, line] = align_columns([["name", "state"], ["a", style_text("failed", "failed")]])

        assert (line, getattr(line, "spans", ())) == ("a     failed", ((6, 12, "failed"),))


class TestFlatten:
    def test_yields_every_leaf_with_its_path(self) -> None:
        nested = {"a": {"b": [1, {"c": True}]}, "d": None, "e": ()}

        assert list(flatten_values(nested)) == [("a.b[0]", "1"), ("a.b[1].c", "true"), ("d", "-"), ("e", "-")]


class TestDomains:
    _PROOF, _ADDRESS = "_a1.api.example.org CNAME b2", "api.example.org CNAME d-1"

    def test_that_wait_list_what_to_set_first(self) -> None:
        first, record = format_domains({"dns_records": [self._PROOF]}, is_changed=False)

        assert ("then deploy again" in first, record.strip()) == (True, self._PROOF)

    def test_that_are_answered_list_records_after_a_change(self) -> None:
        outputs = {"gateway_domain_url": "https://api.example.org", "gateway_dns_records": [self._PROOF, self._ADDRESS]}

        assert list(format_domains(outputs, is_changed=False)) == ["domain    https://api.example.org"]
        lines = list(format_domains(outputs, is_changed=True))
        assert ("deploy again" in lines[1], [it.strip() for it in lines[2:]]) == (False, [self._PROOF, self._ADDRESS])

    def test_of_sites_need_no_second_deployment(self) -> None:
        assert list(format_domains({"site_dns_records": [self._ADDRESS]}, is_changed=False)) == []
        assert len(list(format_domains({"site_dns_records": [self._ADDRESS]}, is_changed=True))) == 2

    def test_in_zones_are_the_address_alone(self) -> None:
        outputs = {"domain_url": "wss://live.example.org", "name_servers": ["ns-1"], "endpoint": "wss://a"}

        assert list(format_domains(outputs, is_changed=True)) == ["domain    wss://live.example.org"]


class TestTime:
    def test_is_shown_to_the_second(self) -> None:
        assert format_utc_time("2026-01-01T12:00:00.123456Z") == "2026-01-01 12:00:00Z"


class TestTypeName:
    @pytest.mark.parametrize(
        ("resource_type", "kind"),
        [
            ("aws:lambda/function:Function", "lambda.Function"),
            ("azure-native:storage:Blob", "storage.Blob"),
            ("semantest:compute:ServerlessFunction", "compute.ServerlessFunction"),
            ("odd", "odd"),
        ],
    )
    def test_is_short(self, resource_type: str, kind: str) -> None:
        assert type_name_with_module(resource_type) == kind


class TestLocation:
    def test_shows_whether_the_cloud_is_simulated(self) -> None:
        development = Stack("rest-api", "aws", "development", "us-east-1")
        staging = Stack("rest-api", "aws", "staging", "us-east-1")

        simulated_by_pulumi = format_stack_and_cloud(staging, EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD))

        assert format_stack_and_cloud(development, EngineChoice()).endswith(
            "simulated aws on this machine; no cloud account is touched"
        )
        assert (
            format_stack_and_cloud(staging, EngineChoice(PULUMI_ENGINE, REAL_CLOUD))
            == "rest-api.aws.staging.us-east-1: real aws account (engine pulumi)"
        )
        assert simulated_by_pulumi.endswith(
            "simulated aws on this machine; no cloud account is touched (engine pulumi)"
        )


class TestNextCommands:
    def test_reach_the_same_stack_in_the_same_home(self) -> None:
        commands = suggest_commands(Stack("rest-api", "aws", "qa", "eu-west-1"), " --home /elsewhere", "us-east-1")

        assert commands[1].endswith("invoke rest-api GET /health --env qa --region eu-west-1 --home /elsewhere")

    def test_omit_default_options(self) -> None:
        commands = suggest_commands(Stack("rest-api", "aws", "development", "us-east-1"), "", "us-east-1")

        assert commands[1].endswith("invoke rest-api GET /health")

    def test_have_the_full_name_of_one_of_several_stacks(self) -> None:
        stack = Stack("rest-api", "aws", "qa", "us-east-1")

        commands = suggest_commands(stack, "", "us-east-1", is_one_of_several=True)

        assert commands[1].endswith("invoke rest-api.aws.qa.us-east-1 GET /health")
        assert commands[3].endswith("destroy rest-api.aws.qa.us-east-1")

    def test_start_with_serve_for_a_websocket(self) -> None:
        commands = suggest_commands(
            Stack("chat", "aws", "development", "us-east-1"), " --home /elsewhere", "us-east-1", is_web_socket=True
        )

        assert commands[1].endswith("serve --home /elsewhere")

    def test_start_with_outputs_where_nothing_answers(self) -> None:
        commands = suggest_commands(Stack("account", "aws", "qa", "us-east-1"), "", "us-east-1", has_endpoint=False)

        assert commands[1].endswith("outputs account --env qa")

    def test_name_the_program_as_it_was_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["tools/bin/semantest-iac", "deploy"])

        commands = suggest_commands(Stack("rest-api", "aws", "development", "us-east-1"), "", "us-east-1")

        assert [command.split()[0] for command in commands[1:]] == ["semantest-iac"] * 3


class TestFailure:
    def test_of_a_request_that_was_replaced_names_the_newer_one(self) -> None:
        stack = "network.aws.development.us-east-1"
        row = DeploymentRow("a", stack, "deploy", DeploymentStatus.SUPERSEDED, "", error={"successor": "b"})
        failure = DeploymentResult(row, None, 1.0).failure

        assert failure.message == f"Nothing was changed for this request: a newer one for '{stack}' took its place."
        assert "status --deployment b " in failure.hint


class TestHealth:
    def test_is_one_line_of_bounded_length(self) -> None:
        line = format_health(HealthAnswer(path="/health", status=200, body="a\n" * 500))

        assert line.startswith("GET /health -> 200 a a a")
        assert len(line) < 250

    def test_shows_the_connection_of_a_websocket(self) -> None:
        assert format_health(HealthAnswer(path="$connect", status=101, body="{}")) == "$connect -> 101 {}"
