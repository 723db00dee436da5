"""Every error that a user can see.

DeploymentError                 DEPLOYMENT_ERROR        exit 1
├── ValidationError             VALIDATION_ERROR        exit 2   carries every fault at once
│   └── ConfigurationError      CONFIGURATION_ERROR     exit 2   a fault with file, line and column
├── ArtifactError               ARTIFACT_ERROR          exit 2   the source cannot be packaged
├── RefusedError                REFUSED                 exit 3   valid, and not allowed
│   ├── TooSoonError            TOO_SOON                exit 3   not allowed yet; it says from when on
│   ├── PlanRefusedError        PLAN_REFUSED            exit 3   the plan is refused as a whole
│   │   ├── PolicyRefusedError  POLICY_VIOLATED         exit 3   the policies of an engine refuse it
│   │   └── FixedPropertyError  FIXED_PROPERTY          exit 3   the cloud cannot change what it changes
│   └── ExtraMissingError       EXTRA_MISSING           exit 3   an optional part of this package is not installed
├── StackBusyError              STACK_BUSY              exit 4   retryable: another run holds the stack
├── InvalidStateError           INVALID_STATE           exit 1   an illegal transition of a deployment
├── NotFoundError               NOT_FOUND               exit 2   no such stack or deployment
├── LedgerError                 LEDGER_ERROR            exit 1   the ledger is changed, locked or full
├── ArtifactStoreError          ARTIFACT_STORE_ERROR    exit 1   the store of packages cannot be used
│   └── UnreachableStoreError   ARTIFACT_STORE_UNREACHABLE  exit 1   retryable: it does not answer
├── StateStoreError             STATE_STORE_ERROR       exit 1   the store of the engine's state cannot be used
│   └── UnreachableStateError   STATE_STORE_UNREACHABLE exit 1   retryable: it does not answer
├── StorageError                STORAGE_ERROR           exit 2   a file or folder here cannot be read or written
├── ProviderError               PROVIDER_ERROR          exit 1   the cloud refused or failed
│   ├── ThrottledError          PROVIDER_THROTTLED      exit 1   retryable: nothing was done
│   └── CloudUnavailableError   PROVIDER_UNAVAILABLE    exit 1   retryable: nobody knows what was done
├── RuntimeFailedError          RUNTIME_FAILED          exit 1   the deployed function failed or did not answer
└── VerificationError           VERIFICATION_FAILED     exit 1   deployed, and not healthy
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, TypedDict


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, at a dotted path of the input, with a hint what to do."""

    path: str
    message: str
    hint: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form without empty fields."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


class DeploymentError(Exception):
    """The base of all errors; scripts may rely on `code`."""

    code: ClassVar[str] = "DEPLOYMENT_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, code: str | None = None, *, hint: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.hint = hint
        self.faults = tuple(faults)

    @property
    def reason(self) -> str:
        """The message with every fault, on one line."""
        return " ".join([self.message, *(f"{fault.path}: {fault.message}." for fault in self.faults)])


class ValidationError(DeploymentError):
    """The request is not valid; `faults` names every reason."""

    code = "VALIDATION_ERROR"


class ConfigurationError(ValidationError):
    """The configuration files or options are not valid; faults carry file, line and column."""

    code = "CONFIGURATION_ERROR"


class ArtifactError(DeploymentError):
    """The source cannot be packaged."""

    code = "ARTIFACT_ERROR"


class RefusedError(DeploymentError):
    """The request is valid and not allowed."""

    code = "REFUSED"


class TooSoonError(RefusedError):
    """The request is valid and not allowed yet; the same request may be accepted from `retry_at` on."""

    code = "TOO_SOON"

    def __init__(self, message: str, code: str | None = None, *, retry_at: datetime, hint: str = "") -> None:
        super().__init__(message, code, hint=hint)
        self.retry_at = retry_at


class PlanRefusedError(RefusedError):
    """What would be deployed is refused as a whole, before anything is changed."""

    code = "PLAN_REFUSED"


class PolicyRefusedError(PlanRefusedError):
    """The policies of an engine refuse what would be deployed."""

    code = "POLICY_VIOLATED"


class FixedPropertyError(PlanRefusedError):
    """The plan changes what a resource keeps for its whole life."""

    code = "FIXED_PROPERTY"


class ExtraMissingError(RefusedError):
    """A library is not installed that an extra of this package brings."""

    code = "EXTRA_MISSING"

    def __init__(self, purpose: str, library: str, extra: str) -> None:
        hint = f"Run pip install 'semantest-iac[{extra}]'."
        super().__init__(f"Cannot {purpose}: no module named '{library}'.", hint=hint)


class StackBusyError(DeploymentError):
    """Another run holds the stack; a later try may succeed."""

    code = "STACK_BUSY"
    retryable = True


class InvalidStateError(DeploymentError):
    """The status of a deployment does not have the requested transition."""

    code = "INVALID_STATE"


class NotFoundError(DeploymentError):
    """The ledger has no such stack or deployment."""

    code = "NOT_FOUND"


class LedgerError(DeploymentError):
    """The ledger cannot be read or written, or was changed from outside."""

    code = "LEDGER_ERROR"


