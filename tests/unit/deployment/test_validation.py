from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import SecretAvailability, ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

TODAY = date(2026, 11, 21)
REST = Stack("rest-api", "aws", "production", "us-east-1")
NOTHING = SecretAvailability()
WEBSOCKET = Stack("websocket", "aws", "production", "us-east-1")
SIGNED = {"JWT_SECRET": "${secrets.jwt_secret}"}
ISSUER = {"issuer": "https://issuer.example.org", "audience": ["semantest"]}


def validate(stack: Stack = REST, facts: SecretAvailability = NOTHING, **section: Any) -> ValidationReport:
    configuration = DeploymentConfiguration.model_validate({"components": {stack.component: section}})
    return ValidationService(TODAY, CLOUD_ENTRIES).validate(stack, configuration, facts)


def validate_values(values: dict[str, Any], stack: Stack = REST) -> ValidationReport:
    return ValidationService(TODAY, CLOUD_ENTRIES).validate(stack, DeploymentConfiguration.model_validate(values))


def paths(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.path for fault in faults]


REFUSED = {
    "memory-64": ({"memory": 64}, "memory"),
    "memory-10241": ({"memory": 10241}, "memory"),
    "timeout-0": ({"timeout": 0}, "timeout"),
    "timeout-900": ({"timeout": 900}, "timeout"),
    "nodejs18": ({"runtime": "nodejs18.x"}, "runtime"),
    "unknown-runtime": ({"runtime": "cobol85"}, "runtime"),
    "empty-source": ({"source": ""}, "source"),
    "source-with-nul": ({"source": "a\0b"}, "source"),
    "entry-above-the-source": ({"entry": "../x.js"}, "entry"),
    "absolute-entry": ({"entry": "/etc/passwd"}, "entry"),
    "entry-with-backslash": ({"entry": "a\\b.js"}, "entry"),
    "entry-on-a-drive": ({"entry": "C:x.js"}, "entry"),
    "long-entry": ({"entry": "x" * 1025}, "entry"),
    "handler-without-function": ({"handler": "index"}, "handler"),
    "handler-above-the-source": ({"handler": "a/../../x.y"}, "handler"),
    "package-without-source": ({"package": {"exclude": ["a"]}}, "package"),
    "payload-of-the-bundled-service": ({"payload": "1.0"}, "payload"),
    "payload-of-a-server": ({"source": "a", "entry": "a.js", "payload": 1.0}, "payload"),
    "payload-of-an-application": ({"source": "a", "app": "main:app", "payload": "1.0"}, "payload"),
    "payload-of-a-whole-app": ({"source": "a.zip", "runtime": "nodejs24.x", "payload": "1.0"}, "payload"),
    "package-of-a-zip": ({"source": "a.zip", "package": {"include": ["a"]}}, "package"),
    "exclude-above-the-source": ({"source": "a", "package": {"exclude": ["b", "../x"]}}, "package.exclude[1]"),
    "absolute-include": ({"source": "a", "package": {"include": ["/x"]}}, "package.include[0]"),
    "empty-include": ({"source": "a", "package": {"include": [""]}}, "package.include[0]"),
    "passed-value": ({"source": "a", "package": {"pass_environment": ["A=1"]}}, "package.pass_environment[0]"),
    "min-below-zero": ({"instances": {"min": -1}}, "instances.min"),
    "max-zero": ({"instances": {"max": 0}}, "instances.max"),
    "min-above-max": ({"instances": {"min": 3, "max": 2}}, "instances"),
    "cidr": ({"network": {"private": True, "cidr": "10.0.0.1/33"}}, "network.cidr"),
    "small-cidr": ({"network": {"private": True, "cidr": "10.0.0.0/28"}}, "network.cidr"),
    "subnets-without-groups": ({"network": {"subnet_ids": ["subnet-0123456789abcdef0"]}}, "network"),
    "route-without-slash": ({"routes": [{"path": "health"}]}, "routes[0].path"),
    "route-with-dots": ({"routes": [{"path": "/a/../b"}]}, "routes[0].path"),
    "greedy-route-in-the-middle": ({"routes": [{"path": "/{a+}/b"}]}, "routes[0].path"),
    "same-route-twice": ({"routes": [{"path": "/i/{a}"}, {"path": "/i/{b}"}]}, "routes[1]"),
    "no-routes": ({"routes": []}, "routes"),
    "no-method": ({"routes": [{"path": "/", "methods": []}]}, "routes[0].methods"),
    "cors-star-with-credentials": ({"cors": {"origins": ["*"], "credentials": True}}, "cors"),
    "cors-path": ({"cors": {"origins": ["https://a.example/x"]}}, "cors.origins[0]"),
    "cors-case": ({"cors": {"origins": ["https://App.example"]}}, "cors.origins[0]"),
    "cors-port": ({"cors": {"origins": ["http://a.example:8080", "https://a.example:443"]}}, "cors.origins[1]"),
    "cors-header": ({"cors": {"origins": [], "headers": ["*", "a b"]}}, "cors.headers[1]"),
    "cors-max-age": ({"cors": {"origins": [], "max_age": 86401}}, "cors.max_age"),
    "rate-zero": ({"throttling": {"rate": 0.0}}, "throttling.rate"),
    "burst-zero": ({"throttling": {"burst": 0}}, "throttling.burst"),
    "issuer-http": ({"authorizer": {"issuer": "http://a.example", "audience": ["x"]}}, "authorizer.issuer"),
    "issuer-user": ({"authorizer": {"issuer": "https://u@a.example", "audience": ["x"]}}, "authorizer.issuer"),
    "no-audience": ({"authorizer": {"issuer": "https://a.example", "audience": []}}, "authorizer.audience"),
    "header": (
        {"authorizer": {"issuer": "https://a.example", "audience": ["x"], "header": "X\nY"}},
        "authorizer.header",
    ),
    "variable-name": ({"environment": {"A-B": "1"}}, "environment.A-B"),
    "long-variable-name": ({"environment": {"A" * 300: "1"}}, f"environment.{'A' * 64}…"),
    "reserved-variable": ({"environment": {"AWS_REGION": "x"}}, "environment.AWS_REGION"),
    "reserved-key": ({"environment": {"aws_region": "x"}}, "environment.aws_region"),
    "reserved-prefix": ({"environment": {"LAMBDA_ANY": "x"}}, "environment.LAMBDA_ANY"),
    "password": ({"environment": {"DB_PASSWORD": "12345678"}}, "environment.DB_PASSWORD"),
    "password-in-url": ({"environment": {"DB_URL": "postgres://u:p@h/d"}}, "environment.DB_URL"),
    "embedded-secret": ({"environment": {"DB_URL": "x${secrets.a}"}}, "environment.DB_URL"),
    "secret-name": ({"environment": {"DB_URL": "${secrets.A b}"}}, "environment.DB_URL"),
    "unknown-reference": ({"environment": {"DB_URL": "${DB}"}}, "environment.DB_URL"),
}


