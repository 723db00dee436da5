"""Every simulated type of both clouds as a kind: its sample with all that it needs, and values that its rules allow.

The samples are those of the unit tests, the values come from the generated schemas: types that are added are drawn
without anything here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from string import Formatter
from typing import Any

import pulumi

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES, simulated_aws
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES, simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.properties import ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice, TypeRule
from tests.differential.kinds import Kind, ResourceContext
from tests.unit.simulated_cloud.azure.samples import SAMPLES as AZURE_SAMPLES
from tests.unit.simulated_cloud.conftest import SAMPLES as AWS_SAMPLES

World = dict[str, CreatedResource]
Sample = Callable[[World], dict[str, Any]]

TYPES: Mapping[str, TypeRule] = {**AWS_TYPES, **AZURE_TYPES}
_SAMPLES: Mapping[str, Sample] = {**AWS_SAMPLES, **AZURE_SAMPLES}
_NEEDED_BESIDES: Mapping[str, tuple[str, ...]] = {
    "aws:apigateway/account:Account": ("aws:iam/rolePolicyAttachment:RolePolicyAttachment",),
    "aws:lambda/function:Function": ("aws:iam/rolePolicy:RolePolicy",),
    "aws:lambda/permission:Permission": ("aws:lambda/alias:Alias",),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": ("aws:lambda/alias:Alias",),
}
"""What the cloud looks at before it creates a type, although no input of the sample names it."""


@dataclass(frozen=True)
class TypeSample:
    """A type's sample inputs: `constant` ones are the same wherever it is, `referring` ones refer to others.

    `named` are those of the constant ones that are the name of another type's sample.
    """

    constant: Mapping[str, Any]
    named: Mapping[str, str]
    referring: tuple[str, ...]
    asked: tuple[str, ...]
    needed: tuple[str, ...]
    outputs: tuple[str, ...]


@cache
def find_samples() -> Mapping[str, TypeSample]:
    """Return the sample of each type, in an order in which they can be created."""
    inventory, found = Inventory(":memory:"), {}
    clouds = {"aws": simulated_aws(inventory, region="us-east-1")}
    clouds["azure-native"] = simulated_azure(inventory, region="westeurope")
    world: World = {}
    names: dict[tuple[str, str], str] = {}
    for type_, sample in _SAMPLES.items():
        asked: dict[str, None] = {}
        inputs, elsewhere = sample(_Tracked(world, asked)), sample(_Tracked(world, asked, "x"))
        named = {name: owner for name, value in inputs.items() if (owner := names.get((name, str(value))))}
        needed = asked | dict.fromkeys([*named.values(), *_NEEDED_BESIDES.get(type_, ())])
        name_input = TYPES[type_].name_input
        if name_input in inputs and name_input != "name":
            names.setdefault((name_input, inputs[name_input]), type_)
        world[type_] = clouds[type_.partition(":")[0]].create(type_, inputs, owner=f"urn:{type_}")
        found[type_] = TypeSample(
            {name: value for name, value in inputs.items() if value == elsewhere[name]},
            {name: owner for name, owner in named.items() if inputs[name] == elsewhere[name]},
            tuple(name for name, value in inputs.items() if value != elsewhere[name]),
            tuple(asked),
            tuple(needed),
            tuple(name for name in world[type_].outputs if name not in ("id", "urn")),
        )
    return found


class _Tracked(World):
    """Remembers which types a sample asks for; with a mark, every text of theirs is another one."""

    def __init__(self, world: World, asked: dict[str, None], mark: str = "") -> None:
        super().__init__(world)
        self._asked = asked
        self._mark = mark

    def __getitem__(self, type_: str) -> CreatedResource:
        self._asked[type_] = None
        made = super().__getitem__(type_)
        return CreatedResource(f"{made.id}{self._mark}", _mark_texts(made.outputs, self._mark))


def _mark_texts(value: Any, mark: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _mark_texts(item, mark) for name, item in value.items()}
    if isinstance(value, list):
        return [_mark_texts(item, mark) for item in value]
    return f"{value}{mark}" if isinstance(value, str) else value


def _make_type(type_: str, context: ResourceContext) -> Any:
    """Register the type with everything that its sample needs, under names that no other program has."""
    made: dict[str, pulumi.CustomResource] = {}
    for number, each in enumerate([*_list_needed(type_), type_]):
        is_last = each == type_
        name = context.name if is_last else f"{context.name}-{number}"
        values = dict(context.spec.values) if is_last else {}
        inputs = _build_inputs(each, made, context) | {key: json.loads(value) for key, value in values.items()}
        waited = pulumi.ResourceOptions(depends_on=[made[it] for it in find_samples()[each].needed])
        options = context.options if is_last else pulumi.ResourceOptions(parent=context.options.parent)
        made[each] = _Untyped(each, name, inputs, pulumi.ResourceOptions.merge(waited, options))
    return made[type_]


def _list_needed(type_: str) -> list[str]:
    needed: dict[str, None] = {}
    for each in find_samples()[type_].needed:
        needed |= dict.fromkeys([*_list_needed(each), each])
    return [*needed]


class _Untyped(pulumi.CustomResource):
    """A resource whose inputs are a plain mapping, with every output that the type is known to have."""

    def __init__(self, type_: str, name: str, inputs: Mapping[str, Any], options: pulumi.ResourceOptions) -> None:
        outputs = dict.fromkeys(find_samples()[type_].outputs)
        super().__init__(type_, name, {**outputs, **inputs}, options)


def _build_inputs(type_: str, made: Mapping[str, pulumi.CustomResource], context: ResourceContext) -> dict[str, Any]:
    sample, rule = find_samples()[type_], TYPES[type_]
    inputs = {name: _to_input(rule, name, value, context) for name, value in sample.constant.items()}
    if name := inputs.get(rule.name_input):
        inputs[rule.name_input] = _make_own(rule, name, context)
    for name, owner in sample.named.items():
        inputs[name] = _make_own(TYPES[owner], sample.constant[name], context)
    if sample.referring:
        known = pulumi.Output.all(**{each: _read_outputs(each, made[each]) for each in sample.asked})
        for name in sample.referring:
            inputs[name] = known.apply(partial(_compute_input, type_, name))
    return inputs


def _has_fixed_name(type_: str) -> bool:
    """Whether a resource of the sample takes a name in the account that no program can have as its own."""
    rule, sample = TYPES[type_], find_samples()[type_]
    fixed = sample.constant.keys() - {rule.name_input, *sample.named}
    named_by = [{name for _, name, _, _ in Formatter().parse(it.handle) if name} for it in rule.unique]
    return any(names and names <= fixed for names in named_by)


@cache
def find_single_types() -> frozenset[str]:
    """Return the types of which a stack can have one program: two would write the same, or need the same."""
    fixed = {"aws:apigateway/account:Account", *filter(_has_fixed_name, TYPES)}  # of the first, an account has one
    return frozenset(it for it in TYPES if fixed & {it, *_list_needed(it)})


def _to_input(rule: TypeRule, name: str, value: Any, context: ResourceContext) -> Any:
    known = rule.properties.get(name)
    if known and known.kind is ValueKind.ARCHIVE:
        return pulumi.FileArchive(str(context.packages / f"v{context.spec.label}.zip"))
    return value


def _make_own(rule: TypeRule, name: str, context: ResourceContext) -> str:
    """Return the name with the spec's own behind it, in the first spelling that the rules allow."""
    own = context.own_name
    limits = rule.properties[rule.name_input].limits
    spellings = (f"{name}-{own}", f"{name}{own.replace('-', '')}", f"{name[:8]}{own.replace('-', '')}")
    return next((it for it in spellings if not any(limit.violation(it) for limit in limits)), name)


def _read_outputs(type_: str, resource: pulumi.CustomResource) -> pulumi.Output[CreatedResource]:
    names = find_samples()[type_].outputs
    values = {name: getattr(resource, name) for name in names}
    return pulumi.Output.all(_id=resource.id, **values).apply(
        lambda known: CreatedResource(known["_id"], {name: known[name] for name in names} | {"id": known["_id"]})
    )


def _compute_input(type_: str, name: str, world: World) -> Any:
    return _SAMPLES[type_](world)[name]


def list_changeable(type_: str) -> Iterator[str]:
    """Yield the properties whose values can be drawn: neither names nor references, nor what the place decides."""
    rule, sample = TYPES[type_], find_samples()[type_]
    tied = {rule.name_input, "region", "location", *sample.referring, *rule.unique_within}
    tied |= {*sample.named, *(name for it in rule.conditions if isinstance(it, Choice) for name in it.names)}
    tied |= {reference.path.partition(".")[0] for reference in rule.references}
    for name, known in rule.properties.items():
        if name not in tied and known.kind is not ValueKind.ARCHIVE:
            yield name


KINDS: Mapping[str, Kind] = {type_: Kind(partial(_make_type, type_), urn_type=type_) for type_ in _SAMPLES}
