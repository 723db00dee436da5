"""Turns a worker's last message into a result, a recovery of pending creates, or an error.

This is the one place where the engine's error texts are translated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from semantest_iac.domain import errors
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, Fault, ProviderError, RefusedError, ThrottledError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import PendingCreateRecovery

_RETRY_HINT = "Deploy again: what is there is kept, and the rest is made."
_NAME_TAKEN_HINT = "Another stack or person has that name. Destroy it there, or deploy under another environment."
_CHANGE_HINT = "Change the configuration as the message says."
_BUSY_HINT = "Try again when it has ended."
_PLUGIN_HINT = "Run `semantest-iac setup`, or `pulumi plugin install resource <name> <version>` once by hand."
_CREDENTIALS_HINT = (
    "Give credentials: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for Azure run az login, or set "
    "ARM_CLIENT_ID and its companions."
)

# how a cloud's provider words an API error; the code is the cloud's own
_API_ERROR = re.compile(
    r"StatusCode: (?P<status>\d+)(?:, RequestID: [^,]*)?, (?:api error )?(?P<code>[A-Za-z][\w.]*): (?P<message>[^\n]*)"
)
_THROTTLING_CODE = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|TooManyUpdates")

# a word of the cloud's code -> what to do; the first match counts
_HINT_BY_CODE = {
    "Concurren": "Raise the account's concurrency quota, or leave instances.max out.",
    "LimitExceeded": "Raise the quota in the cloud's console, or ask for less.",
    "Quota": "Raise the quota in the cloud's console, or ask for less.",
    "AlreadyExists": _NAME_TAKEN_HINT,
    "ResourceConflict": _NAME_TAKEN_HINT,
    "AccessDenied": "The deploying identity lacks this permission.",
    "Unauthorized": "The deploying identity lacks this permission.",
    "DependencyViolation": "Something outside this stack still uses it.",
    "InvalidRequest": "The name is still reserved after an earlier delete; wait, or restore it.",
    "ExpiredToken": _CREDENTIALS_HINT,
}

# what stops the engine before or beside any cloud -> code and hint; the first match counts
_ENGINE_FAILURES = (
    (r"no valid credential sources|unable to validate AWS credentials|failed to refresh cached credentials"
     r"|NoCredentialProviders|az login|building account",
     "CREDENTIALS_MISSING", _CREDENTIALS_HINT),
    (r"no resource plugin '|could not find plugin|Could not automatically download|plugin .* (?:is )?not installed",
     "PLUGIN_MISSING", _PLUGIN_HINT),
    (r"currently locked by|Another update is currently in progress", "STACK_BUSY", _BUSY_HINT),
    (r"incorrect passphrase|constructing secrets manager|failed to decrypt|cipher: message authentication failed",
     "STATE_SEALED", "The passphrase file is not the one that the state was sealed with: put that one back."),
    (r"PULUMI_CONFIG_PASSPHRASE", "STATE_SEALED", "The passphrase file is missing or empty: put it back."),
    (r"newer than what we understand|unsupported (?:deployment|checkpoint) version|requires .* version of the Pulumi",
     "ENGINE_VERSION", "Use a newer Pulumi CLI: a newer one wrote the state."),
    (r"no space left on device", "DISK_FULL", "Make room where the state lies, then deploy again."),
    (r"snapshot integrity", "STATE_DAMAGED", "Run `pulumi state repair`, or put the newest backup of the state back."),
)  # fmt: skip


def require_done(last: Mapping[str, Any], stack: Stack) -> Mapping[str, Any]:
    """What was done, of a child's last message; raises why it was not."""
    if "done" in last:
        done: Mapping[str, Any] = last["done"]
        return done
    if "refused" in last:
        raise _rebuild_error(last["refused"])
    if "stale" in last:
        raise _stale_plan_error(last["stale"], stack)
    raise translate_engine_failure(last["failed"], stack)


