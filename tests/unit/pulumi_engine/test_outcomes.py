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
            ("ConcurrentModificationException", "Deploy again"),
            ("EntityAlreadyExists", "has that name"),
        ],
    )
    def test_gives_a_hint_by_the_clouds_code(self, code: str, advice: str) -> None:
        assert advice in error_of(failure(API.format(400, code, "no"))).hint

    @pytest.mark.parametrize(
        ("message", "code", "advice"),
        [
            (
                "operation error Lambda: PutFunctionConcurrency, https response error "
                "StatusCode: 400, RequestID: 1-2-3, "
                "InvalidParameterValueException: Specified ReservedConcurrentExecutions for "
                "function decreases account's "
                "UnreservedConcurrentExecution below its minimum value of [10].",
                "InvalidParameterValueException",
                "as few as 10 functions at once",
            ),
            (
                "operation error Lambda: PutProvisionedConcurrencyConfig, https response error StatusCode: 400, "
                "RequestID: 1-2-3, InvalidParameterValueException: Specified "
                "ConcurrentExecutions for function is greater "
                "than account's unreserved concurrency [10].",
                "InvalidParameterValueException",
                "as few as 10 functions at once",
            ),
            (
                "operation error Lambda: PutFunctionConcurrency, https response error "
                "StatusCode: 400, RequestID: 1-2-3, "
                "InvalidParameterValueException:  ReservedConcurrentExecutions  3 should not be lower than function's "
                "total provisioned concurrency [5].",
                "InvalidParameterValueException",
                "Lower instances.min in an update of its own",
            ),
            (  # github.com/keboola/developer-portal/issues/81
                "operation error Lambda: CreateFunction, https response error StatusCode: 400, RequestID: 1-2-3, "
                "InvalidParameterValueException: The provided subnets contain availability zone Lambda doesn't "
                "support. Please use a different set of subnets.",
                "InvalidParameterValueException",
                "subnets in other zones",
            ),
            (
                "authorization.RoleAssignmentsClient#Create: Failure responding to request: StatusCode=403 -- Original "
                'Error: autorest/azure: Service returned an error. Status=403 Code="AuthorizationFailed" Message="The '
                "client 'c' with object id 'o' does not have authorization to perform action "
                "'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/s' "
                'or the scope is invalid."',
                "AuthorizationFailed",
                "Role Based Access Control Administrator",
            ),
            (
                "cannot check existence of resource '/subscriptions/s/resourcegroups/g': status code 403, "
                '{"error":{"code":"AuthorizationFailed","message":"The client \'c\' does not '
                "have authorization to perform "
                "action 'Microsoft.Resources/subscriptions/resourcegroups/read' over scope '/subscriptions/s'.\"}}",
                "AuthorizationFailed",
                "lacks this permission",
            ),
            (
                "autorest/azure: Service returned an error. Status=409 "
                'Code="MissingSubscriptionRegistration" Message="The '
                "subscription is not registered to use namespace 'Microsoft.App'. See https://aka.ms/rps-not-found for "
                'how to register subscriptions."',
                "MissingSubscriptionRegistration",
                "az provider register --namespace Microsoft.App --wait",
            ),
            (
                "PUT https://management.azure.com/subscriptions/s\n----\nRESPONSE 409: 409 Conflict\n"
                'ERROR CODE: MissingSubscriptionRegistration\n----\n{\n  "error": {\n    "code": '
                '"MissingSubscriptionRegistration",\n    "message": "The subscription is not '
                "registered to use namespace "
                "'Microsoft.Web'. See https://aka.ms/rps-not-found.\"\n  }\n}",
                "MissingSubscriptionRegistration",
                "az provider register --namespace Microsoft.Web --wait",
            ),
        ],
        ids=[
            "reserved",
            "provisioned",
            "both lowered",
            "zone",
            "role assignment",
            "right",
            "provider",
            "provider, newer form",
        ],
    )
    def test_gives_a_hint_for_whole_messages(self, message: str, code: str, advice: str) -> None:
        error = error_of(failure(message))

        assert error.error_code == code
        assert advice in error.hint

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
            ("error: write /x: disk quota exceeded", DeploymentError, "DISK_FULL"),
            ("error: open /x: read-only file system", DeploymentError, "READ_ONLY"),
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
