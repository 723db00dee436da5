"""What the engine told, as an error for a person: the one place where its words are translated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from semantest_iac.domain import errors
from semantest_iac.domain.deployment.account_settings import advice
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, Fault, ProviderError, RefusedError, ThrottledError

_AGAIN = "Deploy again: what is there is kept, and the rest is made."
_TAKEN = "Another stack or person has that name. Destroy it there, or deploy under another environment."
_CHANGE = "Change the configuration as the message says."
_LATER = "Try again when it has ended."
_PLUGIN = "Run `semantest-iac setup`, or `pulumi plugin install resource <name> <version>` once by hand."
_CREDENTIALS = (
    "Give credentials: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for Azure run az login, or set "
    "ARM_CLIENT_ID and its companions."
)

# how a cloud's provider words an API error; the code is the cloud's own
_API_ERROR = re.compile(
    r"StatusCode: (?P<status>\d+)(?:, RequestID: [^,]*)?, (?:api error )?(?P<code>[A-Za-z][\w.]*): (?P<message>[^\n]*)"
)
_THROTTLED = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|TooManyUpdates")

# a word of the cloud's code -> what to do; the first match counts
_HINTS = {
    "Concurren": "Raise the account's concurrency quota, or leave instances.max out.",
    "LimitExceeded": "Raise the quota in the cloud's console, or ask for less.",
    "Quota": "Raise the quota in the cloud's console, or ask for less.",
    "AlreadyExists": _TAKEN,
    "ResourceConflict": _TAKEN,
    "AccessDenied": "The deploying identity lacks this permission.",
    "Unauthorized": "The deploying identity lacks this permission.",
    "DependencyViolation": "Something outside this stack still uses it.",
    "InvalidRequest": "The name is still reserved after an earlier delete; wait, or restore it.",
    "ExpiredToken": _CREDENTIALS,
}

# what stops the engine before or beside any cloud -> code and hint; the first match counts
_ENGINE = (
    (r"no valid credential sources|unable to validate AWS credentials|failed to refresh cached credentials"
     r"|NoCredentialProviders|az login|building account",
     "CREDENTIALS_MISSING", _CREDENTIALS),
    (r"no resource plugin '|could not find plugin|Could not automatically download|plugin .* (?:is )?not installed",
     "PLUGIN_MISSING", _PLUGIN),
    (r"currently locked by|Another update is currently in progress", "STACK_BUSY", _LATER),
    (r"incorrect passphrase|constructing secrets manager|failed to decrypt|cipher: message authentication failed",
     "STATE_SEALED", "The passphrase file is not the one that the state was sealed with: put that one back."),
    (r"PULUMI_CONFIG_PASSPHRASE", "STATE_SEALED", "The passphrase file is missing or empty: put it back."),
    (r"newer than what we understand|unsupported (?:deployment|checkpoint) version|requires .* version of the Pulumi",
     "ENGINE_VERSION", "Use a newer Pulumi CLI: a newer one wrote the state."),
    (r"no space left on device", "DISK_FULL", "Make room where the state lies, then deploy again."),
    (r"snapshot integrity", "STATE_DAMAGED", "Run `pulumi state repair`, or put the newest backup of the state back."),
)  # fmt: skip


def judged(last: Mapping[str, Any], stack: Stack) -> Mapping[str, Any]:
    """What was done, of a child's last message; raises why it was not."""
    if "done" in last:
        done: Mapping[str, Any] = last["done"]
        return done
    if "refused" in last:
        raise _told_by_child(last["refused"])
    if "stale" in last:
        raise _stale(last["stale"], stack)
    raise translated(last["failed"], stack)


def translated(failed: Mapping[str, Any], stack: Stack) -> DeploymentError:
    """The error for a run of the engine that did not succeed."""
    told = _most_telling(failed["errors"], failed["text"])
    if failed["stopped"]:
        cause = f"Cannot deploy '{stack}': {failed['stopped']}."
        return DeploymentError(cause, "ENGINE_STOPPED", hint=_AGAIN)
    if (failed["exit_code"] or 0) < 0:
        cause = f"Cannot deploy '{stack}': the Pulumi CLI was killed by signal {-failed['exit_code']}."
        return DeploymentError(cause, "ENGINE_DIED", hint=_AGAIN)
    urn, text = told["urn"], told["message"]
    if found := _API_ERROR.search(text):
        return _refused(found, urn, stack)
    for pattern, code, hint in _ENGINE:
        if re.search(pattern, text):
            kind = errors.StackBusyError if code == "STACK_BUSY" else DeploymentError
            return kind(f"Cannot deploy '{stack}': {_sentence(text)}", code, hint=hint)
    return ProviderError(
        f"Cannot deploy {_name(urn, stack)}: {_sentence(text)}", provider=stack.provider, resource=urn, hint=_CHANGE
    )


def _told_by_child(refused: Mapping[str, Any]) -> DeploymentError:
    """An error of the house that was raised in the child."""
    kind = getattr(errors, refused["kind"], DeploymentError)
    faults = [Fault(**fault) for fault in refused["faults"]]
    error: DeploymentError = kind(refused["message"], refused["code"], hint=refused["hint"], faults=faults)
    return error


def _stale(differences: Sequence[Sequence[str]], stack: Stack) -> DeploymentError:
    faults = [Fault(urn, f"now a difference: {op}") for urn, op in differences]
    return RefusedError(
        f"Cannot deploy '{stack}': it would now change something else than was planned.",
        "PLAN_STALE",
        hint="Deploy again: the new plan is shown first.",
        faults=faults,
    )


def _refused(found: re.Match[str], urn: str, stack: Stack) -> DeploymentError:
    code, status = found["code"], int(found["status"])
    message = f"Cannot deploy {_name(urn, stack)}: {_sentence(found['message'])}"
    if status == 429 or _THROTTLED.search(code):
        return ThrottledError(message, code, provider=stack.provider, resource=urn, hint=_AGAIN)
    known = next((hint for word, hint in _HINTS.items() if word in code), _AGAIN)
    hint = advice(found["message"], stack) or known
    return ProviderError(message, code, provider=stack.provider, resource=urn, hint=hint)


def _most_telling(diagnostics: Sequence[Mapping[str, str]], text: str) -> Mapping[str, str]:
    """The first error about a resource of ours: what the engine says of the update as a whole is only an echo."""
    about = [it for it in diagnostics if it["urn"] and "::pulumi:pulumi:Stack::" not in it["urn"]]
    others = [it for it in diagnostics if "update failed" not in it["message"]]
    return next(iter([*about, *others]), {"message": _stderr(text), "urn": ""})


def _stderr(text: str) -> str:
    """What the CLI says where it ended before the engine began."""
    return text.partition("\n stderr: ")[2].strip().removeprefix("error: ") or "the engine gave no reason"


def _name(urn: str, stack: Stack) -> str:
    if not urn:
        return f"'{stack}'"
    types, _, name = urn.removeprefix("urn:pulumi:").split("::", 2)[2].partition("::")
    return f"'{name}' ({types.rpartition('$')[2]})"


def _sentence(text: str) -> str:
    """The first lines of a message as one sentence."""
    joined = " ".join(line.strip(" *\t") for line in text.strip().splitlines()[:6] if line.strip(" *\t"))
    return f"{joined[:1_000].rstrip('.')}."
