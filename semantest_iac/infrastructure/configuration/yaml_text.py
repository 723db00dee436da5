"""Reads a bounded subset of YAML and records the location of every value.

Tags, anchors, aliases, merge keys, duplicate keys and several documents are refused, all of them at once. Plain text
means less than in YAML 1.1: only `true` and `false` are booleans, only plain decimals are numbers, and nothing is a
date: `no`, `on`, `012`, `1e3` and `12:30` stay text. Variables of a component and tags are text as written, so `1.10`
stays `1.10`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from semantest_iac.domain.environments.event_sections import CREDENTIAL_KEYS
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import (
    ConfigurationLayer,
    KeyPath,
    SourcePosition,
    fault_at,
    format_key_path,
)

Scalar = str | int | float | bool | None
_KEYWORDS: dict[str, Scalar] = {"true": True, "false": False, "": None, "~": None, "null": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
MAX_YAML_DEPTH = 32
MAX_YAML_FAULTS = 50
MERGE_KEY = "<<"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # wheels carry the C loader, which is ten times as fast
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_END_EVENTS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def is_variable_path(path: KeyPath) -> bool:
    """Return whether the path is `components.<name>.environment.<NAME>`, or a variable of a function or service of it.

    Below `environments.<name>` it may be either as well.
    """
    path = _path_in_environment(path)
    within = path[4:] if path[2:3] in (("functions",), ("services",)) else path[2:]
    return path[:1] == ("components",) and len(within) == 2 and within[0] == "environment"


def is_credential_path(path: KeyPath) -> bool:
    """Return whether the path is a setting that may be a secret: of a source or target of events, or of the gateway."""
    within = _path_in_environment(path)
    if within[:1] == ("components",) and within[2:] == ("gateway", "login", "password"):
        return True
    return len(path) == 3 and path[0] in ("event_sources", "event_targets") and path[2] in CREDENTIAL_KEYS


def is_text_path(path: KeyPath) -> bool:
    """Return whether the value at the path is text as written: a variable or a tag."""
    within = _path_in_environment(path)
    holder = within[2:] if within[:1] == ("components",) else within
    return is_variable_path(path) or (len(holder) == 2 and holder[0] == "tags")


def _path_in_environment(path: KeyPath) -> KeyPath:
    return path[2:] if path[:1] == ("environments",) else path


def parse_scalar(text: str, path: KeyPath) -> Scalar:
    """Return the value of unquoted text at a path."""
    if text in _KEYWORDS and not (is_text_path(path) and isinstance(_KEYWORDS[text], bool)):
        return _KEYWORDS[text]
    if is_text_path(path):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


class _StopReadingError(Exception):
    """Stops reading after too many faults."""


def parse_yaml_document(text: str, source: str) -> ConfigurationLayer:
    """Parse one document that is a mapping; never raises, faults are in the layer."""
    reader = _YamlReader(text, source)
    values = reader.read()
    if values is None:
        values = {}
    if not isinstance(values, dict):
        reader.refuse(
            SourcePosition(source, 1, 1),
            (),
            "the top level must be a mapping",
            "Write a mapping such as 'provider: aws'.",
        )
        values = {}
    return ConfigurationLayer(values, reader.positions, tuple(reader.faults))


def parse_yaml_value(text: str, path: KeyPath, position: SourcePosition) -> ConfigurationLayer:
    """Parse a value in flow form, such as `[a, b]` or `{x: 1}`, at a path; all of it gets the same position."""
    reader = _YamlReader(text, position.source, path)
    values = reader.read()
    for step in reversed(path):
        values = {step: values}
    positions = dict.fromkeys(
        (*(format_key_path(path[:end]) for end in range(1, len(path) + 1)), *reader.positions), position
    )
    return ConfigurationLayer(
        values, positions, tuple(fault_at(position, fault.path, fault.message) for fault in reader.faults)
    )


class _YamlReader:
    def __init__(self, text: str, source: str, path: KeyPath = ()) -> None:
        self._text, self._source, self._path = text, source, path
        self._events: Iterator[Any] = iter(())
        self.positions: dict[str, SourcePosition] = {}
        self.faults: list[Fault] = []

    def read(self) -> Any:
        """Return the value of the only document, or None if it cannot be read."""
        if control := _CONTROL_CHARACTER.search(self._text):
            self.refuse(self._position_at(control.start()), (), f"control character {make_printable(control.group())}")
            return None
        try:
            return self._read_document()
        except _StopReadingError:
            return None
        except yaml.YAMLError as error:
            self._refuse_syntax(error)
            return None

    def refuse(self, position: SourcePosition, path: KeyPath, message: str, hint: str = "") -> None:
        """Add a fault, and stop reading after `MAX_YAML_FAULTS` of them."""
        self.faults.append(fault_at(position, format_key_path(path), message, hint))
        if len(self.faults) >= MAX_YAML_FAULTS:
            raise _StopReadingError

    def _read_document(self) -> Any:
        self._events = (event for event in yaml.parse(self._text, Loader=_LOADER) if _is_content(event))
        first = next(self._events, None)
        value = None if first is None else self._read_value(first, self._path)
        if (second := next(self._events, None)) is not None:
            self.refuse(self._position_of(second), (), "a second document", "Write one document per file.")
        return value

    def _read_value(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self.refuse(self._position_of(event), path, "aliases are refused", "Write the value out.")
        if event.anchor is not None:
            self.refuse(self._position_of(event), path, "anchors are refused", "Write the value out.")
        if event.tag is not None:
            self.refuse(self._position_of(event), path, "tags are refused", "Remove what starts with '!'.")
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event, path)
        if len(path) >= MAX_YAML_DEPTH:
            self.refuse(self._position_of(event), path[:4], f"nested deeper than {MAX_YAML_DEPTH} levels")
            raise _StopReadingError
        return self._read_sequence(path) if isinstance(event, yaml.SequenceStartEvent) else self._read_mapping(path)

    def _read_scalar(self, event: Any, path: KeyPath) -> Any:
        value = event.value if event.style else parse_scalar(event.value, path)
        if value is None and is_variable_path(path):
            self.refuse(self._position_of(event), path, "no value", "Write '' for an empty one.")
        return value

    def _read_sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in self._events_until_end():
            item_path = (*path, len(items))
            self.positions[format_key_path(item_path)] = self._position_of(event)
            items.append(self._read_value(event, item_path))
        return items

    def _read_mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._events_until_end():
            key = self._read_key(event, path)
            item_path = (*path, key or "?")
            value = self._read_value(next(self._events), item_path)
            if key in values:
                self.refuse(self._position_of(event), item_path, "written twice")
            elif key is not None:
                values[key] = value
                self.positions[format_key_path(item_path)] = self._position_of(event)
        return values

    def _read_key(self, event: Any, path: KeyPath) -> str | None:
        key = self._read_value(event, (*path, "?"))
        if key == MERGE_KEY:
            self.refuse(self._position_of(event), path, "merge keys are refused", "Write the values out.")
        elif isinstance(key, str):
            return key
        elif not isinstance(event, yaml.AliasEvent):
            self.refuse(self._position_of(event), path, "a key must be text", "Quote the key.")
        return None

    def _events_until_end(self) -> Iterator[Any]:
        while not isinstance(event := next(self._events), _END_EVENTS):
            yield event

    def _position_of(self, event: Any) -> SourcePosition:
        return SourcePosition(self._source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _position_at(self, index: int) -> SourcePosition:
        before = self._text[:index]
        return SourcePosition(self._source, before.count("\n") + 1, index - before.rfind("\n"))

    def _refuse_syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        position = (
            SourcePosition(self._source, mark.line + 1, mark.column + 1) if mark else SourcePosition(self._source)
        )
        problem = getattr(error, "problem", None) or "unreadable"
        self.refuse(position, (), f"not YAML: {make_printable(problem, 120)}")


def _is_content(event: Any) -> bool:
    return isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)
