"""Every error that a person can meet.

DeploymentError                 DEPLOYMENT_ERROR        exit 1
├── ValidationError             VALIDATION_ERROR        exit 2   carries every fault at once
│   └── ConfigurationError      CONFIGURATION_ERROR     exit 2   a fault with file, line and column
├── ArtifactError               ARTIFACT_ERROR          exit 2   the source cannot be packaged
├── RefusedError                REFUSED                 exit 3   understood, and not allowed
├── StackBusyError              STACK_BUSY              exit 4   retryable: another run holds the stack
├── InvalidStateError           INVALID_STATE           exit 1   a transition that deployments do not make
├── NotFoundError               NOT_FOUND               exit 2   no such stack or deployment
├── LedgerError                 LEDGER_ERROR            exit 1   the ledger refuses: changed, locked, full
├── ProviderError               PROVIDER_ERROR          exit 1   the cloud said no
│   └── ThrottledError          PROVIDER_THROTTLED      exit 1   retryable
├── RuntimeFailedError          RUNTIME_FAILED          exit 1   the deployed function broke or did not answer
└── VerificationError           VERIFICATION_FAILED     exit 1   deployed, and not healthy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, at a dotted path of the input, with what to do about it."""

    path: str
    message: str
    hint: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape: absent places are left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


class DeploymentError(Exception):
    """The root of the tree; `code` is stable and may be relied on by scripts."""

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
    """The request cannot be carried out as written; `faults` names every reason."""

    code = "VALIDATION_ERROR"


class ConfigurationError(ValidationError):
    """The configuration files or options are wrong; faults carry file, line and column."""

    code = "CONFIGURATION_ERROR"


class ArtifactError(DeploymentError):
    """The source folder cannot become a deployable package."""

    code = "ARTIFACT_ERROR"


class RefusedError(DeploymentError):
    """The request is well formed and is not allowed here."""

    code = "REFUSED"


class StackBusyError(DeploymentError):
    """Another run holds the stack; trying again later is right."""

    code = "STACK_BUSY"
    retryable = True


class InvalidStateError(DeploymentError):
    """A deployment was asked to make a transition that its state does not have."""

    code = "INVALID_STATE"


class NotFoundError(DeploymentError):
    """No stack or deployment of that name is in the ledger."""

    code = "NOT_FOUND"


class LedgerError(DeploymentError):
    """The ledger cannot be read or written, or has been changed from outside."""

    code = "LEDGER_ERROR"


class ProviderError(DeploymentError):
    """A cloud refused or failed; `provider` names it, `resource` the part it was about."""

    code = "PROVIDER_ERROR"

    def __init__(
        self, message: str, code: str | None = None, *, provider: str, resource: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, code, hint=hint)
        self.provider = provider
        self.resource = resource


class ThrottledError(ProviderError):
    """The cloud asks to be called less often."""

    code = "PROVIDER_THROTTLED"
    retryable = True


class RuntimeFailedError(DeploymentError):
    """A function runtime ended, timed out or answered something that is not an answer."""

    code = "RUNTIME_FAILED"


class VerificationError(DeploymentError):
    """The resources exist and the service does not answer as it should."""

    code = "VERIFICATION_FAILED"
