"""The inputs of Azure's types as the SDK declares them, to which the tables add what they know beyond it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, Unpack

from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Limit, OneOf
from semantest_iac.infrastructure.simulated_cloud.properties import Kind, Property, Traits

_DECLARED: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
_SCALARS: Final = {"boolean": Kind.FLAG, "integer": Kind.INTEGER, "number": Kind.NUMBER, "string": Kind.TEXT}

TOKENS: Final[tuple[str, ...]] = tuple(_DECLARED["resources"])
"""Every simulated type."""

Refinement: TypeAlias = Callable[[Property], Property]


def rest_version(token: str) -> str:
    """The version of the REST API that the SDK uses for a type."""
    return str(_DECLARED["resources"][token]["api"])


def tells_its_making(token: str) -> bool:
    """Whether a type has the output `systemData`."""
    return bool(_DECLARED["resources"][token]["systemData"])


def inputs(token: str, *layers: Mapping[str, Refinement]) -> dict[str, Property]:
    """The inputs of a type, refined at dotted paths, which lead through lists without a mark; KeyError elsewhere."""
    fields = dict(_block(_DECLARED["resources"][token]["inputs"]))
    for refinements in layers:
        for path, refinement in refinements.items():
            fields = _refined(fields, path.split("."), refinement)
    return fields


def known(*limits: Limit, **traits: Unpack[Traits]) -> Refinement:
    """More limits and traits than the SDK declares."""
    return lambda rule: replace(rule, limits=(*rule.limits, *limits), **traits)


def _refined(fields: Mapping[str, Property], steps: Sequence[str], refinement: Refinement) -> dict[str, Property]:
    name, *rest = steps
    rule = fields[name]
    if not rest:
        refined = refinement(rule)
    elif rule.items is not None:
        refined = replace(rule, items=replace(rule.items, fields=_refined(rule.items.fields, rest, refinement)))
    else:
        refined = replace(rule, fields=_refined(rule.fields, rest, refinement))
    return {**fields, name: refined}


def _block(declared: Mapping[str, str]) -> dict[str, Property]:
    named = {name.removesuffix("!"): (_property(kind), name.endswith("!")) for name, kind in declared.items()}
    return {name: replace(rule, required=True) if required else rule for name, (rule, required) in named.items()}


@cache
def _property(kind: str) -> Property:
    if kind in _DECLARED["types"]:
        return Property(Kind.BLOCK, fields=_block(_DECLARED["types"][kind]))
    if kind[0] in "[{":
        return Property(Kind.LIST if kind[0] == "[" else Kind.MAP, items=_property(kind[1:-1]))
    if kind[0] == "=":
        return Property(Kind.TEXT, (OneOf(tuple(kind[1:].split("|")), Evidence.DOC),))
    return Property(_SCALARS.get(kind, Kind.ANY))
