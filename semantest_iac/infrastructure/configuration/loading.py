"""Every source of the configuration in rising order, merged, checked for shape, with the place of every value.

The order: semantest.yaml, semantest.<environment>.yaml, .env, `SEMANTEST_*`, the values of a calling program,
`--set`, options of the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT, ENVIRONMENTS, canonical_environment
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.infrastructure.configuration.assignments import (
    from_options,
    from_overrides,
    from_variables,
    stray_variables,
)
from semantest_iac.infrastructure.configuration.dotenv import Dotenv, parse_dotenv
from semantest_iac.infrastructure.configuration.layers import (
    Layer,
    Place,
    Values,
    located,
    merged,
    of_values,
    written,
)
from semantest_iac.infrastructure.configuration.references import reference_faults, substituted
from semantest_iac.infrastructure.configuration.shape import shaped
from semantest_iac.infrastructure.configuration.text_files import read_text
from semantest_iac.infrastructure.configuration.yaml_text import parse_document

DEFAULT_FILE = "semantest.yaml"
OVERLAY = "semantest.{environment}.yaml"
DOTENV = ".env"
CALLER = Place("configuration")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to read: `file` and `dotenv` must exist when named, their defaults in `folder` need not."""

    folder: Path = Path()
    file: Path | None = None
    dotenv: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    overrides: Sequence[str] = field(default=(), repr=False)
    options: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The configuration, the values as written (references in place), and where each of them was written.

    `variables` is the environment over .env: where secrets are looked for. Where there are `faults`, the
    configuration holds what is left without the faulty values, so that the rest can be judged as well.
    """

    configuration: Configuration
    values: Values = field(repr=False)
    places: Mapping[str, Place] = field(repr=False)
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def located(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Faults of later checks with file, line and column."""
        return located(faults, self.places)


def load(sources: Sources) -> Loaded:
    """`read`, and ConfigurationError with every fault if there is one."""
    loaded = read(sources)
    if loaded.faults:
        count = len(loaded.faults)
        name = sources.file or DEFAULT_FILE
        cause = "1 fault" if count == 1 else f"{count} faults"
        raise ConfigurationError(f"Cannot load configuration '{name}': {cause}.", faults=loaded.faults)
    return loaded


def read(sources: Sources) -> Loaded:
    """The configuration with its faults beside it; for those who want to find more faults first."""
    dotenv = _dotenv(sources)
    variables = {**dotenv.variables, **sources.environ}
    whole = merged(_layers(sources, dotenv, variables))
    values = written(whole.values)
    configuration, faults = shaped(substituted(values, variables))
    found = (*faults, *reference_faults(values, variables))
    return Loaded(
        configuration=configuration,
        values=values,
        places=whole.places,
        faults=(*dotenv.faults, *whole.faults, *located(found, whole.places)),
        warnings=tuple(stray_variables(variables)),
        variables=variables,
    )


def _layers(sources: Sources, dotenv: Dotenv, variables: Mapping[str, str]) -> list[Layer]:
    base = _yaml(sources.file or sources.folder / DEFAULT_FILE, must_exist=sources.file is not None)
    lines = {name: Place(_dotenv_name(sources), line, 1) for name, line in dotenv.lines.items()}
    above = [
        *from_variables(dotenv.variables, lines),
        *from_variables(sources.environ, {}),
        of_values(dict(sources.values), CALLER),
        *from_overrides(sources.overrides),
        *from_options(sources.options),
    ]
    if sources.file is not None:
        return [base, *above]
    environment = _environment(merged([base, *above]), variables)
    return [base, _overlay(sources.folder, environment), *above]


def _environment(layer: Layer, variables: Mapping[str, str]) -> str:
    word = substituted(layer.values.get("environment"), variables) or DEFAULT_ENVIRONMENT
    return canonical_environment(str(word))


def _overlay(folder: Path, environment: str) -> Layer:
    if environment not in ENVIRONMENTS:
        return Layer()
    name = OVERLAY.format(environment=environment)
    layer = _yaml(folder / name, must_exist=False)
    if canonical_environment(str(layer.values.get("environment", environment))) == environment:
        return layer
    fault = Fault("environment", f"{name} is for {environment} alone", "Leave the key out of this file.")
    return Layer(layer.values, layer.places, (*layer.faults, *located([fault], layer.places)))


def _yaml(path: Path, *, must_exist: bool) -> Layer:
    text = read_text(path, must_exist=must_exist)
    if isinstance(text, Fault):
        return Layer(faults=(text,))
    return Layer() if text is None else parse_document(text, str(path))


def _dotenv(sources: Sources) -> Dotenv:
    path = sources.dotenv or sources.folder / DOTENV
    text = read_text(path, must_exist=sources.dotenv is not None)
    if isinstance(text, Fault):
        return Dotenv(faults=[text])
    return Dotenv() if text is None else parse_dotenv(text, str(path))


def _dotenv_name(sources: Sources) -> str:
    return str(sources.dotenv or sources.folder / DOTENV)
