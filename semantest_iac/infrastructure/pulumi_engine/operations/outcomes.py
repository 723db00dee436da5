"""Turns a worker's last message into a result, a recovery of pending creates, or an error.

This is the one place where the engine's error texts are translated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from semantest_iac.domain import errors
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import (
    NO_ANSWER_STATUSES,
    CloudUnavailableError,
    DeploymentError,
    Fault,
    PolicyRefusedError,
    ProviderError,
    RefusedError,
    ThrottledError,
)
from semantest_iac.infrastructure.clouds.refusal_hints import find_refusal_hint
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import PendingCreateRecovery

_RETRY_HINT = "Deploy again: existing resources are kept, and the missing ones are created."
_CHANGE_HINT = "Change the configuration as the message says."
_BUSY_HINT = "Try again when it has ended."
_NETWORK_HINT = "Check the network of this machine and the region, then deploy again: what exists is kept."
_PLUGIN_HINT = "Run `semantest-iac setup`, or `pulumi plugin install resource <name> <version>`."
_CREDENTIALS_HINT = (
    "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for Azure run az login, or set "
    "ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID."
)

# the forms in which providers report an API error; the code is the cloud's own
_API_ERRORS = tuple(
    re.compile(form, re.DOTALL)
    for form in (
        r"StatusCode: (?P<status>\d+)(?:, RequestID: [^,]*)?, (?:api error "
        r")?(?P<code>[A-Za-z][\w.]*): (?P<message>[^\n]*)",
        # Azure, as its older SDK for Go and its newer one write it
        r"Status(?:Code)?=(?P<status>\d+).{0,200}?Code=\"(?P<code>\w+)\"\s+Message=\"(?P<message>[^\"]*)\"",
        r"(?:status code|RESPONSE|StatusCode=?:?) ?(?P<status>\d{3}).{0,400}?"
        r"\"code\":\s*\"(?P<code>[\w.]+)\",\s*\"message\":\s*\"(?P<message>(?:[^\"\\]|\\.)*)\"",
    )
)
# PrincipalNotFound: a new identity is not known everywhere in the cloud at once
_THROTTLING_CODE = re.compile(
    r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|TooManyUpdates|^PrincipalNotFound$"
)
_RETRY_AFTER = re.compile(r"(?i)(?:retry[- ]after|try again (?:after|in))\W{1,3}(\d{1,4})\W{1,2}s")
_NO_CONNECTION = re.compile(
    r"(?i)connection reset by peer|connection refused|TLS handshake timeout|i/o timeout|no such host|unexpected EOF"
    r"|network is unreachable|temporary failure in name resolution|Client\.Timeout exceeded"
)

# errors of the engine itself: pattern, code and hint; the first match counts
_ENGINE_FAILURES = (
    (r"no valid credential sources|unable to validate AWS credentials|failed to refresh cached credentials"
     r"|NoCredentialProviders|az login|building account",
     "CREDENTIALS_MISSING", _CREDENTIALS_HINT),
    (r"no resource plugin '|could not find plugin|Could not automatically download|plugin .* (?:is )?not installed",
     "PLUGIN_MISSING", _PLUGIN_HINT),
    (r"policy pack \".*\" failed to start", "POLICY_PACK_FAILED",
     "Install what the pack needs in its own venv, such as pulumi-policy, and run its program there to see why."),
    (r"currently locked by|Another update is currently in progress", "STACK_BUSY", _BUSY_HINT),
    (r"incorrect passphrase|constructing secrets manager|failed to decrypt|cipher: message authentication failed",
     "STATE_SEALED", "The state was encrypted with another passphrase file: restore that one."),
    (r"PULUMI_CONFIG_PASSPHRASE", "STATE_SEALED", "The passphrase file is missing or empty: restore it."),
    (r"newer than what we understand|unsupported (?:deployment|checkpoint) version|requires .* version of the Pulumi",
     "ENGINE_VERSION", "Use a newer Pulumi CLI: a newer one wrote the state."),
    (r"(?i)no space left on device|disk quota exceeded|file too large", "DISK_FULL",
     "Free space on the disk of the state, or raise the quota, then deploy again."),
    (r"(?i)read-only file system", "READ_ONLY", "Make the disk of the state writable, then deploy again."),
    (r"snapshot integrity", "STATE_DAMAGED", "Run `pulumi state repair`, or restore the newest backup of the state."),
)  # fmt: skip


def require_done(last: Mapping[str, Any], stack: Stack) -> Mapping[str, Any]:
    """The result in a worker's last message; raises DeploymentError if it has none."""
    if "done" in last:
        result: Mapping[str, Any] = last["done"]
        return result
    if "refused" in last:
        raise _rebuild_error(last["refused"])
    if "stale" in last:
        raise _stale_plan_error(last["stale"], stack)
    raise translate_engine_failure(last["failed"], stack)


