"""Loads the configuration from all its sources, substitutes variables, and reports faults with their location.

Later sources win: semantest.yaml, what it has for the environment, semantest.<environment>.yaml, .env, `SEMANTEST_*`,
the values of a calling program, `--set`, options of the command line. What an environment extends comes before it.
`${env.NAME}` is replaced here; `${secrets.name}` stays until the cloud resolves it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.event_sections import find_event_faults
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    canonical_environment,
    is_secret_variable,
    make_printable,
)
from semantest_iac.domain.environments.section_types import SECRET_REFERENCE, parse_secret_reference
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.assignments import (
    find_unknown_variables,
    layers_from_options,
    layers_from_overrides,
    layers_from_variables,
)
from semantest_iac.infrastructure.configuration.environment_layers import (
    ENVIRONMENTS_KEY,
    DefinedEnvironments,
    read_environments,
)
from semantest_iac.infrastructure.configuration.layers import (
    ConfigurationLayer,
    ConfigurationValues,
    KeyPath,
    SourcePosition,
    drop_nulls,
    format_key_path,
    layer_from_values,
    locate_faults,
    lower_component_names,
    merge_layers,
)
from semantest_iac.infrastructure.configuration.openapi_documents import expand_openapi_documents
from semantest_iac.infrastructure.configuration.schema import find_unknown_empty_keys, validate_values
from semantest_iac.infrastructure.configuration.text_files import (
    DOTENV_FILE,
    DotenvFile,
    find_unread_configurations,
    parse_dotenv,
    read_text_file,
)
from semantest_iac.infrastructure.configuration.yaml_text import (
    is_credential_path,
    is_text_path,
    is_variable_path,
    parse_scalar,
    parse_yaml_document,
)

_VARIABLE_REFERENCE = re.compile(r"\$\{env\.([^{}]*)\}")
CONFIGURATION_FILE = "semantest.yaml"
ENVIRONMENT_FILE = "semantest.{environment}.yaml"
CALLER_LOCATION = SourcePosition("configuration")


def substitute_variables(value: Any, variables: Mapping[str, str], path: KeyPath = ()) -> Any:
    """Replace `${env.NAME}` in every text of the value; a missing variable becomes an empty text."""
    return _map_texts(value, path, lambda text, text_path: _substitute_text(text, variables, text_path))


def check_references(value: Any, variables: Mapping[str, str]) -> Iterator[Fault]:
    """Yield faults for variables that are not set and for secrets outside a component's environment."""
    for text, path in _iterate_texts(value, ()):
        for name in _VARIABLE_REFERENCE.findall(text):
            if is_secret_variable(name):
                hint = "Use ${secrets.name} as the whole value of a variable in components.<name>.environment."
                yield Fault(format_key_path(path), f"'{make_printable(name)}' is a secret and cannot be plain", hint)
            elif name not in variables:
                yield Fault(
                    format_key_path(path), f"variable '{make_printable(name)}' is not set", "Set it, or add it to .env."
                )
        if SECRET_REFERENCE.search(text) and not is_variable_path(path):
            yield from _find_misplaced_secret(text, path)


def _find_misplaced_secret(text: str, path: KeyPath) -> Iterator[Fault]:
    if not is_credential_path(path):
        yield Fault(
            format_key_path(path),
            "secrets can be used in components.<name>.environment, the gateway's login and credentials of events only",
        )
    elif parse_secret_reference(text) is None:
        yield Fault(
            format_key_path(path), "a secret must be the whole value", "Write ${secrets.name} and nothing else."
        )


def _substitute_text(text: str, variables: Mapping[str, str], path: KeyPath) -> Any:
    replaced = _VARIABLE_REFERENCE.sub(lambda match: variables.get(match[1], ""), text)
    if is_text_path(path) or not _VARIABLE_REFERENCE.fullmatch(text):
        return replaced
    return parse_scalar(replaced, path)


