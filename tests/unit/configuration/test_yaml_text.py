from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from semantest_iac.infrastructure.configuration.layers import SourcePosition
from semantest_iac.infrastructure.configuration.schema import validate_values
from semantest_iac.infrastructure.configuration.yaml_text import parse_yaml_document, parse_yaml_value

SNIPPETS = ["a", "b", "components", "rest-api", ": ", ":\n", "\n  ", "\n- ", "[", "]", "{", "}", ", ", "'", '"', "|\n "]
SNIPPETS += [
    "&x",
    "*x",
    "!t ",
    "<<",
    "? ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "#",
    "1",
    "true",
    "null",
    "\t",
    "é",
    "\u2028",
]
yaml_like = some.lists(some.sampled_from(SNIPPETS), max_size=30).map("".join)

# Zl and Zp break lines in YAML 1.1, and JSON has them within texts; such a key is a fault, such a value is folded.
characters = some.characters(exclude_categories=["C", "Zl", "Zp"])
texts = some.text(characters, min_size=1, max_size=12).filter(lambda text: text != "<<")
values = some.recursive(
    some.none() | some.booleans() | some.integers(-(10**15), 10**15) | texts,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


class TestParseYamlDocument:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("True", "True"),
            ("no", "no"),
            ("on", "on"),
            ("~", None),
            ("null", None),
            ("'null'", "null"),
            ("12", 12),
            ("-0.5", -0.5),
            ("012", "012"),
            ("0x10", "0x10"),
            ("1_000", "1_000"),
            ("12:30", "12:30"),
            ("1e3", "1e3"),
            (".inf", ".inf"),
            ("2026-11-21", "2026-11-21"),
            ("'12'", "12"),
            ("|\n  a\n  b\n", "a\nb\n"),
        ],
    )
    def test_parses_scalars(self, text: str, value: object) -> None:
        assert parse_yaml_document(f"x: {text}", "f").values == {"x": value}

    def test_records_the_position_of_every_key_and_item(self) -> None:
        layer = parse_yaml_document("a:\n  - b: 1\n    c: [2]\n", "f")

        assert layer.positions == {
            "a": SourcePosition("f", 1, 1),
            "a[0]": SourcePosition("f", 2, 5),
            "a[0].b": SourcePosition("f", 2, 5),
            "a[0].c": SourcePosition("f", 3, 5),
            "a[0].c[0]": SourcePosition("f", 3, 9),
        }

    def test_reports_every_fault_of_a_document(self) -> None:
        layer = parse_yaml_document("a: &x 1\nb: *x\nc: !t 2\na: 3\n", "f")

        assert [(fault.line, fault.path) for fault in layer.faults] == [(1, "a"), (2, "b"), (3, "c"), (4, "a")]

    @given(some.text() | yaml_like | some.binary().map(lambda raw: raw.decode("latin-1")))
    def test_never_raises(self, text: str) -> None:
        layer = parse_yaml_document(text, "f")

        assert isinstance(layer.values, dict)
        assert all(fault.message.isprintable() for fault in layer.faults)
        validate_values(layer.values)

    @given(some.dictionaries(texts, values, max_size=4))
    def test_parses_json(self, written: dict[str, Any]) -> None:
        layer = parse_yaml_document(json.dumps(written, ensure_ascii=False), "f")

        assert (layer.values, layer.faults) == (written, ())


class TestParseYamlValue:
    def test_gives_everything_the_position_of_the_option(self) -> None:
        layer = parse_yaml_value("{a: [1]}", ("x", "y"), SourcePosition("--set"))

        assert layer.values == {"x": {"y": {"a": [1]}}}
        assert layer.positions == dict.fromkeys(["x", "x.y", "x.y.a", "x.y.a[0]"], SourcePosition("--set"))
