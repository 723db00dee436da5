"""The input and the result of a validation rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from semantest_iac.domain.environments.names import PLATFORM_TYPES
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.runtimes import FunctionRuntime
from semantest_iac.domain.environments.sections import ComponentSection
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault
from semantest_iac_events.stack_names import DEFAULT_PROJECT

_NOTHING = re.compile(r"(?!)")  # matches no text


@dataclass(frozen=True, slots=True)
class TagLimits:
    """What a cloud accepts as tags of a resource.

    Its programs set tags of the `names_in_use` besides those of every stack; secrets may have fewer.
    `hint` says which characters are allowed.
    Names that start with the `reserved_prefixes`, in lower case, are refused, and values too if it `reserves_values`.
    """

    count: int = 50
    count_on_secrets: int | None = None
    longest_name: int = 128
    longest_value: int = 256
    names_in_use: tuple[str, ...] = ()
    reserved_prefixes: tuple[str, ...] = ()
    reserves_values: bool = False
    refused_in_names: re.Pattern[str] = _NOTHING
    refused_in_values: re.Pattern[str] = _NOTHING
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CloudLimits:
    """Values of one cloud that the rules of every cloud compare with.

    Functions may not set the variables of `reserved_names`, nor those that start with `reserved_prefixes`, all in upper
    case. No part of a stack's name may hold a word of `reserved_in_names`, nor its project start with one of
    `reserved_at_start`. `gateway` is the part that ends a request after its time, as messages name it.
    """

    runtimes: tuple[FunctionRuntime, ...]
    reserved_prefixes: tuple[str, ...] = ()
    reserved_names: frozenset[str] = frozenset()
    reserved_in_names: tuple[str, ...] = ()
    reserved_at_start: tuple[str, ...] = ()
    gateway: str = "the API"
    tags: TagLimits = TagLimits()


@dataclass(frozen=True, slots=True)
class RuleSubject:
    """One component as configured, its target, and the day of the validation.

    `settings` are the component with the defaults of its environment filled in; None where it has no blueprint.
    `base_environment` is the built-in environment that the environment is or extends, empty for itself.
    """

    component: str
    provider: str
    environment: str
    section: ComponentSection
    today: date
    limits: CloudLimits
    region: str = ""
    settings: ComponentSettings | None = None
    base_environment: str = ""
    project: str = DEFAULT_PROJECT

    @property
    def built_in_environment(self) -> str:
        """Return the environment that decides what is required; messages name the subject's own."""
        return self.base_environment or self.environment

    @property
    def type(self) -> str:
        """The type of the component, which decides the rules."""
        return self.section.type or self.component

    @property
    def serves_http(self) -> bool:
        """Whether requests are answered at once; a WebSocket API only passes messages on."""
        return self.type not in ("websocket", *PLATFORM_TYPES)

    @property
    def platform(self) -> PlatformSettings | None:
        """The settings of the platform's layers, None for an API."""
        return self.settings.platform if self.settings else None

    @property
    def is_layer(self) -> bool:
        """Whether it is the platform or one of its layers, which are no APIs."""
        return self.type in PLATFORM_TYPES


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, or a warning if it does not block."""

    fault: Fault
    blocks: bool

    def move_to(self, path: str) -> Finding:
        """Return the same finding at another path."""
        return replace(self, fault=replace(self.fault, path=path))


Rule = Callable[[RuleSubject], Iterator[Finding]]
"""Yields findings; their paths are relative to the component, or begin with a slash at the top of the file."""


def refuse(path: str, message: str, hint: str = "") -> Finding:
    """Return a finding that blocks the deployment."""
    return Finding(Fault(path, message, hint), blocks=True)


def advise(path: str, message: str, hint: str = "") -> Finding:
    """Return a warning: the effect differs from what is configured or expected."""
    return Finding(Fault(path, message, hint), blocks=False)