def _map_texts(value: Any, path: KeyPath, change: Callable[[str, KeyPath], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _map_texts(inner, (*path, key), change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map_texts(inner, (*path, index), change) for index, inner in enumerate(value)]
    return change(value, path) if isinstance(value, str) else value


def _iterate_texts(value: Any, path: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    if isinstance(value, str):
        yield value, path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield from _iterate_texts(below, (*path, step))


@dataclass(frozen=True, slots=True)
class ConfigurationSources:
    """Where to read: `file` and `dotenv` must exist if named, their defaults in `folder` need not.

    `find_recorded_environments` returns what the ledger knows of environments of a file's own, each with the built-in
    one that it extended; it is called for an environment that no source defines.
    """

    folder: Path = Path()
    file: Path | None = None
    dotenv: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    overrides: Sequence[str] = field(default=(), repr=False)
    options: Mapping[str, str | None] = field(default_factory=dict)
    find_recorded_environments: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True, slots=True)
class ParsedConfiguration:
    """The configuration, its values as written (references unresolved), and the position of each value.

    `variables` is the environment over .env, and holds the secrets. If there are `faults`, the configuration holds
    what is left without the faulty values, so that the rest can be validated as well.
    """

    configuration: DeploymentConfiguration
    values: ConfigurationValues = field(repr=False)
    positions: Mapping[str, SourcePosition] = field(repr=False)
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def locate(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Add file, line and column to the faults of later checks."""
        return locate_faults(faults, self.positions)


def read_configuration(sources: ConfigurationSources) -> ParsedConfiguration:
    """Read the configuration and return its faults beside it, so that callers can add faults of their own."""
    dotenv = _read_dotenv_file(sources)
    variables = {**dotenv.variables, **sources.environ}
    layers, environments = _read_layers(sources, dotenv, variables)
    merged = merge_layers(layers)
    values = drop_nulls({key: value for key, value in merged.values.items() if key != ENVIRONMENTS_KEY})
    if environments.extends:
        values[ENVIRONMENTS_KEY] = {name: {"extends": base} for name, base in environments.extends.items()}
    expanded, of_documents = expand_openapi_documents(substitute_variables(values, variables), merged.positions)
    configuration, faults, _ = validate_values(expanded)
    found = (
        *of_documents,
        *find_unknown_empty_keys(merged.values),
        *faults,
        *check_references(values, variables),
        *_find_event_faults(configuration, faults),
        *_find_state_faults(configuration),
    )
    return ParsedConfiguration(
        configuration=configuration,
        values=values,
        positions=merged.positions,
        faults=(
            *_find_unread_files(sources),
            *dotenv.faults,
            *merged.faults,
            *environments.faults,
            *locate_faults(found, merged.positions),
        ),
        warnings=tuple(find_unknown_variables(variables)),
        variables={**read_state_variables(configuration), **variables},
    )


def read_state_variables(configuration: DeploymentConfiguration) -> dict[str, str]:
    """Return the variables that say where the state is, with what the configuration has for them."""
    section = configuration.state
    written = {"SEMANTEST_STATE_URL": section.backend, "SEMANTEST_STATE_SECRETS_PROVIDER": section.secrets_provider}
    return {name: value for name, value in written.items() if value}


def _find_state_faults(configuration: DeploymentConfiguration) -> Iterator[Fault]:
    """Yield a fault for credentials in an address, before anything shows or records them."""
    for key, value in configuration.state.model_dump(exclude_none=True).items():
        if "@" in value.partition("://")[2].partition("/")[0]:
            hint = "Give them in variables of their own, such as AWS_ACCESS_KEY_ID or AZURE_STORAGE_KEY."
            yield Fault(f"state.{key}", "holds credentials, which would be shown with it", hint)


def _find_event_faults(configuration: DeploymentConfiguration, known: Iterable[Fault]) -> Iterator[Fault]:
    """Yield what is wrong with events; a value of the wrong shape is not called missing, too."""
    paths = {fault.path for fault in known}
    sections = configuration.event_sources, configuration.event_targets, configuration.subscriptions
    for fault in find_event_faults(*sections, own_environments=configuration.environments.keys()):
        if fault.path not in paths:
            yield fault


def _read_layers(
    sources: ConfigurationSources, dotenv: DotenvFile, variables: Mapping[str, str]
) -> tuple[list[ConfigurationLayer], DefinedEnvironments]:
    base = _keep_empty_entries(
        _read_yaml_file(sources.file or sources.folder / CONFIGURATION_FILE, must_exist=sources.file is not None)
    )
    lines = {name: SourcePosition(_dotenv_path(sources), line, 1) for name, line in dotenv.lines.items()}
    above = [
        *layers_from_variables(dotenv.variables, lines),
        *layers_from_variables(sources.environ, {}),
        layer_from_values(dict(sources.values), CALLER_LOCATION),
        *layers_from_overrides(sources.overrides),
        *layers_from_options(sources.options),
    ]
    merged = merge_layers([base, *above])
    environments, selected = read_environments(merged), _select_environment(merged, variables)
    if not environments.knows(selected):
        environments = environments.with_recorded(sources.find_recorded_environments)
    layers = [base, *_read_environment_layers(sources, environments, selected), *above]
    return [lower_component_names(layer) for layer in layers], environments


def _read_environment_layers(
    sources: ConfigurationSources, environments: DefinedEnvironments, selected: str
) -> Iterator[ConfigurationLayer]:
    """Yield what is written for the selected environment, after what is written for those that it extends."""
    for name in reversed(environments.chain(selected)):
        yield environments.layers.get(name, ConfigurationLayer())
        if sources.file is None and environments.knows(name):
            yield _read_environment_file(sources.folder, name)


_NAMED_ENTRIES = ("queues", "topics", "subscriptions", "apis")
"""The keys whose entries have names of the user's own and need no value."""


def _keep_empty_entries(layer: ConfigurationLayer) -> ConfigurationLayer:
    """Read a component, queue, topic or subscription without a value as one with the defaults.

    In a file above, it removes what is written below.
    """
    components = layer.values.get("components")
    if not isinstance(components, dict):
        return layer
    return replace(layer, values={**layer.values, "components": _fill_empty_entries(components)})


def _fill_empty_entries(entries: ConfigurationValues) -> ConfigurationValues:
    filled = {name: {} if entry is None else entry for name, entry in entries.items()}
    return {name: _fill_below(entry) if isinstance(entry, dict) else entry for name, entry in filled.items()}


def _fill_below(entry: ConfigurationValues) -> ConfigurationValues:
    fill = {key: _fill_empty_entries if key in _NAMED_ENTRIES else _fill_below for key in entry}
    return {key: fill[key](value) if isinstance(value, dict) else value for key, value in entry.items()}


def _find_unread_files(sources: ConfigurationSources) -> tuple[Fault, ...]:
    return () if sources.file is not None else tuple(find_unread_configurations(sources.folder, CONFIGURATION_FILE))


def _select_environment(layer: ConfigurationLayer, variables: Mapping[str, str]) -> str:
    word = substitute_variables(layer.values.get("environment"), variables) or DEFAULT_ENVIRONMENT
    return canonical_environment(str(word))


def _read_environment_file(folder: Path, environment: str) -> ConfigurationLayer:
    name = ENVIRONMENT_FILE.format(environment=environment)
    layer = _read_yaml_file(folder / name, must_exist=False)
    faults = []
    if canonical_environment(str(layer.values.get("environment", environment))) != environment:
        faults.append(Fault("environment", f"{name} is for {environment} only", "Leave the key out of this file."))
    if ENVIRONMENTS_KEY in layer.values:
        hint = f"Define environments in {CONFIGURATION_FILE}."
        faults.append(Fault(ENVIRONMENTS_KEY, f"{name} is for {environment} only", hint))
    values = {key: value for key, value in layer.values.items() if key != "environment"}  # it is not that of extensions
    return ConfigurationLayer(values, layer.positions, (*layer.faults, *locate_faults(faults, layer.positions)))


def _read_yaml_file(path: Path, *, must_exist: bool) -> ConfigurationLayer:
    text = read_text_file(path, must_exist=must_exist)
    if isinstance(text, Fault):
        return ConfigurationLayer(faults=(text,))
    return ConfigurationLayer() if text is None else parse_yaml_document(text, str(path))


def _read_dotenv_file(sources: ConfigurationSources) -> DotenvFile:
    path = sources.dotenv or sources.folder / DOTENV_FILE
    text = read_text_file(path, must_exist=sources.dotenv is not None)
    if isinstance(text, Fault):
        return DotenvFile(faults=[text])
    return DotenvFile() if text is None else parse_dotenv(text, str(path))


def _dotenv_path(sources: ConfigurationSources) -> str:
    return str(sources.dotenv or sources.folder / DOTENV_FILE)
