"""The state of a Pulumi stack becomes a configuration; what is not in it is listed with its type, name and id."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.domain.ports.service_finder import ConvertedConfiguration
from semantest_iac.infrastructure.clouds.aws_rules import AWS_LIMITS
from semantest_iac.infrastructure.configuration.conversion.pulumi.stack import convert_pulumi_stack
from semantest_iac.infrastructure.configuration.conversion.written_file import render_converted_file

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = {_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:never-written"}
_ARCHIVE = {_SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "hash": "1f", "path": "./app"}
_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"


def _resource(type_: str, called: str, id_: str, **values: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::shop::{type_}::{called}"
    return {"urn": urn, "type": type_, "custom": True, "id": id_, "inputs": values, "outputs": values}


def _function(called: str, handler: str, **values: Any) -> dict[str, Any]:
    name = f"{called}-1a2b"
    own = {"name": name, "handler": handler, "runtime": "nodejs22.x", "code": _ARCHIVE, **values}
    return _resource("aws:lambda/function:Function", called, name, **own)


def _route(name: str, key: str, integration: str, **values: Any) -> dict[str, Any]:
    own = {"apiId": "api1", "routeKey": key, "target": f"integrations/{integration}", **values}
    return _resource("aws:apigatewayv2/route:Route", name, name, **own)


def _integration(id_: str, function: str, payload: str) -> dict[str, Any]:
    address = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{_ARN}{function}/invocations"
    own = {"apiId": "api1", "integrationUri": address, "payloadFormatVersion": payload}
    return _resource("aws:apigatewayv2/integration:Integration", id_, id_, **own)


_RESOURCES = [
    _resource("pulumi:providers:aws", "default", "p1", region="eu-west-1"),
    _function(
        "listOrders",
        "orders.list",
        timeout=60,
        environment={"variables": {"LEVEL": "info", "API_KEY": "in-plain-text", "PASSWORD": _SECRET}},
    ),
    _function("worker", "jobs.run"),
    _function("old", "main", runtime="go1.x"),
    _resource("aws:apigatewayv2/api:Api", "api", "api1", name="shop", protocolType="HTTP"),
    _integration("i1", "listOrders-1a2b", "2.0"),
    _integration("i2", "old-1a2b", "1.0"),
    _route("orders", "GET /orders", "i1"),
    _route("guarded", "POST /orders", "i1", authorizationType="AWS_IAM"),
    _route("legacy", "GET /legacy", "i2"),
    _resource("aws:sqs/queue:Queue", "jobs", "https://sqs/jobs", arn="arn:jobs", visibilityTimeoutSeconds=180),
    _resource(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "mapping",
        "m1",
        eventSourceArn="arn:jobs",
        functionName=f"{_ARN}worker-1a2b",
        batchSize=5,
    ),
    _resource("aws:cloudwatch/eventRule:EventRule", "nightly", "nightly", scheduleExpression="cron(0 3 * * ? *)"),
    _resource("aws:cloudwatch/eventTarget:EventTarget", "t", "t1", rule="nightly", arn=f"{_ARN}worker-1a2b"),
    _resource("aws:dynamodb/table:Table", "orders", "orders-77"),
    _resource("aws:iam/role:Role", "role", "role-1"),
]
_EXPORTED = {"version": 3, "deployment": {"manifest": {}, "resources": _RESOURCES}}


def _convert(folder: Path, document: Any) -> ConvertedConfiguration:
    file = folder / "state.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return convert_pulumi_stack(file, AWS_LIMITS.runtimes, date(2026, 12, 1))


class TestStack:
    def test_becomes_an_api_and_workers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        values = _convert(tmp_path, _EXPORTED).values

        assert (values["project"], values["region"]) == ("shop", "eu-west-1")
        assert values["components"]["rest-api"] == {
            "source": "app",
            "functions": {
                "list-orders": {
                    "handler": "orders.list",
                    "runtime": "nodejs22.x",
                    "memory": 128,
                    "timeout": 29,
                    "environment": {
                        "LEVEL": "info",
                        "API_KEY": "${secrets.api_key}",
                        "PASSWORD": "${secrets.password}",
                    },
                }
            },
            "routes": [{"path": "/orders", "methods": "GET", "function": "list-orders"}],
            "cors": {"origins": []},
        }
        workers = values["components"]["workers"]
        triggers = [function["trigger"] for function in workers["functions"].values()]
        assert triggers == [{"queue": "jobs", "batch": 5}, {"schedule": "0 3 * * *"}]
        assert workers["queues"] == {"jobs": {"lock_s": 180}}

    def test_lists_what_is_left_out(self, tmp_path: Path) -> None:
        converted = _convert(tmp_path, _EXPORTED)

        assert {fault.path.split(" ")[1] for fault in converted.left_out} == {
            "guarded",
            "legacy",
            "old",
            "i2",
            "orders",
        }
        assert any("orders-77" in fault.message for fault in converted.left_out)

    def test_writes_no_value_of_a_secret(self, tmp_path: Path) -> None:
        converted = _convert(tmp_path, _EXPORTED)

        text = render_converted_file(converted, "state.json") + repr(converted)
        assert "in-plain-text" not in text and "never-written" not in text
        assert set(converted.required_variables) == {"SEMANTEST_SECRET_API_KEY", "SEMANTEST_SECRET_PASSWORD"}

    def test_is_read_from_the_file_of_a_backend(self, tmp_path: Path) -> None:
        exported = _convert(tmp_path, _EXPORTED)
        checkpoint = {"version": 3, "checkpoint": {"stack": "x", "latest": {"resources": _RESOURCES}}}
        (tmp_path / "packed.json.gz").write_bytes(gzip.compress(json.dumps(checkpoint).encode()))

        packed = convert_pulumi_stack(tmp_path / "packed.json.gz", AWS_LIMITS.runtimes, date(2026, 12, 1))

        assert packed.values == exported.values

    @pytest.mark.parametrize(
        "document",
        [
            "{",
            "[" * 100_000,
            "[]",
            {"version": 3},
            {"deployment": {"resources": []}},
            {"deployment": {"resources": [{"urn": "x", "type": "aws:a"}, 7]}},
            {"deployment": {"resources": [_resource("gcp:storage:Bucket", "b", "1")]}},
        ],
    )
    def test_that_is_none_is_refused(self, tmp_path: Path, document: Any) -> None:
        with pytest.raises(ConfigurationError) as caught:
            _convert(tmp_path, document)

        assert caught.value.faults
