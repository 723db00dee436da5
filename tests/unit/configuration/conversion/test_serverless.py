"""A Serverless Framework service becomes a configuration, and everything that is not in it is said with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.domain.ports.service_finder import ConvertedConfiguration
from semantest_iac.infrastructure.clouds.aws_rules import AWS_LIMITS
from semantest_iac.infrastructure.configuration.conversion.serverless.service import convert_serverless_service
from semantest_iac.infrastructure.configuration.conversion.translated_schedules import translate_schedule
from semantest_iac.infrastructure.configuration.conversion.written_file import render_converted_file

Convert = Callable[..., ConvertedConfiguration]

_SHOP = """\
service: shopApi
provider:
  name: aws
  runtime: nodejs18.x
  stage: ${opt:stage, 'dev'}
  memorySize: 256
  environment:
    STAGE: ${self:provider.stage}
    TABLE: ${self:service}-${sls:stage}
    API_TOKEN: abc-not-written
    HOST: ${env:HOST}
    SSM: ${ssm:/shop/key}
    ARN: !GetAtt Jobs.Arn
    LEVEL: ${self:custom.levels.${self:provider.stage}, 'info'}
functions:
  listOrders:
    handler: src/orders.list
    events:
      - httpApi: GET /orders
      - http: {path: old/orders, method: get}
  admin:
    handler: src/admin.handler
    timeout: 60
    events:
      - http: {path: admin, method: any, private: true}
      - httpApi: {path: /admin, method: '*'}
  jobs:
    handler: src/jobs.handler
    events:
      - sqs: {arn: !GetAtt [Jobs, Arn], batchSize: 5}
      - schedule: rate(10 minutes)
      - s3: uploads
  legacy: {handler: main, runtime: go1.x, events: [{http: GET legacy}]}
custom:
  levels: {prod: warn}
resources:
  Resources:
    Jobs: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: 120, RedrivePolicy: {maxReceiveCount: 3}}}
    Orders: {Type: 'AWS::DynamoDB::Table'}
plugins: [serverless-offline]
"""
_MANY_ANCHORS = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def call(
        text: str, options: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
    ) -> ConvertedConfiguration:
        file = tmp_path / "serverless.yml"
        file.write_text(text, encoding="utf-8")
        day = date(2026, 12, 1)
        return convert_serverless_service(file, options or {}, environment or {}, AWS_LIMITS.runtimes, day)

    return call


def _said(notes: Any) -> dict[str, int | None]:
    return {note.path: note.line for note in notes}


class TestService:
    def test_becomes_an_api_and_workers(self, convert: Convert) -> None:
        values = convert(_SHOP).values

        api, workers = values["components"]["rest-api"], values["components"]["workers"]
        assert (values["project"], api["runtime"], api["memory"], api["timeout"]) == ("shop-api", "nodejs22.x", 256, 6)
        assert api["functions"] == {
            "list-orders": {"handler": "src/orders.list"},
            "list-orders-rest-api": {"handler": "src/orders.list", "payload": "1.0"},
            "admin": {"handler": "src/admin.handler", "timeout": 29},
        }
        assert api["routes"] == [
            {"path": "/orders", "methods": "GET", "function": "list-orders"},
            {"path": "/old/orders", "methods": "GET", "function": "list-orders-rest-api"},
            {"path": "/admin", "function": "admin"},
        ]
        assert api["cors"] == {"origins": []}
        assert workers["queues"] == {"jobs": {"max_deliveries": 3, "lock_s": 120}}
        triggers = {name: function["trigger"] for name, function in workers["functions"].items()}
        assert triggers == {"jobs": {"queue": "jobs", "batch": 5}, "jobs-2": {"schedule": "*/10 * * * *"}}

    def test_says_what_is_left_out_with_its_line(self, convert: Convert) -> None:
        converted = convert(_SHOP)

        assert _said(converted.left_out) == {
            "provider.environment.ARN": 13,
            "functions.admin.events[0]": 25,
            "functions.jobs.events[2]": 32,
            "functions.legacy": 33,
            "resources.Resources.Orders": 39,
            "plugins[0]": 40,
        }

    def test_writes_no_value_of_a_secret(self, convert: Convert) -> None:
        converted = convert(_SHOP)

        environment = converted.values["components"]["rest-api"]["environment"]
        assert environment == {
            "STAGE": "dev",
            "TABLE": "shopApi-dev",
            "API_TOKEN": "${secrets.api_token}",
            "HOST": "${env.HOST}",
            "SSM": "${secrets.ssm}",
            "LEVEL": "info",
        }
        assert set(converted.required_variables) == {"SEMANTEST_SECRET_API_TOKEN", "HOST", "SEMANTEST_SECRET_SSM"}
        assert "abc-not-written" not in render_converted_file(converted, "serverless.yml") + repr(converted)

    def test_is_that_of_the_stage(self, convert: Convert) -> None:
        environment = convert(_SHOP, {"stage": "prod"}).values["components"]["rest-api"]["environment"]

        assert (environment["TABLE"], environment["LEVEL"]) == ("shopApi-prod", "warn")

    def test_of_another_cloud_is_refused_with_its_line(self, convert: Convert) -> None:
        with pytest.raises(ConfigurationError) as caught:
            convert("service: x\nprovider: {name: google}\nfunctions: {}\n")

        assert [(fault.path, fault.line) for fault in caught.value.faults] == [("provider", 2)]

    @pytest.mark.parametrize(
        "authorizer", ["aws_iam", "{arn: 'arn:aws:lambda:x'}", "{name: check, scopes: [a]}", "unknown"]
    )
    def test_opens_no_route_that_was_protected(self, convert: Convert, authorizer: str) -> None:
        jwt = "{name: check, type: jwt, issuerUrl: 'https://id.example', audience: [shop]}"
        text = f"""\
