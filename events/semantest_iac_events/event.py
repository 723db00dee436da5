"""The base classes of all events: the event itself, and events, requests and failures of one stack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from semantest_iac_events.values import STRICT_MODEL, Label, Moment, Prose


def _now() -> datetime:
    return datetime.now(UTC)


def default_to_own_id(made: dict[str, Any]) -> str:
    """The default of fields that are called as the event itself, from the fields read before them."""
    return str(made["id"])


class Event(BaseModel):
    """A fact; all that follows from one request shares its `correlation_id`, which starts as its id."""

    model_config = STRICT_MODEL

    type_name: ClassVar[str]
    major_version: ClassVar[int] = 1

    id: UUID = Field(default_factory=uuid4)
    occurred_at: Moment = Field(default_factory=_now)
    previous_event_ids: tuple[UUID, ...] = ()
    correlation_id: Label = Field(default_factory=default_to_own_id)

    # PythonEDA walks through every Iterable it is given, and a pydantic model is one unless told otherwise.
    __iter__ = None  # type: ignore[assignment]  # the base class declares a method

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def is_error(self) -> bool:
        """True for events that tell of a failure."""
        return False

    @property
    def subject(self) -> str | None:
        """What the event is about, None where that is not one stack."""
        return None

    def caused_by(self, *causes: Event) -> Self:
        """A copy that names its causes, oldest first, and takes over the first one's correlation."""
        if not causes:
            return self
        known = dict.fromkeys((*self.previous_event_ids, *(cause.id for cause in causes)))
        return self.model_copy(update={"previous_event_ids": tuple(known), "correlation_id": causes[0].correlation_id})

    async def maybe_trigger(self) -> list[Event]:
        """The events that follow by themselves: none; PythonEDA asks every event."""
        return []

    @classmethod
    def full_class_name(cls) -> str:
        """Module and class, as PythonEDA names events in its logs."""
        return f"{cls.__module__}.{cls.__qualname__}"


class StackEvent(Event):
    """Something about one stack, within one deployment of it."""

    component: Label
    provider: Label
    environment: Label
    region: Label
    deployment_id: Label

    @property
    def stack(self) -> str:
        """The stack's name, such as `rest-api.aws.development.us-east-1`."""
        return f"{self.component}.{self.provider}.{self.environment}.{self.region}"

    @property
    def subject(self) -> str:
        """The stack's name."""
        return self.stack


class StackRequest(StackEvent):
    """A wish; a requester who names no deployment gets one that is called as the request itself."""

    deployment_id: Label = Field(default_factory=default_to_own_id)
    requested_by: str = ""


class StackFailure(StackEvent):
    """Something went wrong: `code` is stable, `reason` is for people, `hint` says what to do next."""

    code: Label
    reason: Prose
    hint: Prose = ""

    @property
    def is_error(self) -> bool:
        """Always."""
        return True
