"""The base classes of all events, and of events, requests and failures of one stack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, field_validator

from semantest_iac_events.stack_names import DEFAULT_PROJECT, format_stack_name
from semantest_iac_events.values import STRICT_MODEL, Label, Moment, Prose


def _now() -> datetime:
    return datetime.now(UTC)


def default_to_own_id(made: dict[str, Any]) -> str:
    """Return the event's id, as default of other fields."""
    return str(made["id"])


class Event(BaseModel):
    """A fact; everything caused by one request shares its `correlation_id`, which starts as the request's id."""

    model_config = STRICT_MODEL

    type_name: ClassVar[str]
    major_version: ClassVar[int] = 1

    id: UUID = Field(default_factory=uuid4)
    occurred_at: Moment = Field(default_factory=_now)
    previous_event_ids: tuple[UUID, ...] = ()
    correlation_id: Label = Field(default_factory=default_to_own_id)

    # PythonEDA iterates over every Iterable that it is given, and a pydantic model is one by default.
    __iter__ = None  # type: ignore[assignment]  # the base class declares a method

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def is_error(self) -> bool:
        """Whether the event reports a failure."""
        return False

    @property
    def subject(self) -> str | None:
        """Return the stack that the event is about, None if it is about no single one."""
        return None

    def caused_by(self, *causes: Event) -> Self:
        """Return a copy that names its causes, oldest first, and has the first one's correlation."""
        if not causes:
            return self
        known = dict.fromkeys((*self.previous_event_ids, *(cause.id for cause in causes)))
        return self.model_copy(update={"previous_event_ids": tuple(known), "correlation_id": causes[0].correlation_id})

    async def maybe_trigger(self) -> list[Event]:
        """Return the events that follow by themselves: none. PythonEDA calls this on every event."""
        return []

    @classmethod
    def full_class_name(cls) -> str:
        """Return module and class, as PythonEDA logs events."""
        return f"{cls.__module__}.{cls.__qualname__}"


class StackEvent(Event):
    """An event of one deployment of one stack."""

    component: Label
    provider: Label
    environment: Label
    region: Label
    deployment_id: Label
    project: Label = Field(default=DEFAULT_PROJECT, exclude_if=lambda project: project == DEFAULT_PROJECT)

    @property
    def stack(self) -> str:
        """Return the stack's name, such as `rest-api.aws.development.us-east-1`."""
        return format_stack_name(self.project, self.component, self.provider, self.environment, self.region)

    @property
    def subject(self) -> str:
        return self.stack


class StackRequest(StackEvent):
    """A request; without a deployment id it takes the request's own id.

    `base_environment` is the built-in environment whose settings and protection hold, if the environment is one of a
    configuration's own.
    """

    deployment_id: Label = Field(default_factory=default_to_own_id)
    requested_by: str = ""
    base_environment: Label | None = Field(default=None, exclude_if=lambda base: base is None)  # omitted if None

    @field_validator("component", "provider", "environment", mode="before")
    @classmethod
    def _read_name(cls, name: Any) -> Any:
        return name.strip().lower() if isinstance(name, str) else name

    @field_validator("region", mode="before")
    @classmethod
    def _read_region(cls, name: Any) -> Any:
        """Read a region as people write it: `West US 2` is `westus2`."""
        return "".join(name.lower().split()) if isinstance(name, str) else name

    @property
    def built_in_environment(self) -> str:
        """Return the built-in environment that the environment is or extends."""
        return self.base_environment or self.environment


class StackFailure(StackEvent):
    """A failure: `code` is stable, `reason` is for people, `hint` says what to do next."""

    code: Label
    reason: Prose
    hint: Prose = ""

    @property
    def is_error(self) -> bool:
        return True
