"""Values and field types that events share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

STRICT_MODEL = ConfigDict(
    frozen=True,
    extra="forbid",
    allow_inf_nan=False,
    hide_input_in_errors=True,
    defer_build=True,  # most runs use few of the classes, and building a schema costs more than using it
)


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is not within the years 1 to 9999 in UTC") from error


def _replace_lone_surrogates(text: object) -> object:
    """Undecodable output of tools must not prevent a failure event."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Label = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Prose = Annotated[str, BeforeValidator(_replace_lone_surrogates)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Value(BaseModel):
    """A part of an event; equal if its fields are."""

    model_config = STRICT_MODEL


class ChangeCounts(Value):
    """The number of resources per operation; `keep` leaves the stack and stays in the cloud."""

    create: Count = 0
    update: Count = 0
    replace: Count = 0
    delete: Count = 0
    same: Count = 0
    keep: Count = Field(default=0, exclude_if=lambda count: count == 0)  # omitted if zero

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.create or self.update or self.replace or self.delete or self.keep)


class ResourceChange(Value):
    """The operation on one resource; `why` names the causing properties with their sources: `role (identity)`.

    `keep` removes the resource from the stack and leaves it in the cloud.
    """

    urn: str
    type: str
    name: str
    op: Literal["create", "update", "replace", "delete", "same", "keep"]
    why: tuple[str, ...] = ()
    reversible: Literal["reversible", "lossy", "irreversible"] = "reversible"


class HealthAnswer(Value):
    """The response of the deployed service to a health check."""

    path: str
    status: int = Field(ge=100, le=599)
    body: Prose
