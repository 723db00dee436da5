"""The identity of what is deployed."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.environments.names import (
    ACCOUNT_COMPONENT,
    LONGEST_STACK_PART,
    STACK_PART,
    make_printable,
)
from semantest_iac.domain.errors import Fault, RefusedError, ValidationError
from semantest_iac_events.stack_names import (
    DEFAULT_PROJECT,
    STACK_NAME_FORM,
    format_stack_name,
    split_stack_name,
)


@dataclass(frozen=True, slots=True, order=True)
class Stack:
    """One component of a project on one provider in one environment and region.

    The settings of an account belong to no project: their stack has the default one, whoever deploys it.
    """

    component: str
    provider: str
    environment: str
    region: str
    project: str = DEFAULT_PROJECT

    def __post_init__(self) -> None:
        faults = [fault for name in self.__slots__ if (fault := find_part_fault(name, getattr(self, name)))]
        if self.component == ACCOUNT_COMPONENT and self.project != DEFAULT_PROJECT:
            faults.append(Fault("project", "the settings of an account belong to no project", "Leave project out."))
        if faults:
            raise ValidationError("Cannot name the stack: its parts are not well formed.", faults=faults)

    def __str__(self) -> str:
        return format_stack_name(self.project, self.component, self.provider, self.environment, self.region)

    @property
    def is_service(self) -> bool:
        """Whether the stack runs code that answers requests; false for account settings."""
        return self.component != ACCOUNT_COMPONENT

    @classmethod
    def parse(cls, name: str) -> Stack:
        """Read `component.provider.environment.region`, with a project in front or not; raises ValidationError."""
        try:
            project, component, provider, environment, region = split_stack_name(name)
        except ValueError as error:
            hint = f"A project other than {DEFAULT_PROJECT} stands in front."
            fault = Fault("stack", f"'{make_printable(name, 80)}' is not {STACK_NAME_FORM}", hint)
            raise ValidationError("Cannot read the stack name.", faults=[fault]) from error
        return cls(component, provider, environment, region, project)


def require_same_type(stack: Stack, now: str, before: str | None) -> None:
    """Raise RefusedError for a component of another type than the deployed one, whose resources it would replace."""
    if before is None or before == now:
        return
    raise RefusedError(
        f"Cannot deploy '{stack}' as a component of type '{now}': it is deployed as '{before}'.",
        "TYPE_DIFFERS",
        hint="Give the new component a name of its own, or destroy this one first: "
        f"python -m semantest_iac destroy {format_stack_options(stack)}",
    )


def format_stack_options(stack: Stack) -> str:
    """Return the options of the command line that name the stack, whatever a configuration says."""
    project = "" if stack.project == DEFAULT_PROJECT else f" --set project={stack.project}"
    location = f"--provider {stack.provider} --env {stack.environment} --region {stack.region}"
    return f"--component {stack.component} {location}{project}"


def find_part_fault(name: str, value: str) -> Fault | None:
    """Return the fault of a part that is no name."""
    if len(value) <= LONGEST_STACK_PART and STACK_PART.fullmatch(value):
        return None
    hint = f"Use lower-case letters, digits and single hyphens, {LONGEST_STACK_PART} characters at most."
    return Fault(name, f"'{make_printable(value, 40)}' is not a name", hint)
