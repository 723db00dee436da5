"""What was typed, in bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of a stack's name, as far as they were given."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ManyWords:
    """The same where a part may be named several times."""

    component: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    environment: str | None = None
    region: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigurationOptions:
    """Where the configuration is, and what lies over it."""

    config: Path | None = None
    overrides: tuple[str, ...] = ()
    engine: str | None = None
    cloud: str | None = None
