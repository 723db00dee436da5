"""Every neutral kind on every cloud, from its first plan to its end: what any kind must do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.costs.estimates import DEFAULT_USAGE
from semantest_iac.domain.environments.physical_names import stack_tags
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.ports.price_lists import PriceList
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.permissions import aws_policies, azure_roles
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from semantest_iac_events.values import ChangeCounts
from tests.contract.kinds.conftest import FindLife
from tests.contract.kinds.lives import KindLife, live_through
from tests.contract.kinds.pairs import SUPPORTED_PAIRS, UNSUPPORTED_PAIRS
from tests.contract.kinds.reversible_types import REVERSIBLE_TYPES
from tests.kind_examples.example import KindExample, find_unmet_needs
from tests.kind_examples.registry import EXAMPLES, find_kinds_without_example

_TYPES = {**AWS_TYPES, **AZURE_TYPES}
_LIST_PERMISSIONS: Mapping[str, Callable[[DeployedResource], Sequence[str]]] = {
    "aws": lambda resource: aws_policies.list_actions(resource.type),
    "azure": azure_roles.list_role_operations,
}
_OTHER_TAGS = {
    "aws:s3/bucketObjectv2:BucketObjectv2",  # takes ten at most; its bucket has those of the stack
    "azure-native:apimanagement:NamedValue",
    "azure-native:operationalinsights:SavedSearch",
}  # words of their own service under the name of tags


@pytest.fixture
def life(example: KindExample, provider: str, find_life: FindLife) -> KindLife:
    return find_life(example, provider)


class TestTable:
    def test_has_every_kind(self) -> None:
        assert list(find_kinds_without_example()) == []

    def test_tells_examples_apart(self) -> None:
        assert len({str(example) for example in EXAMPLES}) == len(EXAMPLES)

    @pytest.mark.parametrize("example", EXAMPLES, ids=str)
    def test_has_whole_rows(self, example: KindExample) -> None:
        assert list(find_unmet_needs(example)) == []
        assert (type(example.changed), example.changed.name) == (example.kind, example.resource.name)


@pytest.mark.parametrize(("example", "provider"), UNSUPPORTED_PAIRS)
def test_kind_without_program_is_refused_by_name(example: KindExample, provider: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as refusal:
        asyncio.run(live_through(example, provider, tmp_path))

    assert example.kind.__name__ in str(refusal.value.faults)


@pytest.mark.parametrize(("example", "provider"), SUPPORTED_PAIRS)
class TestLife:
    def test_begins_as_planned(self, life: KindLife) -> None:
        assert life.created.changes == life.planned.changes
        assert life.created.changes == ChangeCounts(create=life.created.changes.create)

    def test_gives_the_outputs_that_the_row_names(self, life: KindLife) -> None:
        assert [name for name in life.example.outputs if not life.created.outputs.get(name)] == []

    def test_changes_nothing_when_nothing_changed(self, life: KindLife) -> None:
        assert (life.again.mutations, life.again.drift) == ((), ())

    def test_changes_as_the_row_says(self, life: KindLife) -> None:
        assert life.own_change == life.example.expected_change(life.stack.provider)
        assert life.changed.changes == life.change.changes
        assert life.after_change.mutations == ()

    def test_leaves_nothing_but_what_the_plan_says(self, life: KindLife) -> None:
        assert life.removed == life.removal.changes
        assert len(life.left) == life.removed.keep

    def test_ends_with_dependents_first(self, life: KindLife) -> None:
        places = {urn: place for place, urn in enumerate(life.deleted)}
        wrong = [
            (urn, needed)
            for urn, needed in _list_dependencies(life)
            if urn in places and needed in places and places[urn] > places[needed]
        ]
        assert wrong == []


@pytest.mark.parametrize(("example", "provider"), SUPPORTED_PAIRS)
class TestResources:
    def test_are_of_simulated_types_without_other_properties(self, life: KindLife) -> None:
        unknown = {it.type: sorted(it.inputs.keys() - _TYPES[it.type].properties.keys()) for it in life.resources}
        assert {type_: names for type_, names in unknown.items() if names} == {}

    def test_depend_on_what_they_name(self, life: KindLife) -> None:
        """An engine that works on several resources at once knows the order by the dependencies only."""
        dependencies = _close(life)
        ids = dict(_list_chosen_ids(life))
        unordered = [
            (it["urn"], ids[named])
            for it in life.states
            for named in set(_list_texts(it.get("inputs", {}))) & ids.keys()
            if ids[named] not in {it["urn"], *dependencies[it["urn"]]}
        ]
        assert unordered == []

    def test_have_the_tags_of_the_stack_where_they_can(self, life: KindLife) -> None:
        expected = stack_tags(str(life.stack), 1).items()
        taggable = [it for it in life.resources if "tags" in _TYPES[it.type].properties and it.type not in _OTHER_TAGS]
        assert [it.name for it in taggable if not (it.inputs.get("tags") or {}).items() >= expected] == []

    def test_fit_into_a_stack_with_a_long_name(self, life: KindLife) -> None:
        assert life.long_named.changes == life.planned.changes

    def test_have_permissions(self, life: KindLife) -> None:
        list_permissions = _LIST_PERMISSIONS[life.stack.provider]
        assert [it.type for it in life.resources if not list_permissions(it)] == []

    def test_come_back_as_they_were_or_say_how_not(self, life: KindLife) -> None:
        cloud = find_cloud(life.stack.provider)
        types = {it.type for it in life.resources}
        assert sorted(types - {*cloud.stateful} - cloud.lossy.keys() - REVERSIBLE_TYPES) == []

    def test_have_a_price_or_say_that_it_is_unknown(self, life: KindLife) -> None:
        provider, name = life.stack.provider, life.example.resource.name
        prices: PriceList = CLOUDS[provider].load_part(CLOUDS[provider].prices)
        blueprint = find_cloud(provider).adapt(life.example.blueprint(life.stack))
        unknown = {it.resource for it in prices.list_items(blueprint, DEFAULT_USAGE) if it.price is None}
        assert (name in unknown) is (provider in life.example.unpriced)


def _list_dependencies(life: KindLife) -> Iterator[tuple[str, str]]:
    for state in life.states:
        yield from ((state["urn"], needed) for needed in state.get("dependencies", ()))


def _close(life: KindLife) -> Mapping[str, set[str]]:
    """Return everything that each resource waits for, also by way of others; states come after what they need."""
    closed: dict[str, set[str]] = {}
    for state in life.states:
        direct = {*state.get("dependencies", ()), *filter(None, [state.get("parent")])}
        closed[state["urn"]] = direct.union(*(closed.get(urn, set()) for urn in direct))
    return closed


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _list_texts(item)
    elif isinstance(value, str):
        yield value


def _list_chosen_ids(life: KindLife) -> Iterator[tuple[str, str]]:
    """Yield the ids and ARNs that the cloud chose, which no other resource has, each with the resource's URN."""
    for state in life.states:
        for text in (state.get("id"), state.get("outputs", {}).get("arn")):
            if text and text not in _list_texts(state.get("inputs", {})):
                yield text, state["urn"]
