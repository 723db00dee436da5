"""The messages between a worker and its sandbox child: pickled, each behind its length, over a socket of their own."""

from __future__ import annotations

import pickle
import struct
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from semantest_iac.domain.ports.provisioner import ResourceProgress, SettledResource

SandboxOperation = Literal["preview", "apply", "publish_code", "preview_destroy", "detect_drift", "destroy"]
FRAME_HEADER = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class SandboxTask:
    """One operation of the engine with its arguments, and the values of the secrets that its program needs."""

    operation: SandboxOperation
    arguments: tuple[Any, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class SettledAnswer(NamedTuple):
    """To the child: whether the settled resource was recorded; if not, the operation stops."""

    is_recorded: bool


class StopTask(NamedTuple):
    """To the child: the operation stops after its current step, and answers `TaskStopped`."""


class Progressed(NamedTuple):
    """From the child: progress of the operation."""

    progress: ResourceProgress


class Settled(NamedTuple):
    """From the child: a kind has settled; the child waits for the answer."""

    resource: SettledResource


class TaskFinished(NamedTuple):
    """From the child, as its last message of a task: the result, and whether it is one of the arguments itself."""

    result: Any
    is_given: bool = False


class TaskStopped(NamedTuple):
    """From the child, as its last message of a task: it was stopped."""


class TaskFailed(NamedTuple):
    """From the child, as its last message of a task: its exception."""

    error: StoredError


class StoredError(NamedTuple):
    """An exception as it is sent: its class, arguments and attributes; `trace` says where it was raised."""

    kind: type[BaseException]
    arguments: tuple[Any, ...]
    attributes: Mapping[str, Any]
    trace: str

    @classmethod
    def store(cls, error: BaseException) -> StoredError:
        """Take an exception apart; one that cannot be sent becomes a RuntimeError of the same text."""
        stored = cls(type(error), error.args, dict(vars(error)), "".join(traceback.format_exception(error)))
        try:
            pickle.dumps(stored)
        except Exception:
            return cls(RuntimeError, (f"{type(error).__name__}: {error}",), {}, stored.trace)
        return stored

    def restore(self) -> BaseException:
        """Return the exception without calling its constructor, whose parameters differ from class to class."""
        error = self.kind.__new__(self.kind, *self.arguments)
        error.args = self.arguments
        vars(error).update(self.attributes)
        error.add_note(self.trace)
        return error


def encode_frame(message: object) -> bytes:
    """Return a message with its length."""
    content = pickle.dumps(message)
    return FRAME_HEADER.pack(len(content)) + content