service: x
provider: {{name: aws, httpApi: {{authorizers: {{check: {jwt}}}}}}}
functions:
  a: {{handler: a.b, events: [{{httpApi: {{path: /open, method: get}}}}]}}
  b: {{handler: a.b, events: [{{httpApi: {{path: /guarded, method: get, authorizer: {authorizer}}}}}]}}
"""
        converted = convert(text)

        paths = [route["path"] for route in converted.values["components"]["rest-api"]["routes"]]
        assert (paths, _said(converted.left_out)) == (["/open"], {"functions.b.events[0]": 5})

    @pytest.mark.parametrize(
        "provider",
        [
            "{name: aws, endpointType: PRIVATE}",
            "{name: aws, endpointType: '${cf:network.Place}'}",
            "{name: aws, apiGateway: {resourcePolicy: [{Effect: Deny}]}}",
            "{name: aws, resourcePolicy: [{Effect: Deny}]}",
        ],
    )
    def test_opens_no_api_that_was_not_for_everybody(self, convert: Convert, provider: str) -> None:
        functions = "{f: {handler: a.b, events: [{http: GET inside}, {httpApi: GET /open}]}}"

        converted = convert(f"service: x\nprovider: {provider}\nfunctions: {functions}\n")

        assert [route["path"] for route in converted.values["components"]["rest-api"]["routes"]] == ["/open"]
        assert "functions.f.events[0]" in _said(converted.left_out)

    @pytest.mark.parametrize(("authorizer", "components"), [("", ["websocket"]), (", authorizer: check", [])])
    def test_opens_no_socket_that_was_protected(self, convert: Convert, authorizer: str, components: list[str]) -> None:
        events = f"[{{websocket: {{route: $connect{authorizer}}}}}, {{websocket: $default}}]"

        converted = convert(f"service: x\nprovider: aws\nfunctions: {{f: {{handler: a.b, events: {events}}}}}\n")

        assert list(converted.values["components"]) == components

    def test_keeps_an_authorizer_of_tokens(self, convert: Convert) -> None:
        jwt = "{type: jwt, identitySource: $request.header.X-Token, issuerUrl: 'https://id.example', audience: shop}"
        own = "{path: /own, method: get, authorizer: {name: check}}"
        text = f"""\