class ArtifactStoreError(DeploymentError):
    """The store of packages does not exist, or refuses what was asked of it."""

    code = "ARTIFACT_STORE_ERROR"


class UnreachableStoreError(ArtifactStoreError):
    """The store of packages does not answer; a later try may succeed."""

    code = "ARTIFACT_STORE_UNREACHABLE"
    retryable = True


class StateStoreError(DeploymentError):
    """The store of the engine's state does not exist, or refuses what was asked of it."""

    code = "STATE_STORE_ERROR"


class UnreachableStateError(StateStoreError):
    """The store of the engine's state does not answer; a later try may succeed."""

    code = "STATE_STORE_UNREACHABLE"
    retryable = True


class StorageError(DeploymentError):
    """A file or a folder of this machine cannot be read or written."""

    code = "STORAGE_ERROR"


_OTHER_HOME = "--home chooses another folder for what is kept on this machine."
_FREE_SPACE = "Free some space there and run the command again."
# What the system refused -> code, cause and hint; an empty cause is the system's own text.
_STORAGE_FAILURES: dict[int, tuple[str, str, str]] = {
    errno.ENOSPC: ("DISK_FULL", "the disk is full", _FREE_SPACE),
    errno.EDQUOT: ("DISK_FULL", "the quota of this user is used up", f"Raise the quota, or f{_FREE_SPACE[1:]}"),
    errno.EFBIG: (
        "DISK_FULL",
        "the file would be larger than this process may write",
        "Raise the limit (`ulimit -f`) and run the command again.",
    ),
    errno.EROFS: ("READ_ONLY", "the file system is read-only", f"Make it writable; {_OTHER_HOME}"),
    errno.EACCES: ("", "permission denied", f"Check its permissions; {_OTHER_HOME}"),
    errno.EPERM: ("", "", f"Check its permissions; {_OTHER_HOME}"),
    errno.ENOTDIR: ("", "there is a file where a folder should be", f"Move the file away; {_OTHER_HOME}"),
    errno.EISDIR: ("", "there is a folder where a file should be", f"Move the folder away; {_OTHER_HOME}"),
    errno.EIO: ("", "the disk failed to read or write", "Check the disk, and restore the file from a backup."),
    errno.ESTALE: ("", "the network file system lost it", "Mount it again and run the command again."),
    errno.EMFILE: ("", "this process has too many open files", "Raise the limit (`ulimit -n`) and try again."),
    errno.ENFILE: ("", "the system has too many open files", "End other programs and try again."),
    errno.ELOOP: ("", "", f"Check the path; {_OTHER_HOME}"),
    errno.ENAMETOOLONG: ("", "", f"Check the path; {_OTHER_HOME}"),
}


def as_storage_error(error: BaseException) -> StorageError | None:
    """Return what the file system refused and what to do about it; None for errors of another kind."""
    if not isinstance(error, OSError) or error.errno not in _STORAGE_FAILURES:
        return None
    code, cause, hint = _STORAGE_FAILURES[error.errno]
    place = f"'{error.filename}'" if isinstance(error.filename, str) else "a file or a folder"
    return StorageError(f"Cannot use {place}: {cause or (error.strerror or '').lower()}.", code or None, hint=hint)


class ProviderError(DeploymentError):
    """A cloud refused or failed; `resource` is the one that the request was about.

    `retry_after_s` is the pause that the cloud asked for, None where it named none.
    """

    code = "PROVIDER_ERROR"

    def __init__(  # one parameter for each part
        self,
        message: str,
        code: str | None = None,
        *,
        provider: str,
        resource: str = "",
        hint: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code, hint=hint)
        self.provider = provider
        self.resource = resource
        self.retry_after_s = retry_after_s


class ThrottledError(ProviderError):
    """The cloud limits the rate of requests, or does not know yet what it has just created; it has done nothing."""

    code = "PROVIDER_THROTTLED"
    retryable = True


NO_ANSWER_STATUSES = frozenset({502, 503, 504})
"""HTTP statuses of what stands before a cloud's service, which then gave no answer itself."""


class CloudUnavailableError(ProviderError):
    """The cloud gave no answer, or none of its own: it may have done what it was asked for, or not."""

    code = "PROVIDER_UNAVAILABLE"
    retryable = True


class RuntimeFailedError(DeploymentError):
    """A function runtime ended, timed out or returned an invalid response."""

    code = "RUNTIME_FAILED"


class UnreachableServiceError(RuntimeFailedError):
    """No connection to a deployed service, or its name is not known yet; a later try may succeed."""

    code = "SERVICE_UNREACHABLE"
    retryable = True


class VerificationError(DeploymentError):
    """The resources exist and the service does not answer correctly."""

    code = "VERIFICATION_FAILED"


class ErrorFields(TypedDict):
    """The fields that every failure event has."""

    code: str
    reason: str
    hint: str


def describe_error(error: DeploymentError) -> ErrorFields:
    """Return code, reason and hint of an error, its faults included; each hint is there once."""
    hints = dict.fromkeys(filter(None, (error.hint, *(fault.hint for fault in error.faults))))
    return ErrorFields(code=error.error_code, reason=error.reason, hint=" ".join(hints))
