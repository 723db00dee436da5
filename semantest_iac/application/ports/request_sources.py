"""What a queue remembers of the requests of each source, and for which reasons a request is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestRefusal:
    """Why a request is not carried out, as its requester is told; `code` is stable.

    `path` is the loop of stacks, which ends with that of the request. `deployment` is the one that was accepted in its
    place. From `retry_at`, in seconds since 1970, the same request may be accepted.
    """

    code: str
    reason: str
    hint: str
    path: tuple[str, ...] = ()
    deployment: str | None = None
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class SourceOrder:
    """The place of a request among those of its source, None where the source does not say it.

    `sequence` sorts as text; `occurred_at` is the source's time in seconds since 1970.
    """

    sequence: str | None = None
    occurred_at: float | None = None


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """At most `count` requests of one source for one stack within `window_s` seconds."""

    count: int = 60
    window_s: float = 60.0


@dataclass(frozen=True, slots=True)
class SourceHistory:
    """What is remembered of one source's requests for one stack.

    `newest` is the highest order that was accepted, with `deployment`. `accepted` and `refused` count the requests
    since `window_start`, in seconds since 1970.
    """

    newest: SourceOrder = SourceOrder()
    deployment: str | None = None
    window_start: float = 0.0
    accepted: int = 0
    refused: int = 0