def translate_engine_failure(failed: Mapping[str, Any], stack: Stack) -> DeploymentError:
    """The error for a run of the engine that failed, was stopped or was killed."""
    diagnostic = _main_diagnostic(failed["errors"], failed["text"])
    if failed["stopped"]:
        cause = f"Cannot deploy '{stack}': {failed['stopped']}."
        return DeploymentError(cause, "ENGINE_STOPPED", hint=_RETRY_HINT)
    if (failed["exit_code"] or 0) < 0:
        cause = f"Cannot deploy '{stack}': the Pulumi CLI was killed by signal {-failed['exit_code']}."
        return DeploymentError(cause, "ENGINE_DIED", hint=_RETRY_HINT)
    if faults := [_to_violation_fault(it) for it in failed.get("violations", ()) if it["is_mandatory"]]:
        message = f"Cannot deploy '{stack}': policy packs refuse the plan."
        return PolicyRefusedError(message, hint=_CHANGE_HINT, faults=faults)
    urn, text = diagnostic["urn"], diagnostic["message"]
    if api_error := next(filter(None, (form.search(text) for form in _API_ERRORS)), None):
        return _cloud_error(api_error, urn, stack)
    for pattern, code, hint in _ENGINE_FAILURES:
        if re.search(pattern, text):
            kind = errors.StackBusyError if code == "STACK_BUSY" else DeploymentError
            return kind(f"Cannot deploy '{stack}': {_join_first_lines(text)}", code, hint=hint)
    message = f"Cannot deploy {_display_name(urn, stack)}: {_join_first_lines(text)}"
    if _NO_CONNECTION.search(text):  # only now: without credentials or a plugin, the network is asked in vain too
        return CloudUnavailableError(message, provider=stack.provider, resource=urn, hint=_NETWORK_HINT)
    return ProviderError(message, provider=stack.provider, resource=urn, hint=_CHANGE_HINT)


def _to_violation_fault(violation: Mapping[str, Any]) -> Fault:
    """Return what a policy pack says about a resource."""
    name = violation["urn"].rpartition("::")[2]
    message = violation["message"].rstrip(".")
    return Fault(violation["policy"], f"{name}: {message}" if name else message)


def _rebuild_error(refused: Mapping[str, Any]) -> DeploymentError:
    """An error of this package that was raised in the worker."""
    kind = getattr(errors, refused["kind"], DeploymentError)
    faults = [Fault(**fault) for fault in refused["faults"]]
    error: DeploymentError = kind(refused["message"], refused["code"], hint=refused["hint"], faults=faults)
    return error


def _stale_plan_error(differences: Sequence[Sequence[str]], stack: Stack) -> DeploymentError:
    faults = [Fault(urn, f"now a difference: {op}") for urn, op in differences]
    return RefusedError(
        f"Cannot deploy '{stack}': it would now make other changes than were planned.",
        "PLAN_STALE",
        hint="Deploy again: the new plan is shown first.",
        faults=faults,
    )


def _cloud_error(api_error: re.Match[str], urn: str, stack: Stack) -> DeploymentError:
    code, status = api_error["code"], int(api_error["status"])
    message = f"Cannot deploy {_display_name(urn, stack)}: {_join_first_lines(api_error['message'])}"
    fields: dict[str, Any] = {"provider": stack.provider, "resource": urn}
    if status == 429 or _THROTTLING_CODE.search(code):
        asked = _RETRY_AFTER.search(api_error["message"])
        return ThrottledError(
            message, code, **fields, hint=_RETRY_HINT, retry_after_s=float(asked[1]) if asked else None
        )
    if status in NO_ANSWER_STATUSES:
        return CloudUnavailableError(message, code, **fields, hint=_RETRY_HINT)
    own = _CREDENTIALS_HINT if "ExpiredToken" in code else find_refusal_hint(code, api_error["message"])
    hint = CLOUDS[stack.provider].load_rules().explain_refusal(api_error["message"], stack) or own or _RETRY_HINT
    return ProviderError(message, code, **fields, hint=hint)


def _main_diagnostic(diagnostics: Sequence[Mapping[str, str]], text: str) -> Mapping[str, str]:
    """The first error about a resource; the engine's error about the update as a whole only repeats it."""
    of_resources = [it for it in diagnostics if it["urn"] and "::pulumi:pulumi:Stack::" not in it["urn"]]
    others = [it for it in diagnostics if "update failed" not in it["message"]]
    return next(iter([*of_resources, *others]), {"message": _stderr_text(text), "urn": ""})


def _stderr_text(text: str) -> str:
    """The error of a CLI that ended before its engine started."""
    return text.partition("\n stderr: ")[2].strip().removeprefix("error: ") or "the engine gave no reason"


def _display_name(urn: str, stack: Stack) -> str:
    if not urn:
        return f"'{stack}'"
    types, _, name = urn.removeprefix("urn:pulumi:").split("::", 2)[2].partition("::")
    return f"'{name}' ({types.rpartition('$')[2]})"


def _join_first_lines(text: str) -> str:
    """The first lines of a message as one sentence."""
    sentence = " ".join(line.strip(" *\t") for line in text.strip().splitlines()[:6] if line.strip(" *\t"))
    return f"{sentence[:1_000].rstrip('.')}."


FindCreatedResource = Callable[[PendingCreate], str | None]
"""The id of the resource that a create made, None if it made none; never one of its `known_ids`."""


def recover_pending_creates(
    pending: Sequence[Mapping[str, Any]], stack: Stack, find_created: FindCreatedResource | None
) -> PendingCreateRecovery:
    """Adopt the creates whose resources exist and forget the others, which will be created again.

    Raises DeploymentError without `find_created`: then a person must look.
    """
    creates = [PendingCreate(**it) for it in pending]
    if find_created is None:
        raise _pending_creates_error(creates, stack)
    return PendingCreateRecovery({create.urn: id_ for create in creates if (id_ := find_created(create))})


def _pending_creates_error(pending: Sequence[PendingCreate], stack: Stack) -> DeploymentError:
    refresh = f"pulumi refresh --yes --skip-preview --stack {stack}"
    faults = [
        Fault(
            create.urn,
            "its create began and was never confirmed",
            f"If it exists: {refresh} --import-pending-creates '{create.urn}' --import-pending-creates <its id>",
        )
        for create in sorted(pending, key=lambda create: create.urn)
    ]
    return DeploymentError(
        f"Cannot work on stack '{stack}': an earlier run was killed while it created resources.",
        "CREATES_PENDING",
        hint=f"Look in the cloud for each; for those that do not exist: {refresh} --clear-pending-creates",
        faults=faults,
    )
