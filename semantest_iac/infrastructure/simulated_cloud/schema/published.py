"""Reads the generated schemas of resource types, and refines the inputs that they declare.

A folder holds one JSON file for each module of a cloud's SDK, read when the first of its types is needed, and an index.
An input is text, `kind flag…`, or an object with `is` for that text and its limits under the names of JSON Schema;
`items` describes elements, and `advisory` holds what was read from prose: it warns and never refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias, Unpack

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    PROSE,
    Count,
    Evidence,
    Length,
    Limit,
    OneOf,
    Pattern,
    Property,
    PropertyTraits,
    Range,
    ValueKind,
)

PropertyRefinement: TypeAlias = Callable[[Property], Property]

_SCALARS: Final = {
    "boolean": ValueKind.FLAG,
    "integer": ValueKind.INTEGER,
    "number": ValueKind.NUMBER,
    "string": ValueKind.TEXT,
    "json": ValueKind.JSON,
    "archive": ValueKind.ARCHIVE,
    "any": ValueKind.ANY,
}
_COLLECTIONS: Final = {"[": ValueKind.LIST, "<": ValueKind.SET, "{": ValueKind.MAP}
_TRAITS: Final = {
    "required": "required",
    "replace": "force_new",
    "computed": "computed_default",
    "secret": "sensitive",
}
_BOUNDS: Final[tuple[tuple[str, str, Callable[[Any, Any, Evidence], Limit]], ...]] = (
    ("minLength", "maxLength", Length),
    ("minimum", "maximum", Range),
    ("minItems", "maxItems", Count),
)


def refine(*limits: Limit, **traits: Unpack[PropertyTraits]) -> PropertyRefinement:
    """Add limits and traits that no schema declares; a limit takes the place of an advisory one of its kind."""
    kinds = {type(limit) for limit in limits if limit.evidence.is_firm}
    return lambda rule: replace(
        rule,
        limits=(*(one for one in rule.limits if one.evidence.is_firm or type(one) not in kinds), *limits),
        **traits,
    )


def correct(*limits: Limit, **traits: Unpack[PropertyTraits]) -> PropertyRefinement:
    """Put limits in the place of those that the schema declares, and add traits."""
    return lambda rule: replace(rule, limits=limits, **traits)


def change_kind(kind: ValueKind, *limits: Limit, **traits: Unpack[PropertyTraits]) -> PropertyRefinement:
    """Say what the SDK does not: that text is a JSON document, or that the order of elements does not matter."""
    return lambda rule: replace(refine(*limits, **traits)(rule), kind=kind)


UNORDERED: Final = change_kind(ValueKind.SET)
JSON_TEXT: Final = change_kind(ValueKind.JSON)
COMPUTED: Final = refine(computed_default=True)
REPLACES: Final = refine(force_new=True)


def refine_elements(*limits: Limit, **traits: Unpack[PropertyTraits]) -> PropertyRefinement:
    """Add limits and traits to the elements of a collection."""
    return lambda rule: replace(rule, items=refine(*limits, **traits)(rule.items)) if rule.items else rule


def apply_refinements(
    fields: Mapping[str, Property], *layers: Mapping[str, PropertyRefinement]
) -> Mapping[str, Property]:
    """Refine fields at dotted paths, which step into elements by themselves; raise KeyError for an unknown path."""
    refined = dict(fields)
    for refinements in layers:
        for path, refinement in refinements.items():
            _refine_at_path(refined, path.split("."), refinement)
    return refined


def _refine_at_path(fields: dict[str, Property], steps: Sequence[str], refinement: PropertyRefinement) -> None:
    name, *rest = steps
    rule = fields[name]
    if not rest:
        fields[name] = refinement(rule)
        return
    owner = rule.items or rule
    inner = dict(owner.fields)
    _refine_at_path(inner, rest, refinement)
    owner = replace(owner, fields=inner)
    fields[name] = replace(rule, items=owner) if rule.items else owner


class DeclaredFields(Mapping[str, Property]):
    """Fields by name, each built when it is first read: a type may contain itself, and most have more than is used."""

    def __init__(self, declared: Mapping[str, Any], build: Callable[[Any], Property]) -> None:
        self._declared = declared
        self._build = build
        self._built: dict[str, Property] = {}

    def __getitem__(self, name: str) -> Property:
        if name not in self._built:
            self._built[name] = self._build(self._declared[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


@dataclass(frozen=True, slots=True)
class PublishedType:
    """What is published about one type: its inputs, and `facts` as the generator of its cloud wrote them."""

    inputs: Mapping[str, Property]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class SchemaFolder:
    """The schemas of one cloud; `evidence` is the source of their limits."""

    path: Path
    evidence: Evidence
    _files: dict[str, _SchemaFile] = field(default_factory=dict)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Every type that has a schema."""
        index = json.loads((self.path / "index.json").read_text(encoding="utf-8"))
        return tuple(index["types"])

    def read(self, token: str) -> PublishedType:
        """Return what is published about a type; raise KeyError where no generator was told of it."""
        module = re.split("[:/]", token)[1]
        if module not in self._files:
            text = (self.path / f"{module}.json").read_text(encoding="utf-8")
            self._files[module] = _SchemaFile(json.loads(text), self.evidence)
        return self._files[module].read(token)


class _SchemaFile:
    def __init__(self, declared: Mapping[str, Any], evidence: Evidence) -> None:
        self._resources = declared["resources"]
        self._evidence = evidence
        self._types = {name: DeclaredFields(fields, self._property) for name, fields in declared["types"].items()}

    def read(self, token: str) -> PublishedType:
        facts = self._resources[token]
        return PublishedType(DeclaredFields(facts["inputs"], self._property), facts)

    def _property(self, declared: Any) -> Property:
        node: Mapping[str, Any] = {"is": declared} if isinstance(declared, str) else declared
        kind, *flags = node["is"].split()
        advisory = node.get("advisory", {})
        traits: dict[str, Any] = {_TRAITS[name]: True for name in flags}
        limits = (*_limits(node, self._evidence), *_limits(advisory, PROSE))
        if kind in self._types:
            return Property(ValueKind.BLOCK, limits, fields=self._types[kind], **traits)
        if kind[0] in _COLLECTIONS:
            items = self._property(node.get("items", kind[1:-1]))
            return Property(_COLLECTIONS[kind[0]], limits, items=items, **traits)
        default = None if "computed" in flags else advisory.get("default")
        return Property(_SCALARS[kind], limits, default=default, **traits)


def _limits(node: Mapping[str, Any], evidence: Evidence) -> Iterator[Limit]:
    for lowest, highest, limit in _BOUNDS:
        if lowest in node or highest in node:
            yield limit(node.get(lowest), node.get(highest), evidence)
    if "pattern" in node:
        yield Pattern(node["pattern"], evidence)
    if "enum" in node:
        yield OneOf(tuple(node["enum"]), evidence)
