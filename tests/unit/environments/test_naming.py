from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from semantest_iac.domain.environments.physical_names import (
    SHORTEST_NAME_LIMIT,
    physical_name,
    stack_suffix,
    stack_tags,
)

STACK = "rest-api.aws.staging.us-east-1"
PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

parts = some.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
stacks = some.tuples(parts, parts, parts, parts).map(".".join)


class TestSuffix:
    def test_is_six_hex_digits(self) -> None:
        assert re.fullmatch("[0-9a-f]{6}", stack_suffix(STACK, 1))

    def test_changes_with_the_generation(self) -> None:
        assert stack_suffix(STACK, 1) != stack_suffix(STACK, 2)

    def test_tells_a_hundred_thousand_pairs_apart(self) -> None:
        random = Random(1)  # a fixed seed: 24 bits make one clash in 168 such runs likely

        def stack() -> str:
            return f"c{random.getrandbits(64)}.aws.qa.us-east-1"

        assert not any(stack_suffix(stack(), 1) == stack_suffix(stack(), 1) for _ in range(100_000))

    def test_keeps_the_joint_between_parts_apart(self) -> None:
        assert stack_suffix("a-b.c.d.e", 1) != stack_suffix("a.b-c.d.e", 1)
        assert stack_suffix("1:a.b.c.d", 1) != stack_suffix("a.b.c.d", 11)


class TestPhysicalName:
    def test_reads_as_component_environment_and_purpose(self) -> None:
        name = physical_name(STACK, 1, "database_url", limit=64)

        assert name == f"semantest-rest-api-stg-database-url-{stack_suffix(STACK, 1)}"

    def test_is_the_same_for_every_try(self) -> None:
        assert physical_name(STACK, 3, limit=64) == physical_name(STACK, 3, limit=64)

    def test_keeps_purposes_apart_that_the_limit_makes_alike(self) -> None:
        names = {physical_name(STACK, 1, f"alarm-{kind}", limit=24) for kind in ("errors", "latency", "throttles")}

        assert len(names) == 3

    def test_is_another_in_every_account_where_the_account_counts(self) -> None:
        names = {
            physical_name(STACK, 1, limit=limit, account=account) for limit in (64, 24) for account in ("", "a", "b")
        }

        assert len(names) == 6

    def test_refuses_a_limit_without_room(self) -> None:
        with pytest.raises(ValueError, match="no name fits"):
            physical_name(STACK, 1, limit=SHORTEST_NAME_LIMIT - 1)

    @given(stacks, some.integers(0, 10**9), parts | some.just(""), some.integers(SHORTEST_NAME_LIMIT, 80))
    def test_is_a_well_formed_name_within_every_limit(
        self, stack: str, generation: int, purpose: str, limit: int
    ) -> None:
        name = physical_name(stack, generation, purpose, limit=limit)

        assert len(name) <= limit
        assert PART.fullmatch(name)
        assert re.fullmatch("[0-9a-f]{6}", name.rpartition("-")[2])


class TestTags:
    def test_say_what_the_resource_belongs_to(self) -> None:
        assert stack_tags(STACK, 2) == {
            "Application": "Semantest",
            "Component": "rest-api",
            "Environment": "staging",
            "Generation": "2",
            "ManagedBy": "Pulumi",
            "Project": "Semantest",
            "Stack": STACK,
        }