class TestValidationService:
    @pytest.mark.parametrize(("section", "path"), REFUSED.values(), ids=REFUSED)
    def test_refuses(self, section: dict[str, Any], path: str) -> None:
        report = validate(**section)

        assert paths(report.faults) == [f"components.rest-api.{path}"]

    def test_accepts_an_empty_section(self) -> None:
        assert validate() == ValidationReport()

    def test_names_every_fault_at_once(self) -> None:
        report = validate(memory=64, timeout=900, runtime="nodejs18.x")

        assert [path.rpartition(".")[2] for path in paths(report.faults)] == ["memory", "timeout", "runtime"]

    def test_never_shows_the_value_of_a_variable(self) -> None:
        report = validate(environment={"DB_URL": "postgres://u:hunter2@h/d", "B_TOKEN": "hunter2", "X-": "hunter2"})

        assert len(report.faults) == 3
        assert "hunter2" not in str(report)

    @pytest.mark.parametrize("timeout", [1, 29])
    def test_accepts_a_timeout_of_the_gateway(self, timeout: int) -> None:
        assert validate(timeout=timeout) == ValidationReport()

    def test_warns_that_thirty_seconds_become_twenty_nine(self) -> None:
        report = validate(timeout=30)

        assert report.faults == ()
        assert report.warnings[0].message == "30 s becomes 29 s, before API Gateway ends the request"

    def test_suggests_a_queue_for_longer_work(self) -> None:
        fault = validate(timeout=300).faults[0]

        assert "API Gateway ends the request after 30 s" in fault.message
        assert fault.hint == "Move work of up to 300 s to a queue-triggered function."

    def test_accepts_fifteen_minutes_for_a_websocket_function(self) -> None:
        assert validate(WEBSOCKET, timeout=900, environment=SIGNED) == ValidationReport()
        assert paths(validate(WEBSOCKET, timeout=901, environment=SIGNED).faults) == ["components.websocket.timeout"]

    def test_refuses_routes_and_cors_for_a_websocket(self) -> None:
        report = validate(WEBSOCKET, routes=[{"path": "/"}], cors={"origins": []}, entry="s.js", environment=SIGNED)

        assert paths(report.faults) == [f"components.websocket.{key}" for key in ("routes", "cors", "entry")]

    @pytest.mark.parametrize(
        "section",
        [
            {},
            {"environment": {"AUTHENTICATION_REQUIRED": "yes"}},
            {"environment": {"AUTHENTICATION_REQUIRED": "false"}, "authorizer": ISSUER},
            {"environment": {"JWT_SECRET": "${secrets.jwt_secret}"}},
        ],
        ids=["said-by-the-environment", "said", "said-by-the-authorizer", "written"],
    )
    def test_refuses_tokens_that_cannot_be_checked(self, section: dict[str, Any]) -> None:
        facts = SecretAvailability(frozenset({"jwt_secret"}), secrets_required=True)

        assert paths(validate(WEBSOCKET, facts, **section).faults) == ["components.websocket.environment.JWT_SECRET"]

    @pytest.mark.parametrize("written", ["", "written out"], ids=["empty", "plain"])
    def test_refuses_tokens_signed_without_a_secret(self, written: str) -> None:
        report = validate(WEBSOCKET, environment={"JWT_SECRET": written})

        assert "components.websocket.environment.JWT_SECRET" in paths(report.faults)

    def test_warns_of_a_public_websocket(self) -> None:
        report = validate(WEBSOCKET, environment={"AUTHENTICATION_REQUIRED": "false"})

        assert (report.faults, len(report.warnings)) == ((), 1)

    def test_refuses_a_header_that_browsers_cannot_send(self) -> None:
        report = validate(WEBSOCKET, authorizer={**ISSUER, "header": "X-Token"}, environment=SIGNED)

        assert paths(report.faults) == ["components.websocket.authorizer.header"]

    def test_refuses_a_websocket_without_egress(self) -> None:
        report = validate(WEBSOCKET, network={"private": True}, environment=SIGNED)

        assert paths(report.faults) == ["components.websocket.network.private"]

    @pytest.mark.parametrize(
        ("environment", "warned"), [("development", []), ("staging", ["components.rest-api.cors.origins"])]
    )
    def test_warns_of_open_cors_for_real_users(self, environment: str, warned: list[str]) -> None:
        report = validate(Stack("rest-api", "aws", environment, "us-east-1"), cors={"origins": ["*"]})

        assert paths(report.warnings) == warned

    @pytest.mark.parametrize(("environment", "warned"), [("qa", ["components.rest-api.cors"]), ("staging", [])])
    def test_warns_of_cors_without_origins(self, environment: str, warned: list[str]) -> None:
        report = validate(Stack("rest-api", "aws", environment, "us-east-1"), cors={"max_age": 60})

        assert (paths(report.faults), paths(report.warnings)) == ([], warned)

    def test_warns_of_a_private_network_without_egress(self) -> None:
        report = validate(network={"private": True})

        assert [warning.message for warning in report.warnings] == ["function in private subnets: no egress route"]

    def test_warns_of_an_unused_range(self) -> None:
        assert paths(validate(network={"cidr": "10.0.0.0/16"}).warnings) == ["components.rest-api.network.cidr"]

    def test_refuses_malformed_ids(self) -> None:
        network = {"subnet_ids": ["sg-01234567"], "security_group_ids": ["sg-01234567"]}

        assert paths(validate(network=network).faults) == ["components.rest-api.network.subnet_ids[0]"]

    def test_warns_of_warm_instances_in_development(self) -> None:
        report = validate(Stack("rest-api", "aws", "development", "us-east-1"), instances={"min": 1})

        assert paths(report.warnings) == ["components.rest-api.instances.min"]

    def test_refuses_too_many_variables(self) -> None:
        assert paths(validate(environment={"LONG": "x" * 5000}).faults) == ["components.rest-api.environment"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("API_KEY_PREFIX", "sk"), ("MAX_TOKENS", "4096"), ("JWT_PUBLIC_KEY", "MIIB"), ("API_VERSION", "v1")),
            *(("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/start"), ("AWS_ENDPOINT_URL", "http://localhost:4566")),
        ],
    )
    def test_accepts_harmless_variables(self, name: str, value: str) -> None:
        assert validate(environment={name: value}) == ValidationReport()

    @pytest.mark.parametrize(("required", "kind"), [(False, "warnings"), (True, "faults")])
    def test_names_unset_secrets(self, required: bool, kind: str) -> None:
        facts = SecretAvailability(frozenset({"db"}), secrets_required=required)

        report = validate(facts=facts, environment={"DB_URL": "${secrets.db}", "B_URL": "${secrets.set}"})

        assert getattr(report, kind) == (
            Fault(
                "components.rest-api.environment.DB_URL",
                "secret 'db' is not set",
                "Set SEMANTEST_SECRET_DB in the environment or in .env.",
            ),
        )

    def test_names_secrets_that_cannot_be_masked(self) -> None:
        facts = SecretAvailability(masking_problems={"db": "has a short value"})

        report = validate(facts=facts, environment={"DB_URL": "${secrets.db}"})

        [warning] = report.warnings
        assert (warning.path, warning.message) == (
            "components.rest-api.environment.DB_URL",
            "secret 'db' has a short value",
        )

    @pytest.mark.parametrize(
        ("name", "section", "path", "hint"),
        [
            ("rest-apy", {}, "", "Add type: rest-api. Only rest-api, websocket, "),
            ("socket", {}, "", "Add type: websocket. Only rest-api, websocket, "),
            ("users", {"type": "rest-apy"}, ".type", "Did you mean 'rest-api'? Known: rest-api, websocket, "),
            ("users", {"type": "account"}, ".type", "Known: rest-api, websocket, "),
            ("websocket", {"type": "rest-api"}, ".type", "Choose another name, or leave the type out."),
            ("all", {"type": "rest-api"}, "", "Choose another name."),
            ("Users", {"type": "rest-api"}, "", "Use lower-case letters, digits and single hyphens"),
        ],
    )
    def test_refuses_components_without_a_known_type(
        self, name: str, section: dict[str, Any], path: str, hint: str
    ) -> None:
        [fault] = validate_values({"components": {name: section}}).faults

        assert fault.path == f"components.{name}{path}"
        assert fault.hint.startswith(hint)

    @pytest.mark.parametrize(
        ("stack", "paths"),
        [
            (Stack("rest-api", "azure", "development", "eastus", "login-service"), ["project"]),
            (Stack("rest-api", "azure", "development", "eastus", "my-microsoft"), ["project"]),
            (Stack("micro-soft", "azure", "development", "eastus"), ["components.micro-soft"]),
            (Stack("login", "azure", "development", "eastus", "azure"), []),
            (Stack("rest-api", "aws", "development", "us-east-1", "login-microsoft"), []),
        ],
        ids=str,
    )
    def test_refuses_words_that_a_cloud_reserves_in_names(self, stack: Stack, paths: list[str]) -> None:
        report = validate_values({"components": {stack.component: {"type": "rest-api"}}}, stack)

        assert [fault.path for fault in report.faults] == paths

    def test_applies_the_rules_of_the_type(self) -> None:
        configuration = {"components": {"chat": {"type": "websocket", "routes": [{"path": "/"}]}}}

        [fault] = validate_values(configuration, Stack("chat", "aws", "development", "us-east-1")).faults

        assert (fault.path, fault.message) == ("components.chat.routes", "a WebSocket API has no routes")

    def test_refuses_settings_of_the_account(self) -> None:
        [fault] = validate_values({"components": {"account": {"memory": 512}}}).faults

        assert (fault.path, fault.message) == ("components.account", "has no settings")

    @pytest.mark.parametrize(
        ("alert", "path"),
        [
            ({"type": "error_rate", "threshold": 5}, "threshold"),
            ({"type": "latency", "threshold": 0}, "threshold"),
            ({"type": "throttles", "threshold": 1}, "type"),
        ],
        ids=["rate-above-one", "zero", "twice"],
    )
    def test_refuses_alerts(self, alert: dict[str, Any], path: str) -> None:
        alerts = [{"type": "throttles", "threshold": 1}, alert]

        report = validate_values({"monitoring": {"alerts": alerts}})

        assert paths(report.faults) == [f"monitoring.alerts[1].{path}"]

    def test_refuses_malformed_addresses(self) -> None:
        report = validate_values({"monitoring": {"notify": ["a@b.example", "nobody"]}})

        assert paths(report.faults) == ["monitoring.notify[1]"]

    @pytest.mark.parametrize(
        ("days", "faults", "warnings"), [(30, 0, 0), (45, 0, 1), (0, 0, 0), (4000, 1, 0), (-1, 1, 0)]
    )
    def test_checks_log_retention(self, days: int, faults: int, warnings: int) -> None:
        report = validate_values({"monitoring": {"log_retention_days": days}})

        assert (len(report.faults), len(report.warnings)) == (faults, warnings)

    def test_warns_that_functions_ignore_scaling_metrics(self) -> None:
        metrics = [{"type": "memory", "target": 80}, {"type": "cpu", "target": 70}]

        report = validate_values({"scaling": {"metrics": metrics}})

        assert [warning.message for warning in report.warnings] == ["cpu and memory targets mean nothing for functions"]

    def test_refuses_a_target_out_of_range(self) -> None:
        report = validate_values({"scaling": {"metrics": [{"type": "cpu", "target": 101}]}})

        assert paths(report.faults) == ["scaling.metrics[0].target"]


