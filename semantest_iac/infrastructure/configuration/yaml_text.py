"""YAML without its dangers: streamed, bounded, and with a place for every value.

Tags, anchors, aliases, merge keys, duplicate keys and several documents are refused, all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import Layer, Path, Place, dotted, fault_at
from semantest_iac.infrastructure.configuration.scalars import is_variable, scalar

DEEPEST = 32
MOST_FAULTS = 50
MERGE_KEY = "<<"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # wheels carry the C one, ten times as fast
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_END = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class _EnoughError(Exception):
    """Reading stops: what follows is of no interest."""


def parse_document(text: str, source: str) -> Layer:
    """One document that is a mapping; never raises, faults are in the layer."""
    reader = _Reader(text, source)
    values = reader.read()
    if values is None:
        values = {}
    if not isinstance(values, dict):
        reader.refuse(Place(source, 1, 1), (), "the top level must be a mapping", "Such as 'provider: aws'.")
        values = {}
    return Layer(values, reader.places, tuple(reader.faults))


def parse_value(text: str, path: Path, place: Place) -> Layer:
    """A value in flow form, such as `[a, b]` or `{x: 1}`, at a path; every place in it is the one given."""
    reader = _Reader(text, place.source, path)
    values = reader.read()
    for step in reversed(path):
        values = {step: values}
    places = dict.fromkeys((*(dotted(path[:end]) for end in range(1, len(path) + 1)), *reader.places), place)
    return Layer(values, places, tuple(fault_at(place, fault.path, fault.message) for fault in reader.faults))


class _Reader:
    def __init__(self, text: str, source: str, path: Path = ()) -> None:
        self._text, self._source, self._path = text, source, path
        self._events: Iterator[Any] = iter(())
        self.places: dict[str, Place] = {}
        self.faults: list[Fault] = []

    def read(self) -> Any:
        """The value of the only document, or None where it cannot be read."""
        if control := _CONTROL.search(self._text):
            self.refuse(self._place_of(control.start()), (), f"control character {shown(control.group())}")
            return None
        try:
            return self._read()
        except _EnoughError:
            return None
        except yaml.YAMLError as error:
            self._refuse_syntax(error)
            return None

    def refuse(self, place: Place, path: Path, message: str, hint: str = "") -> None:
        """Note a fault and read on, unless there are more than anyone would read."""
        self.faults.append(fault_at(place, dotted(path), message, hint))
        if len(self.faults) >= MOST_FAULTS:
            raise _EnoughError

    def _read(self) -> Any:
        self._events = (event for event in yaml.parse(self._text, Loader=_LOADER) if _carries(event))
        first = next(self._events, None)
        value = None if first is None else self._value(first, self._path)
        if (second := next(self._events, None)) is not None:
            self.refuse(self._place(second), (), "a second document", "One file, one document.")
        return value

    def _value(self, event: Any, path: Path) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self.refuse(self._place(event), path, "aliases are refused", "Write the value out.")
        if event.anchor is not None:
            self.refuse(self._place(event), path, "anchors are refused", "Write the value out.")
        if event.tag is not None:
            self.refuse(self._place(event), path, "tags are refused", "Leave out what starts with '!'.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= DEEPEST:
            self.refuse(self._place(event), path[:4], f"nested deeper than {DEEPEST} levels")
            raise _EnoughError
        return self._sequence(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _scalar(self, event: Any, path: Path) -> Any:
        value = event.value if event.style else scalar(event.value, path)
        if value is None and is_variable(path):
            self.refuse(self._place(event), path, "no value", "Write '' for an empty one.")
        return value

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        for event in self._until_end():
            at = (*path, len(items))
            self.places[dotted(at)] = self._place(event)
            items.append(self._value(event, at))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._until_end():
            key = self._key(event, path)
            at = (*path, key or "?")
            value = self._value(next(self._events), at)
            if key in values:
                self.refuse(self._place(event), at, "written twice")
            elif key is not None:
                values[key] = value
                self.places[dotted(at)] = self._place(event)
        return values

    def _key(self, event: Any, path: Path) -> str | None:
        key = self._value(event, (*path, "?"))
        if key == MERGE_KEY:
            self.refuse(self._place(event), path, "merge keys are refused", "Write the values out.")
        elif isinstance(key, str):
            return key
        elif not isinstance(event, yaml.AliasEvent):
            self.refuse(self._place(event), path, "a key must be text", "Quote it if it is meant.")
        return None

    def _until_end(self) -> Iterator[Any]:
        while not isinstance(event := next(self._events), _END):
            yield event

    def _place(self, event: Any) -> Place:
        return Place(self._source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _place_of(self, index: int) -> Place:
        before = self._text[:index]
        return Place(self._source, before.count("\n") + 1, index - before.rfind("\n"))

    def _refuse_syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = Place(self._source, mark.line + 1, mark.column + 1) if mark else Place(self._source)
        problem = getattr(error, "problem", None) or "unreadable"
        self.refuse(place, (), f"not YAML: {shown(problem, 120)}")


def _carries(event: Any) -> bool:
    return isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)
