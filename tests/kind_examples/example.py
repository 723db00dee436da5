"""What a row of the table of examples says.

An example is a small part of a blueprint: one resource of the kind, what it needs, and the same resource with another
setting. Everything in tests/contract/kinds runs over it, on every cloud. A row takes about ten lines:

    KindExample(
        resource=MessageQueue(name=Ref("orders"), retention_days=4),
        changed=MessageQueue(name=Ref("orders"), retention_days=7),
        change=("update",),
        outputs=("id", "name"),
    ),

It stands in the module of its layer, whose tuple `registry.py` adds up; a kind of RESOURCE_KINDS without a row fails
there. `needs` are whole resources: take those of `shared.py`, or the `resource` of another row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class KindExample:
    """One resource of a kind, and what is expected of it on every cloud.

    `change` are the operations on the physical resources of the kind itself when `changed` takes its place, `changes`
    those of a cloud where they differ. `outputs` are attributes that every cloud gives to others. Where two examples
    are of one kind, a `label` tells them apart. `unpriced` are the clouds whose price list says nothing of the kind.
    """

    resource: Resource
    changed: Resource
    change: tuple[str, ...]
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: tuple[Resource, ...] = ()
    outputs: tuple[str, ...] = ()
    label: str = ""
    unpriced: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind.__name__, self.label)))

    @property
    def kind(self) -> type[Resource]:
        return type(self.resource)

    def expected_change(self, provider: str) -> set[str]:
        """Return the operations on the kind's own physical resources."""
        return set(self.changes.get(provider, self.change))

    def blueprint(self, stack: Stack) -> Blueprint:
        """Return the resource with all that it needs."""
        outputs = {name: (self.resource.name, name) for name in self.outputs}
        return Blueprint(stack, 1, (*self.needs, self.resource), outputs)

    def changed_blueprint(self, stack: Stack) -> Blueprint:
        """Return the blueprint with the other setting."""
        blueprint = self.blueprint(stack)
        return replace(blueprint, resources=(*self.needs, self.changed))


def find_unmet_needs(example: KindExample) -> Iterator[str]:
    """Yield the references of an example to what is no part of it."""
    known = {it.name for it in example.needs}
    for resource in (*example.needs, example.resource, example.changed):
        yield from (need for need in resource.needs() if need not in known)