AZURE = Stack("rest-api", "azure", "production", "eastus")
MANY = {f"t{number}": "" for number in range(43)}
TAGS = {  # sources: the clouds' pages on the limits of tags
    "ours": ({"ManagedBy": "me"}, {"aws", "azure"}),
    "ours-in-another-case": ({"environment": "x"}, {"aws", "azure"}),
    "ours-of-one-cloud": ({"package": "x"}, {"azure"}),
    "no-name": ({"": "x"}, {"aws", "azure"}),
    "long-name": ({"n" * 129: "x"}, {"aws", "azure"}),
    "longest": ({"n" * 128: "v" * 256}, set()),
    "long-value": ({"a": "v" * 257}, {"aws", "azure"}),
    "reserved-by-aws": ({"aws:team": "x"}, {"aws"}),
    "reserved-value": ({"team": "AWS:x"}, {"aws"}),
    "reserved-by-azure": ({"Windows-team": "x"}, {"azure"}),
    "characters-of-aws": ({"a/b:c_d@e f+g=h.i-ä1": "a/b ä"}, {"azure"}),
    "characters-of-azure": ({"a#b(c)": "<x>&?%"}, {"aws"}),
    "control-character": ({"a": "b\n"}, {"aws", "azure"}),
    "secret": ({"a": "postgres://me:pw@host/db"}, {"aws", "azure"}),
    "case": ({"Team": "x", "team": "y"}, {"aws", "azure"}),
    "most": (dict(list(MANY.items())[:42]), set()),
    "too-many": (MANY, {"aws", "azure"}),
}