service: x
provider: {{name: aws, httpApi: {{authorizers: {{check: {jwt}}}}}}}
functions:
  a: {{handler: a.b, events: [{{httpApi: GET /open}}, {{httpApi: {own}}}]}}
"""
        api = convert(text).values["components"]["rest-api"]

        assert api["authorizer"] == {"issuer": "https://id.example", "audience": ["shop"], "header": "X-Token"}
        assert [(route["path"], route.get("public", False)) for route in api["routes"]] == [
            ("/open", True),
            ("/own", False),
        ]

    def test_may_be_written_in_several_files(self, convert: Convert, tmp_path: Path) -> None:
        (tmp_path / "api.yml").write_text("f: {handler: a.b, events: [{httpApi: GET /}]}\n")
        (tmp_path / "queue.yml").write_text("Resources: {Jobs: {Type: 'AWS::SQS::Queue'}}\nOutputs: {A: {Value: b}}\n")
        text = """\
service: x
provider: {name: aws}
functions:
  - ${file(api.yml)}
  - {g: {handler: a.c, events: [{sqs: !GetAtt Jobs.Arn}]}}
resources:
  - ${file(queue.yml)}
  - Resources: {Orders: {Type: 'AWS::DynamoDB::Table'}}
"""
        converted = convert(text)

        assert converted.values["components"]["workers"]["queues"] == {"jobs": {}}
        assert _said(converted.left_out) == {"resources[0].Outputs": 7, "resources[1].Resources.Orders": 8}

    def test_says_what_it_does_not_know_of_used_keys(self, convert: Convert) -> None:
        text = """\
service: x
provider: {name: aws, vpc: "${ssm:/vpc}", runtime: python3.13}
package: {patterns: ['!tests/**', '!node_modules/**']}
functions:
  f: {handler: src.orders.list, events: [{httpApi: GET /}, {http: , path: x}]}
  g: {handler: a.b, events: "${file(missing.yml)}"}
"""
        converted = convert(text)

        api = converted.values["components"]["rest-api"]
        assert (api["package"], api["functions"]["f"]["handler"]) == ({"exclude": ["tests/**"]}, "src/orders.list")
        left_out = {"provider.vpc": 2, "package": 3, "functions.f.events[1]": 5}
        assert _said(converted.left_out) == {**left_out, "functions.g": 6, "functions.g.events": 6}

    @pytest.mark.parametrize(
        "package", ["{patterns: 7}", "{exclude: [{a: b}]}", "{include: '${ssm:/x}'}", "{patterns: [[]]}"]
    )
    def test_may_have_a_package_that_is_none(self, convert: Convert, package: str) -> None:
        functions = "{f: {handler: a.b, events: [{httpApi: GET /}]}}"

        converted = convert(f"service: x\nprovider: aws\npackage: {package}\nfunctions: {functions}\n")

        assert "package" not in converted.values["components"]["rest-api"]
        assert [fault.line for fault in converted.left_out] == [3]


class TestVariables:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("${self:custom.a}", "1"),
            ("${self:custom.missing, 'x, y'}", "x, y"),
            ("${opt:missing, self:custom.missing, 7}", "7"),
            ("${self:custom.${self:custom.key}}", "1"),
            ("${strToBool(true)}", "true"),
            ("${param:size}", "big"),
            ("${param:missing, 'none'}", "none"),
            ("${file(more.yml):inner.b}", "from-file"),
            ("${env:UNSET, 'fallback'}", "fallback"),
            ("${env:SET, 'fallback'}", "${env.SET}"),
            ("a-${aws:region}-b", "a-eu-west-1-b"),
        ],
    )
    def test_are_resolved(self, convert: Convert, tmp_path: Path, value: str, expected: str) -> None:
        (tmp_path / "more.yml").write_text("inner: {b: from-file}\n")
        text = f"""\
