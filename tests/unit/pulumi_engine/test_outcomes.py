"""A worker's last message as a result or an error."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import (
    CloudUnavailableError,
    DeploymentError,
    PolicyRefusedError,
    ProviderError,
    RefusedError,
    StackBusyError,
    ThrottledError,
)
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

    def test_says_what_mandatory_policies_refuse_and_keeps_silent_about_advice(self) -> None:
        violation = {"policy": "pack: retention", "message": "Keep logs.", "is_mandatory": True, "urn": URN}
        advice = violation | {"message": "Name it.", "is_mandatory": False}

        error = error_of(failure("the plan was refused", violations=[violation, violation | {"urn": ""}, advice]))

        assert isinstance(error, PolicyRefusedError)
        assert [(it.path, it.message) for it in error.faults] == [
            ("pack: retention", "function: Keep logs"),
            ("pack: retention", "Keep logs"),
        ]

    def test_advice_does_not_hide_what_failed(self) -> None:
        advice = {"policy": "pack: retention", "message": "Keep logs.", "is_mandatory": False, "urn": URN}

        assert isinstance(error_of(failure("no such bucket", violations=[advice])), ProviderError)

    def test_says_what_a_pack_needs_that_does_not_start(self) -> None:
        error = error_of(failure('policy pack "/packs/a" failed to start: exit status 1', urn=""))

        assert (error.error_code, "venv" in error.hint) == ("POLICY_PACK_FAILED", True)

    def test_names_the_resource_and_keeps_the_clouds_code(self) -> None:
        error = error_of(failure(API.format(409, "ResourceConflictException", "Function already exist: f")))

        assert isinstance(error, ProviderError)
        assert (error.error_code, error.resource) == ("ResourceConflictException", URN)
        assert error.message == "Cannot deploy 'function' (aws:lambda/function:Function): Function already exist: f."

    @pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequestsException"), (400, "ThrottlingException")])
    def test_raises_a_retryable_error_when_throttled(self, status: int, code: str) -> None:
        error = error_of(failure(API.format(status, code, "Rate exceeded")))

        assert isinstance(error, ThrottledError)
        assert error.retry_after_s is None

    @pytest.mark.parametrize(
        ("words", "seconds"),
        [
            ("Rate exceeded. Please retry after 17 seconds.", 17.0),
            ("Too many requests. Try again in '5' seconds", 5.0),
            ("Retry-After: 120 s", 120.0),
            ("The rate of 30 a second is exceeded.", None),
        ],
    )
    def test_reads_how_long_the_cloud_asks_to_wait(self, words: str, seconds: float | None) -> None:
        error = error_of(failure(API.format(429, "TooManyRequestsException", words)))

        assert isinstance(error, ThrottledError)
        assert error.retry_after_s == seconds

    def test_may_repeat_what_a_new_identity_is_too_new_for(self) -> None:
        assert isinstance(error_of(failure(API.format(400, "PrincipalNotFound", "no"))), ThrottledError)

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_knows_answers_that_are_not_of_the_service(self, status: int) -> None:
        error = error_of(failure(API.format(status, "ServiceUnavailable", "Wait.")))

        assert isinstance(error, CloudUnavailableError)
        assert (error.error_code, error.retryable) == ("ServiceUnavailable", True)

    def test_does_not_repeat_what_the_service_failed_at(self) -> None:
        assert not error_of(failure(API.format(500, "InternalError", "No."))).retryable

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ("Post https://sns.eu-west-9.amazonaws.com: dial tcp: lookup sns: no such host", "PROVIDER_UNAVAILABLE"),
            ("read tcp 10.0.0.1:5->10.0.0.2:443: read: connection reset by peer", "PROVIDER_UNAVAILABLE"),
            ("no valid credential sources found: dial tcp 169.254.169.254:80: i/o timeout", "CREDENTIALS_MISSING"),
            ("could not find plugin aws: dial tcp: lookup get: no such host", "PLUGIN_MISSING"),
        ],
    )
    def test_tells_a_lost_connection_from_what_is_missing(self, message: str, code: str) -> None:
        error = error_of(failure(message))

        assert (error.error_code, error.retryable) == (code, code == "PROVIDER_UNAVAILABLE")

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