class TestTags:
    @pytest.mark.parametrize(("tags", "refused"), TAGS.values(), ids=TAGS)
    def test_are_those_that_the_cloud_takes(self, tags: dict[str, str], refused: set[str]) -> None:
        for stack in (REST, AZURE):
            at_top = validate_values({"tags": tags}, stack).faults
            of_component = validate_values({"components": {"rest-api": {"tags": tags}}}, stack).faults

            assert [fault.path for fault in of_component] == [f"components.rest-api.{fault.path}" for fault in at_top]
            assert bool(at_top) is (stack.provider in refused)
            assert all(fault.path.startswith("tags") for fault in at_top)

    def test_are_fewer_beside_secrets_in_key_vault(self) -> None:
        values = {
            "tags": dict(list(MANY.items())[:9]),
            "components": {"rest-api": {"environment": {"TOKEN": "${secrets.token}"}}},
        }

        [fault] = validate_values(values, AZURE).faults

        assert fault.message == "9 tags; a secret has 15 at most, and 7 of them are this tool's own"
        assert validate_values(values).faults == ()


class TestValidationReport:
    def test_has_each_entry_once_when_merged(self) -> None:
        fault, warning = Fault("a", "b"), Fault("c", "d")

        merged = ValidationReport.merge(
            [ValidationReport((fault,), (warning,)), ValidationReport((fault,)), ValidationReport((), (warning,))]
        )

        assert merged == ValidationReport((fault,), (warning,))


class TestAllowedOrigins:
    @pytest.mark.parametrize(
        ("origins", "faults"),
        [
            ("https://b.example.com", 0),
            ("https://a.example.com, http://localhost:3000", 0),
            ("*", 0),
            ("", 0),
            ("https://b.example.com/", 1),
            ("https://a.example.com,https://b.example.com/path", 1),
            ("https://*", 1),
            ("https://B.example.com", 1),
            ("https://b.example.com:443", 1),
        ],
    )
    def test_of_a_websocket_are_what_browsers_send(self, origins: str, faults: int) -> None:
        for provider, region in (("aws", "us-east-1"), ("azure", "westeurope")):
            stack = Stack("websocket", provider, "development", region)
            found = paths(validate(stack, environment={"ALLOWED_ORIGINS": origins}).faults)

            assert found == ["components.websocket.environment.ALLOWED_ORIGINS"] * faults