service: x
provider: {{name: aws, region: eu-west-1}}
custom: {{a: 1, key: a}}
params: {{default: {{size: big}}}}
functions: {{f: {{handler: a.b, environment: {{V: "{value}"}}, events: [{{httpApi: '*'}}]}}}}
"""
        component = convert(text, environment={"SET": "never-written"}).values["components"]["rest-api"]

        assert (component["environment"], component["handler"]) == ({"V": expected}, "a.b")

    @pytest.mark.parametrize(
        "value",
        [
            "${self:custom.loop}",
            "${cf:stack.Out}",
            "${file(../../etc/passwd.yml)}",
            "${file(run.js)}",
            "${self:custom.big}",
        ],
    )
    def test_that_are_not_known_are_left_out(self, convert: Convert, value: str) -> None:
        doubled = ", ".join(f"b{n}: '${{self:custom.b{n + 1}}}${{self:custom.b{n + 1}}}'" for n in range(12))
        text = f"""\
service: x
provider: aws
custom: {{loop: "${{self:custom.loop}}", big: "${{self:custom.b0}}", {doubled}, b12: {"x" * 100}}}
functions: {{f: {{handler: a.b, environment: {{V: "{value}"}}, events: [{{httpApi: GET /}}]}}}}
"""
        assert "functions.f.environment.V" in _said(convert(text).left_out)

    def test_that_contain_themselves_are_refused(self, convert: Convert) -> None:
        nested = "{a: " * 20 + "'${self:custom}'" + "}" * 20

        with pytest.raises(ConfigurationError, match="contain each other"):
            convert(f"service: '${{self:custom.a}}'\nprovider: aws\ncustom: {nested}\n")

    def test_do_not_grow_without_bounds(self, convert: Convert) -> None:
        doubled = "".join(f"  b{n}: ['${{self:custom.b{n + 1}}}', '${{self:custom.b{n + 1}}}']\n" for n in range(40))
        text = f"service: '${{self:custom.b0}}'\nprovider: aws\ncustom:\n{doubled}  b40: x\n"

        with pytest.raises(ConfigurationError, match="too many values"):
            convert(text)


class TestFile:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a: [", 2),
            ("a: 1\na: 2\n", 2),
            ("a: 1\n---\nb: 2\n", 2),
            ("- a\n", 1),
            ("x: " + "[" * 100 + "]" * 100, 1),
            ("a: &a [*a]\n", 1),
            (_MANY_ANCHORS, None),
        ],
    )
    def test_that_cannot_be_read_is_refused(self, convert: Convert, text: str, line: int | None) -> None:
        with pytest.raises(ConfigurationError) as caught:
            convert(text)

        assert line is None or caught.value.faults[0].line == line

    def test_may_have_anchors_merges_and_tags(self, convert: Convert) -> None:
        text = """\
x-base: &base {handler: a.b, memorySize: 512}
service: x
provider: aws
functions:
  f:
    <<: *base
    environment: {A: !Unknown plain, B: !Ref Thing}
    events: [{httpApi: GET /}]
"""
        converted = convert(text)

        assert converted.values["components"]["rest-api"]["functions"]["f"]["memory"] == 512
        assert set(_said(converted.left_out)) == {"functions.f.environment.A", "functions.f.environment.B", "x-base"}


class TestSchedules:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("rate(1 minute)", "* * * * *"),
            ("rate(2 hours)", "0 */2 * * *"),
            ("rate(120 minutes)", "0 */2 * * *"),
            ("rate(1 day)", "0 0 * * *"),
            ("cron(0 12 * * ? *)", "0 12 * * *"),
            ("cron(0/15 8-18 ? * 2-6 *)", "0/15 8-18 * * 1-5"),
            ("cron(0 9 ? * MON-FRI *)", "0 9 * * MON-FRI"),
        ],
    )
    def test_keep_their_times(self, written: str, expected: str) -> None:
        assert translate_schedule(written) == expected

    @pytest.mark.parametrize(
        "written",
        [
            "rate(7 minutes)",
            "rate(0 minutes)",
            "rate(36 hours)",
            "cron(0 9 L * ? *)",
            "cron(0 9 * * ? 2030)",
            "at(2030-01-01T00:00:00)",
        ],
    )
    def test_that_cron_cannot_say_are_refused(self, written: str) -> None:
        with pytest.raises(ValueError):
            translate_schedule(written)
