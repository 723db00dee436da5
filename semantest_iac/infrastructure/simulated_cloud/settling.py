"""Carries one create, update or delete into the books, inside the transaction that its placement stands in."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.infrastructure.simulated_cloud import naming, results
from semantest_iac.infrastructure.simulated_cloud.identifiers import tokens
from semantest_iac.infrastructure.simulated_cloud.inventory import Address, Row
from semantest_iac.infrastructure.simulated_cloud.placement import Placement
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal, Created
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule, told
from semantest_iac.infrastructure.simulated_cloud.sealing import sealed
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties


def create(placement: Placement, type_: str, inputs: Properties, owner: str) -> Created:
    """Make a resource, or change the one that it means where the cloud lets a create do so."""
    rule = placement.types[type_]
    seed = _seed(placement, type_, owner)
    asked = results.asked(rule, inputs)
    asked |= naming.from_prefix(rule, asked, seed)
    facts = Facts(placement.facts | asked)
    links, warnings = placement.related(rule, asked, facts)
    warnings += placement.guard(rule, facts, None)
    taken = placement.claim(type_, facts)
    if taken and (before := placement.books.row(taken)):
        seed = before.seed
    facts.update(tokens(seed), revision=1)
    outputs = results.in_full(rule, asked, facts)
    id_ = str(told(rule.identity, facts))
    row = Row(_address(placement, type_, facts, id_), id_, owner, seed, 1, dict(asked), outputs)
    placement.books.put(_sealed(placement, rule, row), placement.handles(rule, facts), links)
    placement.clock.advance(_seconds(rule, facts))
    return Created(id_, outputs, tuple(warnings))


def update(placement: Placement, row: Row, inputs: Properties) -> dict[str, object]:
    """Change a resource in place and give its outputs."""
    rule = placement.types[row.address.type]
    asked = results.asked(rule, inputs)
    facts = Facts({rule.name: row.outputs.get(rule.name)} | placement.facts | asked)
    links, _ = placement.related(rule, asked, facts)
    placement.guard(rule, facts, row.address)
    placement.claim(row.address.type, facts, row.address)
    anew = results.renewed(rule, row.outputs | row.inputs, sealed(rule, asked, placement.seal_key))
    revision = row.revision + bool(anew)
    facts.update(tokens(row.seed), revision=revision)
    outputs = results.after_update(rule, row.outputs, asked, anew, facts)
    changed = replace(row, revision=revision, inputs=dict(asked), outputs=outputs)
    placement.books.put(_sealed(placement, rule, changed), placement.handles(rule, facts), links)
    placement.clock.advance(_seconds(rule, facts))
    return outputs


def delete(placement: Placement, row: Row) -> None:
    """Remove a resource, unless its provider leaves it alone or its cloud protects it."""
    rule = placement.types[row.address.type]
    if rule.kept_by and row.outputs.get(rule.kept_by):
        return
    if rule.protected_by and row.outputs.get(rule.protected_by[0]):
        raise rule.protected_by[1].about(Facts(row.outputs, id=row.id))
    placement.withdraw(row)


def publish(placement: Placement, row: Row, digest: str) -> None:
    """Note the code that a resource runs from now on, unless something about the resource forbids it."""
    rule = placement.types[row.address.type]
    if rule.takes_code is None:
        raise CloudRefusal("CodeNotTaken", f"The resource {row.id} does not take published code.")
    facts = Facts(placement.facts | row.outputs, id=row.id)
    placement.guard(replace(rule, guards=rule.takes_code), facts, row.address)
    placement.books.publish(row.address, digest)
    placement.clock.advance(_seconds(rule, facts))


def _seconds(rule: TypeRule, facts: Facts) -> float:
    return rule.latency(facts) if callable(rule.latency) else rule.latency


def _seed(placement: Placement, type_: str, owner: str) -> str:
    region = placement.region_of(type_)
    births = placement.books.births(placement.account, region, type_, owner)
    return "|".join((placement.account, region, type_, owner, str(births)))


def _address(placement: Placement, type_: str, facts: Facts, id_: str) -> Address:
    parents = (str(facts[name]) for name in placement.types[type_].within)
    return Address(placement.account, placement.region_of(type_), type_, "/".join((*parents, id_)))


def _sealed(placement: Placement, rule: TypeRule, row: Row) -> Row:
    inputs, outputs = (sealed(rule, values, placement.seal_key) for values in (row.inputs, row.outputs))
    return replace(row, inputs=inputs, outputs=outputs)
