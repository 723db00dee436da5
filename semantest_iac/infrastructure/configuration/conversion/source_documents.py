"""Reads YAML and JSON of other tools as data, with the line of every value.

Unlike the configuration of this tool, such files have anchors, merge keys and tags. Nothing is constructed for a tag:
CloudFormation's short forms become the mappings that they abbreviate (`!GetAtt Jobs.Arn` is `{Fn::GetAtt: Jobs.Arn}`),
and the value of any other tag is read without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.infrastructure.configuration.layers import KeyPath
from semantest_iac.infrastructure.configuration.text_files import read_text_file
from semantest_iac.infrastructure.configuration.yaml_text import MERGE_KEY, parse_scalar

MAX_SOURCE_DEPTH = 64
MAX_SOURCE_VALUES = 100_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_YAML_TAG = "tag:yaml.org,"
_UNPREFIXED_FUNCTIONS = ("Ref", "Condition")


@dataclass(slots=True)
class SourceDocument:
    """The values of a file, and the line of each by its path; `name` is how the file is called in messages."""

    name: str
    values: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def find_line(self, path: KeyPath) -> int | None:
        """Return the line of the value, or of the nearest value around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_source_document(file: Path) -> SourceDocument:
    """Read a file of at most 1 MiB; raises ConfigurationError with the place of what cannot be read."""
    name = make_printable(str(file), 200)
    text = read_text_file(file, must_exist=True)
    if not isinstance(text, str):
        raise ConfigurationError(f"Cannot read {name}.", faults=[text or Fault("", "no such file", file=name)])
    return parse_source_document(text, name)


def parse_source_document(text: str, name: str) -> SourceDocument:
    """Parse one document of YAML or JSON; raises ConfigurationError with the place of what is wrong."""
    try:
        _refuse_deep_nesting(text, name)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = make_printable(getattr(error, "problem", None) or "unreadable", 120)
        raise _unreadable(name, f"not YAML: {problem}", mark) from error
    document = SourceDocument(name, None)
    if root is not None:
        document.values = _SourceReader(document).read(root, ())
    return document


def _unreadable(name: str, message: str, mark: Any = None) -> ConfigurationError:
    place = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return ConfigurationError(f"Cannot read {name}.", faults=[Fault("", message, "", name, *place)])


def _refuse_deep_nesting(text: str, name: str) -> None:
    """Refuse before the nodes are composed, which is done recursively."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, _STARTS) - isinstance(event, _ENDS)
        if depth > MAX_SOURCE_DEPTH:
            raise _unreadable(name, f"nested deeper than {MAX_SOURCE_DEPTH} levels", event.start_mark)


class _SourceReader:
    """Turns nodes into values; anchors are written out, and bounded so that a small file cannot become a large one."""

    def __init__(self, document: SourceDocument) -> None:
        self._document = document
        self._count = 0

    def read(self, node: Any, path: KeyPath) -> Any:
        self._count += 1
        if self._count > MAX_SOURCE_VALUES or len(path) > MAX_SOURCE_DEPTH:
            raise _unreadable(self._document.name, "too many values, or anchors within themselves", node.start_mark)
        function = node.tag[1:] if node.tag.startswith("!") and node.tag != "!" else ""
        value = self._read_content(node, path)
        if not function:
            return value
        key = function if function in _UNPREFIXED_FUNCTIONS else f"Fn::{function}"
        return {key: value}

    def _read_content(self, node: Any, path: KeyPath) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.style or node.tag.startswith("!") else parse_scalar(node.value, ())
        if isinstance(node, yaml.SequenceNode):
            return [self._read_at(item, (*path, index), item) for index, item in enumerate(node.value)]
        return self._read_mapping(node, path)

    def _read_at(self, node: Any, path: KeyPath, place: Any) -> Any:
        self._document.lines[path] = place.start_mark.line + 1
        return self.read(node, path)

    def _read_mapping(self, node: Any, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _unreadable(self._document.name, "a key must be text", key_node.start_mark)
            key = key_node.value
            if key == MERGE_KEY and not key_node.style:
                parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for part in reversed(parts):
                    merged.update(self._read_merged(part, path))
            elif key in own:
                raise _unreadable(self._document.name, f"'{make_printable(key)}' is written twice", key_node.start_mark)
            else:
                own[key] = self._read_at(value_node, (*path, key), key_node)
        return {**merged, **own}

    def _read_merged(self, node: Any, path: KeyPath) -> dict[str, Any]:
        value = self.read(node, path)
        if not isinstance(value, dict):
            raise _unreadable(self._document.name, "only mappings are merged", node.start_mark)
        return value
