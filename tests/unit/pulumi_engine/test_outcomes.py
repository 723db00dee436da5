"""A worker's last message as a result or an error."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, ProviderError, RefusedError, StackBusyError, ThrottledError
from semantest_iac.infrastructure.pulumi_engine.operations.outcomes import require_done

STACK = Stack("rest-api", "aws", "development", "us-east-1")
URN = f"urn:pulumi:{STACK}::semantest-infrastructure::semantest:a:K$aws:lambda/function:Function::function"
API = "operation error Lambda: CreateFunction, https response error StatusCode: {}, RequestID: 1-2-3, {}: {}"


def failure(message: str = "", urn: str = URN, **fields: Any) -> dict[str, Any]:
    """The last message of a worker whose engine reported one error."""
    errors = [{"message": message, "urn": urn}, {"message": "update failed\n", "urn": ""}] if message else []
    return {"failed": {"errors": errors, "exit_code": 4, "stopped": "", "text": "", **fields}}


def error_of(last: dict[str, Any]) -> DeploymentError:
    with pytest.raises(DeploymentError) as caught:
        require_done(last, STACK)
    return caught.value


class TestRequireDone:
    def test_returns_the_result(self) -> None:
        assert require_done({"done": {"steps": []}}, STACK) == {"steps": []}

    def test_names_the_resource_and_keeps_the_clouds_code(self) -> None:
        error = error_of(failure(API.format(409, "ResourceConflictException", "Function already exist: f")))

        assert isinstance(error, ProviderError)
        assert (error.error_code, error.resource) == ("ResourceConflictException", URN)
        assert error.message == "Cannot deploy 'function' (aws:lambda/function:Function): Function already exist: f."

    @pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequestsException"), (400, "ThrottlingException")])
    def test_raises_a_retryable_error_when_throttled(self, status: int, code: str) -> None:
        assert isinstance(error_of(failure(API.format(status, code, "Rate exceeded"))), ThrottledError)

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("AccessDeniedException", "lacks this permission"),
            ("CodeStorageExceededException", "Deploy again"),
            ("LimitExceededException", "Raise the quota"),
            ("EntityAlreadyExists", "has that name"),
        ],
    )
    def test_gives_a_hint_by_the_clouds_code(self, code: str, advice: str) -> None:
        assert advice in error_of(failure(API.format(400, code, "no"))).hint

    def test_names_the_stack_that_logging_needs(self) -> None:
        words = "CloudWatch Logs role ARN must be set in account settings to enable logging"

        hint = error_of(failure(API.format(400, "BadRequestException", words))).hint

        assert "deploy --component account --provider aws --env development --region us-east-1" in hint

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ("Invalid credentials configured: no valid credential sources found", "CREDENTIALS_MISSING"),
            ("no resource plugin 'pulumi-resource-aws-v7.51.1' found in the workspace", "PLUGIN_MISSING"),
            ("the stack is newer than what we understand", "ENGINE_VERSION"),
        ],
    )
    def test_recognizes_what_the_engine_lacks(self, message: str, code: str) -> None:
        error = error_of(failure(message, urn=""))

        assert error.error_code == code
        assert error.hint

    @pytest.mark.parametrize(
        ("stderr", "kind", "code"),
        [
            ("error: the stack is currently locked by 1 lock(s).", StackBusyError, "STACK_BUSY"),
            ("error: constructing secrets manager: incorrect passphrase", DeploymentError, "STATE_SEALED"),
            ("error: write /x: no space left on device", DeploymentError, "DISK_FULL"),
        ],
    )
    def test_recognizes_errors_of_the_cli_before_the_engine_starts(
        self, stderr: str, kind: type[DeploymentError], code: str
    ) -> None:
        error = error_of(failure(text=f"\n code: 255\n stdout: \n stderr: {stderr}"))

        assert isinstance(error, kind)
        assert error.error_code == code

    def test_says_why_the_engine_was_ended(self) -> None:
        assert "killed by signal 9" in error_of(failure(exit_code=-9)).message
        assert "time limit" in error_of(failure(stopped="it exceeded its time limit")).message

    def test_lists_the_differences_from_the_plan(self) -> None:
        error = error_of({"stale": [[URN, "update"]]})

        assert isinstance(error, RefusedError)
        assert [fault.path for fault in error.faults] == [URN]

    def test_raises_what_the_worker_raised(self) -> None:
        faults = [{"path": "p", "message": "q"}]
        refused = {"kind": "StackBusyError", "message": "m", "code": "STACK_BUSY", "hint": "h", "faults": faults}

        error = error_of({"refused": refused})

        assert (type(error), error.hint, error.faults[0].path) == (StackBusyError, "h", "p")
