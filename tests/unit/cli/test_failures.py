"""Errors as exit codes, text and JSON."""

from __future__ import annotations

import errno
import os

import pytest

from semantest_iac.domain.errors import (
    ArtifactError,
    ConfigurationError,
    DeploymentError,
    Fault,
    InvalidStateError,
    LedgerError,
    NotFoundError,
    RefusedError,
    RuntimeFailedError,
    StackBusyError,
    StorageError,
    ThrottledError,
    ValidationError,
    VerificationError,
)
from semantest_iac.presentation.cli.failures import error_to_json, exit_code_for, to_deployment_error
from semantest_iac.presentation.error_lines import format_error, format_warnings

_WITH_LOCATION = Fault("components.rest-api.memory", "too small", "Use 128 or more.", "semantest.yaml", 5, 9)
_WITHOUT_PATH = Fault("", "no such file", file="other.yaml")


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DeploymentError("x"), 1),
            (InvalidStateError("x"), 1),
            (LedgerError("x"), 1),
            (ThrottledError("x", provider="aws"), 1),
            (RuntimeFailedError("x"), 1),
            (VerificationError("x"), 1),
            (ValidationError("x"), 2),
            (ConfigurationError("x"), 2),
            (ArtifactError("x"), 2),
            (NotFoundError("x"), 2),
            (RefusedError("x"), 3),
            (StackBusyError("x"), 4),
            (KeyboardInterrupt(), 4),
            (KeyError("x"), 1),
            (StorageError("x"), 2),
            (LedgerError("x", "LEDGER_FULL"), 2),
            (OSError(errno.ENOSPC, "No space left on device"), 2),
            (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), 1),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
    )
    def test_follow_the_class(self, error: BaseException, code: int) -> None:
        assert exit_code_for(error) == code


class TestStorageErrors:
    @pytest.mark.parametrize(
        ("number", "code", "cause"),
        [
            (errno.ENOSPC, "DISK_FULL", "the disk is full"),
            (errno.EDQUOT, "DISK_FULL", "the quota of this user is used up"),
            (errno.EFBIG, "DISK_FULL", "the file would be larger than this process may write"),
            (errno.EROFS, "READ_ONLY", "the file system is read-only"),
            (errno.EACCES, "STORAGE_ERROR", "permission denied"),
            (errno.EPERM, "STORAGE_ERROR", "operation not permitted"),
            (errno.ENOTDIR, "STORAGE_ERROR", "there is a file where a folder should be"),
            (errno.EISDIR, "STORAGE_ERROR", "there is a folder where a file should be"),
            (errno.EIO, "STORAGE_ERROR", "the disk failed to read or write"),
            (errno.ESTALE, "STORAGE_ERROR", "the network file system lost it"),
            (errno.EMFILE, "STORAGE_ERROR", "this process has too many open files"),
            (errno.ENFILE, "STORAGE_ERROR", "the system has too many open files"),
            (errno.ELOOP, "STORAGE_ERROR", "too many levels of symbolic links"),
            (errno.ENAMETOOLONG, "STORAGE_ERROR", "file name too long"),
        ],
    )
    def test_say_what_where_and_what_to_do(self, number: int, code: str, cause: str) -> None:
        error = to_deployment_error(OSError(number, os.strerror(number), "/home/state"))

        assert (error.error_code, error.message) == (code, f"Cannot use '/home/state': {cause}.")
        assert error.hint.endswith(".")


class TestLines:
    def test_show_every_fault_with_location_and_hint(self) -> None:
        error = ValidationError("Cannot deploy.", hint="Read on.", faults=[_WITH_LOCATION, _WITHOUT_PATH])

        assert list(format_error(error)) == [
            "Error: Cannot deploy.",
            "  semantest.yaml:5:9 components.rest-api.memory: too small",
            "      Use 128 or more.",
            "  other.yaml: no such file",
            "Hint: Read on.",
        ]

    def test_show_the_name_of_an_option_once(self) -> None:
        error = ValidationError("Cannot.", faults=(Fault("provider", "unknown", file="--provider"),))

        assert list(format_error(error))[1] == "  --provider: unknown"

    def test_of_a_warning_start_with_warning(self) -> None:
        assert next(format_warnings([_WITH_LOCATION])).startswith("Warning: semantest.yaml:5:9 ")


class TestJson:
    def test_has_the_shape_of_the_contract(self) -> None:
        error = ValidationError("Cannot deploy.", faults=[_WITHOUT_PATH])

        assert error_to_json(error) == {
            "error": {
                "code": "VALIDATION_ERROR",
                "message": "Cannot deploy.",
                "hint": "",
                "faults": [{"hint": "", "path": "", "message": "no such file", "file": "other.yaml"}],
            }
        }
