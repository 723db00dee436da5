"""The shape check names every failure with its path, and accepts unknown values."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.schema.shapes import CheckFailure, check_inputs
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

FUNCTION = "aws:lambda/function:Function"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GOOD: dict[str, dict[str, Any]] = {
    FUNCTION: {
        "role": "arn:aws:iam::123456789012:role/api",
        "runtime": "nodejs24.x",
        "handler": "index.handler",
        "code": {"hash": "a"},
    },
    ALARM: {"name": "a", "metricName": "Errors", "namespace": "AWS/Lambda", "period": 60, "statistic": "Sum"},
    "aws:ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/16"},
    "aws:iam/role:Role": {"assumeRolePolicy": "{}"},
    "aws:secretsmanager/secret:Secret": {"name": "database"},
    "aws:cloudwatch/logGroup:LogGroup": {"name": "logs"},
    "aws:lambda/alias:Alias": {"name": "live", "functionName": "f", "functionVersion": "1"},
}


def failures(type_: str, **changes: Any) -> list[CheckFailure]:
    """Check a valid resource after these changes; None omits a property."""
    inputs = {**GOOD[type_], **changes}
    return check_inputs(AWS_TYPES[type_], {name: value for name, value in inputs.items() if value is not None})


class TestCheckInputs:
    @pytest.mark.parametrize("type_", sorted(GOOD))
    def test_accepts_valid_inputs(self, type_: str) -> None:
        assert failures(type_) == []

    @pytest.mark.parametrize(
        ("type_", "changes", "path", "reason"),
        [
            (FUNCTION, {"role": None}, "role", "is required"),
            (FUNCTION, {"memorySize": 64}, "memorySize", "must be 128 to 32768"),
            (FUNCTION, {"memorySize": "64"}, "memorySize", "must be a whole number"),
            (FUNCTION, {"memorySize": 512.5}, "memorySize", "must be a whole number"),
            (FUNCTION, {"timeout": 901}, "timeout", "must be 1 to 900"),
            (FUNCTION, {"publish": "yes"}, "publish", "must be a boolean"),
            (FUNCTION, {"timeout": True}, "timeout", "must be a whole number"),
            (FUNCTION, {"name": "a b"}, "name", "must match"),
            (FUNCTION, {"name": "a" * 65}, "name", "must be 1 to 64 characters long"),
            (FUNCTION, {"runtime": "cobol"}, "runtime", "must be one of"),
            (FUNCTION, {"memorysize": 512}, "memorysize", "did you mean memorySize?"),
            (FUNCTION, {"zzz": 1}, "zzz", "is not a property of this type"),
            (FUNCTION, {"architectures": ["arm64", "x86_64"]}, "architectures", "must have 1 to 1 elements"),
            (FUNCTION, {"architectures": ["mips"]}, "architectures.0", "must be one of"),
            (FUNCTION, {"environment": {"variables": {"A": 1}}}, "environment.variables.A", "must be a string"),
            (FUNCTION, {"loggingConfig": {}}, "", ""),
            (FUNCTION, {"loggingConfig": {"logGroup": "x"}}, "loggingConfig.logFormat", "is required"),
            (FUNCTION, {"loggingConfig": {"logFormat": "JSON", "x": 1}}, "loggingConfig.x", "is not a property"),
            (FUNCTION, {"imageUri": "x"}, "code", "only 1 of code, imageUri, s3Bucket"),
            (FUNCTION, {"code": None}, "code", "needs one of"),
            (FUNCTION, {"handler": None}, "code", "needs handler beside it"),
            (ALARM, {"period": 61}, "period", "or a multiple of 60"),
            (ALARM, {"extendedStatistic": "p95"}, "statistic", "only 1 of"),
            (ALARM, {"metricQueries": [{"id": "Bad"}]}, "metricQueries.0.id", "must match"),
            ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.1/16"}, "cidrBlock", "without host bits"),
            ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "must have a prefix of 16 to 28"),
            ("aws:iam/role:Role", {"assumeRolePolicy": "{"}, "assumeRolePolicy", "must be a JSON document"),
            ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 3}, "recoveryWindowInDays", "0, 7, 8"),
            ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 10}, "retentionInDays", "must be one of"),
            ("aws:cloudwatch/logGroup:LogGroup", {"name": "aws/x"}, "name", "must match"),
            ("aws:lambda/alias:Alias", {"name": "123"}, "name", "must match"),
        ],
    )
    def test_names_path_and_reason(self, type_: str, changes: dict[str, Any], path: str, reason: str) -> None:
        found = failures(type_, **changes)

        assert not path or any(one.property == path and reason in one.reason for one in found)
        assert path or found == []

    def test_lists_every_fault_at_once(self) -> None:
        found = failures(FUNCTION, memorySize=64, timeout=901, name="a b", extra=1)

        assert {one.property for one in found} == {"memorySize", "timeout", "name", "extra"}

    def test_accepts_unknown_values_anywhere(self) -> None:
        variables = {"A": UNKNOWN}

        assert failures(FUNCTION, role=UNKNOWN, environment={"variables": variables}, timeout=UNKNOWN) == []

    def test_only_warns_by_general_knowledge(self) -> None:
        found = failures("aws:secretsmanager/secret:Secret", name="database-abcdef")

        assert [(one.warning, one.evidence) for one in found] == [(True, "general knowledge")]

    def test_never_repeats_a_value(self) -> None:
        found = failures(FUNCTION, name="hunter2 hunter2", environment={"variables": {"A": ["hunter2"]}})

        assert len(found) == 2
        assert "hunter2" not in str(found)

    def test_ignores_the_defaults_key(self) -> None:
        assert failures(FUNCTION, __defaults=["name"]) == []
