from __future__ import annotations

import pytest

from semantest_iac.infrastructure.sandbox_engine.state.aliases import Alias, current_and_former_urns, with_current_urns
from tests.unit.sandbox_engine.builders import TOPIC, a_state, a_urn

_GROUP = "my:kind:Group"
_PARENT = a_urn("group", type_=_GROUP)


class TestFormerUrns:
    @pytest.mark.parametrize(
        ("alias", "former"),
        [
            (Alias(urn="urn:pulumi:s::p::any::thing"), "urn:pulumi:s::p::any::thing"),
            (Alias(name="b"), a_urn("b", _PARENT)),
            (Alias(type="aws:sns/other:Other"), a_urn("a", _PARENT, "aws:sns/other:Other")),
            (Alias(no_parent=True), a_urn("a")),
            (Alias(parent=a_urn("other", type_="my:kind:Other")), a_urn("a", a_urn("other", type_="my:kind:Other"))),
            (Alias(stack="t", project="q"), f"urn:pulumi:t::q::{_GROUP}${TOPIC}::a"),
        ],
        ids=["urn", "name", "type", "no parent", "parent", "stack and project"],
    )
    def test_contain_the_parts_that_differed(self, alias: Alias, former: str) -> None:
        resource = a_state("a", parent=_PARENT)

        assert current_and_former_urns(resource, [alias], {}) == [resource.urn, former]

    def test_follow_a_renamed_parent(self) -> None:
        before = a_urn("old", type_="my:kind:Former")
        resource = a_state("group-topic", parent=_PARENT)

        former = current_and_former_urns(resource, [Alias(name="b")], {_PARENT: before})

        assert former == [resource.urn, a_urn("b", _PARENT), a_urn("old-topic", before), a_urn("b", before)]


class TestWithCurrentUrns:
    def test_replaces_every_reference(self) -> None:
        provider = a_state("new-p", type="pulumi:providers:aws", aliases=(a_urn("p", type_="pulumi:providers:aws"),))
        topic = a_state("new", aliases=(a_urn("old"),))
        user = a_state(
            "user",
            dependencies=(a_urn("old"),),
            property_dependencies={"topic": (a_urn("old"),)},
            provider=f"{a_urn('p', type_='pulumi:providers:aws')}::id",
        )

        *_, rewritten = with_current_urns([provider, topic, user])

        assert rewritten.dependencies == (topic.urn,)
        assert rewritten.property_dependencies == {"topic": (topic.urn,)}
        assert rewritten.provider == f"{provider.urn}::id"

    def test_renames_the_children_of_a_renamed_resource(self) -> None:
        group = a_state("new", type=_GROUP, custom=False, id="", aliases=(a_urn("old", type_="my:kind:Former"),))
        child = a_state("child", parent=a_urn("old", type_="my:kind:Former"))
        grandchild = a_state("grandchild", parent=child.urn)

        renamed = list(with_current_urns([group, child, grandchild]))

        assert [state.parent for state in renamed] == ["", group.urn, renamed[1].urn]
        assert renamed[2].urn == a_urn("grandchild", a_urn("child", group.urn))
        assert {state.aliases for state in renamed} == {()}
