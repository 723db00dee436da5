"""Reading generated schemas, and refining what they declare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    CFN,
    DOC,
    GENERAL,
    PROSE,
    Length,
    Limit,
    OneOf,
    Pattern,
    Property,
    Range,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    JSON_TEXT,
    UNORDERED,
    PropertyRefinement,
    SchemaFolder,
    apply_refinements,
    correct,
    refine,
    refine_elements,
)
from semantest_iac.infrastructure.simulated_cloud.schema.rules import DeferredRule, TypeRule

_TOKEN = "aws:letters/letter:Letter"
_INPUTS = {
    "name": {"is": "string required replace", "maxLength": 8, "pattern": "^[a-z]+$"},
    "size": {"is": "integer computed", "advisory": {"minimum": 1, "maximum": 9, "default": 3}},
    "stamps": {"is": "<>", "maxItems": 4, "items": {"is": "string", "enum": ["red", "blue"]}},
    "class": {"is": "string", "advisory": {"enum": ["A", "B"], "default": "A"}},
    "key": "string secret",
    "pages": "[Page]",
    "headers": "{string}",
    "policy": "json",
}
_TYPES = {"Page": {"text": "string required", "attached": "[Page]"}}


@pytest.fixture
def folder(tmp_path: Path) -> SchemaFolder:
    letter = {"inputs": _INPUTS, "outputs": {"arn": "string"}}
    (tmp_path / "letters.json").write_text(json.dumps({"resources": {_TOKEN: letter}, "types": _TYPES}))
    (tmp_path / "index.json").write_text(json.dumps({"types": [_TOKEN]}))
    return SchemaFolder(tmp_path, CFN)


class TestInputs:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "name",
                Property(
                    ValueKind.TEXT, (Length(None, 8, CFN), Pattern("^[a-z]+$", CFN)), required=True, force_new=True
                ),
            ),
            ("size", Property(ValueKind.INTEGER, (Range(1, 9, PROSE),), computed_default=True)),
            ("class", Property(ValueKind.TEXT, (OneOf(("A", "B"), PROSE),), default="A")),
            ("key", Property(ValueKind.TEXT, sensitive=True)),
            ("headers", Property(ValueKind.MAP, items=Property(ValueKind.TEXT))),
            ("policy", Property(ValueKind.JSON)),
        ],
    )
    def test_have_kind_limits_and_traits(self, name: str, expected: Property, folder: SchemaFolder) -> None:
        assert folder.read(_TOKEN).inputs[name] == expected

    def test_have_limits_of_elements(self, folder: SchemaFolder) -> None:
        stamps = folder.read(_TOKEN).inputs["stamps"]

        assert (stamps.kind, stamps.items) == (
            ValueKind.SET,
            Property(ValueKind.TEXT, (OneOf(("red", "blue"), CFN),)),
        )

    def test_may_contain_themselves(self, folder: SchemaFolder) -> None:
        pages = folder.read(_TOKEN).inputs["pages"]
        assert pages.items is not None
        attached = pages.items.fields["attached"]

        assert attached.items is not None
        assert attached.items.fields["text"].required

    def test_of_other_types_are_unknown(self, folder: SchemaFolder) -> None:
        with pytest.raises(KeyError):
            folder.read("aws:letters/parcel:Parcel")

    def test_are_listed_by_the_index(self, folder: SchemaFolder) -> None:
        assert folder.tokens == (_TOKEN,)


class TestRefinements:
    def test_reach_into_elements(self, folder: SchemaFolder) -> None:
        refined = apply_refinements(folder.read(_TOKEN).inputs, {"pages.attached.text": refine(force_new=True)})

        pages = refined["pages"].items
        assert pages is not None
        attached = pages.fields["attached"].items
        assert attached is not None
        assert (pages.fields["text"].force_new, attached.fields["text"].force_new) == (False, True)

    def test_of_unknown_paths_are_errors(self, folder: SchemaFolder) -> None:
        with pytest.raises(KeyError):
            apply_refinements(folder.read(_TOKEN).inputs, {"pages.colour": UNORDERED})

    @pytest.mark.parametrize(
        ("limit", "kept"),
        [(OneOf(("A",), DOC), []), (OneOf(("A",), GENERAL), ["advisory"]), (Length(1, 1, DOC), ["advisory"])],
        ids=["firm", "advisory", "another kind"],
    )
    def test_take_the_place_of_advisory_limits_of_their_kind(
        self, limit: Limit, kept: list[str], folder: SchemaFolder
    ) -> None:
        refined = refine(limit)(folder.read(_TOKEN).inputs["class"])

        assert ["advisory" for one in refined.limits if one.evidence is PROSE] == kept
        assert limit in refined.limits

    @pytest.mark.parametrize(
        ("name", "refinement", "expected"),
        [
            ("name", correct(Length(1, 4, DOC)), {"limits": (Length(1, 4, DOC),), "required": True}),
            ("key", JSON_TEXT, {"kind": ValueKind.JSON, "sensitive": True}),
            ("pages", UNORDERED, {"kind": ValueKind.SET}),
        ],
        ids=["corrected limits", "JSON", "set"],
    )
    def test_change_what_is_declared(
        self, name: str, refinement: PropertyRefinement, expected: dict[str, Any], folder: SchemaFolder
    ) -> None:
        refined = refinement(folder.read(_TOKEN).inputs[name])

        assert {name: getattr(refined, name) for name in expected} == expected

    def test_of_elements_leave_the_collection(self, folder: SchemaFolder) -> None:
        refined = refine_elements(Length(1, 2, DOC))(folder.read(_TOKEN).inputs["headers"])

        assert (refined.limits, refined.items) == ((), Property(ValueKind.TEXT, (Length(1, 2, DOC),)))


class TestDeferredRules:
    def test_are_built_once_when_they_are_read(self) -> None:
        built: list[str] = []

        def build() -> TypeRule:
            built.append("once")
            return TypeRule({}, "{name}", latency_seconds=7)

        rule = DeferredRule(build)
        assert built == []
        assert (rule.identity, rule.latency_seconds, rule.unique) == ("{name}", 7, ())
        assert built == ["once"]

    def test_have_no_further_attributes(self) -> None:
        with pytest.raises(AttributeError):
            _ = DeferredRule(lambda: TypeRule({}, "")).colour
