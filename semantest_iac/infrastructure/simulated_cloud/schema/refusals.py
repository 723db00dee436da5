"""Refusals of a cloud: as exceptions, and as templates in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """The result of a create; `warnings` are refusals whose evidence is only general knowledge."""

    id: str
    outputs: dict[str, Any]
    warnings: tuple[str, ...] = ()


class CloudRefusal(Exception):  # noqa: N818 - a refusal is an answer of the cloud, not a fault of this program
    """A cloud refuses an operation, with its own code and message.

    `retry_after` is in virtual seconds. `created` is set where the cloud made the resource and failed afterwards.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        retryable: bool = False,
        retry_after: float | None = None,
        created: CreatedResource | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        self.created = created


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as the tables write it: the message is a template over the facts of the request."""

    code: str
    message: str
    status: int = 400
    retryable: bool = False
    retry_after: float | None = None

    def render(self, facts: Mapping[str, Any]) -> CloudRefusal:
        """Return the refusal of one request."""
        message = self.message.format_map(facts)
        return CloudRefusal(
            self.code, message, status=self.status, retryable=self.retryable, retry_after=self.retry_after
        )
