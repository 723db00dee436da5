"""Events about one stack, and the two shapes that many of them share: requests and failures."""

from __future__ import annotations

from pydantic import Field

from semantest_iac_events.event import Event, own_id
from semantest_iac_events.values import Label, Prose


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

    deployment_id: Label = Field(default_factory=own_id)
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
