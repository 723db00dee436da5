"""Writes a converted configuration as text: its values, and in comments what is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from semantest_iac.domain.errors import Fault
from semantest_iac.domain.ports.service_finder import ConvertedConfiguration

_WIDTH = 116
_FLOW_KEYS = ("routes", "trigger", "cors", "authorizer", "queues", "topics", "features", "monitoring")


class _InlineValue:
    """A mapping or list that is written on one line."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _ConfigurationDumper(yaml.SafeDumper):
    """Writes short parts on one line, and indents lists below their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_inline(dumper: yaml.SafeDumper, inline: _InlineValue) -> yaml.Node:
    represent = dumper.represent_dict if isinstance(inline.value, dict) else dumper.represent_list
    node = represent(inline.value)
    node.flow_style = True
    return node


_ConfigurationDumper.add_representer(_InlineValue, _represent_inline)


def render_converted_file(converted: ConvertedConfiguration, source: str) -> str:
    """Return the text of the file; `source` is what it was made of."""
    values = _mark_inline(dict(converted.values))
    body = yaml.dump(
        values, Dumper=_ConfigurationDumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )
    lines = [
        f"# Made of {source} by `python -m semantest_iac import`. docs/configuration.md describes every key, and",
        "# `python -m semantest_iac config validate` checks this file.",
        *_render_notes("Not taken over", converted.left_out),
        *_render_notes("Not quite the same here", converted.differs),
    ]
    return "".join(f"{line}\n" for line in lines) + body


def _render_notes(title: str, notes: Sequence[Fault]) -> Iterator[str]:
    if notes:
        yield "#"
        yield f"# {title}:"
    for note in notes:
        yield f"#   {f'line {note.line}, ' if note.line else ''}{note.path}: {note.message}"


def _mark_inline(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key in _FLOW_KEYS and value:
            return _InlineValue(value)
        return {name: _mark_inline(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        each_inline = key in _FLOW_KEYS
        return [_InlineValue(one) if each_inline and isinstance(one, dict) else one for one in value]
    return value
