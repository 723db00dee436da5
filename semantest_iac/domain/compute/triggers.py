"""What calls a function besides an API: messages, a schedule, and other functions of its component."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource, address_variable

BATCH_SIZES = range(1, 1000 + 1)  # messages
LARGEST_BATCH_WITHOUT_WINDOW = 10  # more are collected for a second
DEFAULT_BATCH_SIZE = 10
MAXIMUM_CALLS_RANGE = range(2, 1000 + 1)
UTC_ZONE = "UTC"
CALL_VARIABLE_PREFIX = "SEMANTEST_CALL_"
"""Begins the names of the variables with which a function finds those that it calls."""


def call_variable(function: str) -> str:
    """Return the name of the variable with the address of a function; that of `list-prices` ends with LIST_PRICES."""
    return address_variable(CALL_VARIABLE_PREFIX, function)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTrigger(Resource):
    """Calls a live version with the messages of a queue or of a subscription, at most `batch_size` of them at once.

    Messages that the function names as failed are delivered again. `maximum` limits how many calls run at once, None
    for as many as the function itself allows.
    """

    target: Ref
    source: Ref
    function: Ref
    batch_size: int = DEFAULT_BATCH_SIZE
    maximum: int | None = None
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTrigger(Resource):
    """Calls a live version at the times of a cron expression of five fields, in a time zone of the tz database."""

    target: Ref
    function: Ref
    schedule: str
    time_zone: str = UTC_ZONE
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTrigger(Resource):
    """Lets functions of the same component, and nobody else, call a live version with requests.

    Those are the functions that use it; `purpose` is the name of the called one.
    """

    target: Ref
    function: Ref
    purpose: str = ""