def translate_engine_failure(failed: Mapping[str, Any], stack: Stack) -> DeploymentError:
    """The error for a run of the engine that did not succeed."""
    told = _main_diagnostic(failed["errors"], failed["text"])
    if failed["stopped"]:
        cause = f"Cannot deploy '{stack}': {failed['stopped']}."
        return DeploymentError(cause, "ENGINE_STOPPED", hint=_RETRY_HINT)
    if (failed["exit_code"] or 0) < 0:
        cause = f"Cannot deploy '{stack}': the Pulumi CLI was killed by signal {-failed['exit_code']}."
        return DeploymentError(cause, "ENGINE_DIED", hint=_RETRY_HINT)
    urn, text = told["urn"], told["message"]
    if found := _API_ERROR.search(text):
        return _cloud_error(found, urn, stack)
    for pattern, code, hint in _ENGINE_FAILURES:
        if re.search(pattern, text):
            kind = errors.StackBusyError if code == "STACK_BUSY" else DeploymentError
            return kind(f"Cannot deploy '{stack}': {_as_sentence(text)}", code, hint=hint)
    return ProviderError(
        f"Cannot deploy {_display_name(urn, stack)}: {_as_sentence(text)}",
        provider=stack.provider,
        resource=urn,
        hint=_CHANGE_HINT,
    )


def _rebuild_error(refused: Mapping[str, Any]) -> DeploymentError:
    """An error of the house that was raised in the child."""
    kind = getattr(errors, refused["kind"], DeploymentError)
    faults = [Fault(**fault) for fault in refused["faults"]]
    error: DeploymentError = kind(refused["message"], refused["code"], hint=refused["hint"], faults=faults)
    return error


def _stale_plan_error(differences: Sequence[Sequence[str]], stack: Stack) -> DeploymentError:
    faults = [Fault(urn, f"now a difference: {op}") for urn, op in differences]
    return RefusedError(
        f"Cannot deploy '{stack}': it would now change something else than was planned.",
        "PLAN_STALE",
        hint="Deploy again: the new plan is shown first.",
        faults=faults,
    )


def _cloud_error(found: re.Match[str], urn: str, stack: Stack) -> DeploymentError:
    code, status = found["code"], int(found["status"])
    message = f"Cannot deploy {_display_name(urn, stack)}: {_as_sentence(found['message'])}"
    if status == 429 or _THROTTLING_CODE.search(code):
        return ThrottledError(message, code, provider=stack.provider, resource=urn, hint=_RETRY_HINT)
    known = next((hint for word, hint in _HINT_BY_CODE.items() if word in code), _RETRY_HINT)
    hint = CLOUDS[stack.provider].load_rules().explain_refusal(found["message"], stack) or known
    return ProviderError(message, code, provider=stack.provider, resource=urn, hint=hint)


def _main_diagnostic(diagnostics: Sequence[Mapping[str, str]], text: str) -> Mapping[str, str]:
    """The first error about a resource of ours: what the engine says of the update as a whole is only an echo."""
    about = [it for it in diagnostics if it["urn"] and "::pulumi:pulumi:Stack::" not in it["urn"]]
    others = [it for it in diagnostics if "update failed" not in it["message"]]
    return next(iter([*about, *others]), {"message": _stderr_text(text), "urn": ""})


def _stderr_text(text: str) -> str:
    """What the CLI says where it ended before the engine began."""
    return text.partition("\n stderr: ")[2].strip().removeprefix("error: ") or "the engine gave no reason"


def _display_name(urn: str, stack: Stack) -> str:
    if not urn:
        return f"'{stack}'"
    types, _, name = urn.removeprefix("urn:pulumi:").split("::", 2)[2].partition("::")
    return f"'{name}' ({types.rpartition('$')[2]})"


def _as_sentence(text: str) -> str:
    """The first lines of a message as one sentence."""
    joined = " ".join(line.strip(" *\t") for line in text.strip().splitlines()[:6] if line.strip(" *\t"))
    return f"{joined[:1_000].rstrip('.')}."


FindCreatedResource = Callable[[PendingCreate], str | None]
"""The id of what the create made, None where it made nothing. One of its `known` ids is not the answer."""


def recover_pending_creates(
    told: Sequence[Mapping[str, Any]], stack: Stack, search: FindCreatedResource | None
) -> PendingCreateRecovery:
    """What there is becomes part of the state, the rest is forgotten and will be created.

    Raises DeploymentError where nobody can look.
    """
    pending = [PendingCreate(**it) for it in told]
    if search is None:
        raise _pending_creates_error(pending, stack)
    return PendingCreateRecovery({create.urn: found for create in pending if (found := search(create))})


def _pending_creates_error(pending: Sequence[PendingCreate], stack: Stack) -> DeploymentError:
    """The error where nobody can look: a person must, and is told the commands."""
    refresh = f"pulumi refresh --yes --skip-preview --stack {stack}"
    faults = [
        Fault(
            create.urn,
            "its creation was begun and never confirmed",
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
