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
stacks = some.lists(parts, min_size=4, max_size=5).map(".".join)


class TestStackSuffix:
    def test_is_six_hex_digits(self) -> None:
        assert re.fullmatch("[0-9a-f]{6}", stack_suffix(STACK, 1))

    def test_changes_with_the_generation(self) -> None:
        assert stack_suffix(STACK, 1) != stack_suffix(STACK, 2)

    def test_differs_for_a_hundred_thousand_pairs(self) -> None:
        random = Random(1)  # a fixed seed: 24 bits make one clash in 168 such runs likely

        def stack() -> str:
            return f"c{random.getrandbits(64)}.aws.qa.us-east-1"

        assert not any(stack_suffix(stack(), 1) == stack_suffix(stack(), 1) for _ in range(100_000))

    def test_differs_if_parts_are_divided_differently(self) -> None:
        assert stack_suffix("a-b.c.d.e", 1) != stack_suffix("a.b-c.d.e", 1)
        assert stack_suffix("1:a.b.c.d", 1) != stack_suffix("a.b.c.d", 11)


class TestPhysicalName:
    def test_reads_as_component_environment_and_purpose(self) -> None:
        name = physical_name(STACK, 1, "database_url", limit=64)

        assert name == f"semantest-rest-api-stg-database-url-{stack_suffix(STACK, 1)}"

    def test_begins_with_the_project(self) -> None:
        name = physical_name(f"shop.{STACK}", 1, limit=64)

        assert name == f"shop-rest-api-stg-{stack_suffix(f'shop.{STACK}', 1)}"
        assert stack_suffix(f"shop.{STACK}", 1) != stack_suffix(STACK, 1)

    def test_of_the_default_project_never_changes(self) -> None:
        assert physical_name(STACK, 1, limit=64) == "semantest-rest-api-stg-3c671b"

    def test_is_the_same_each_time(self) -> None:
        assert physical_name(STACK, 3, limit=64) == physical_name(STACK, 3, limit=64)

    def test_differs_for_purposes_with_the_same_beginning(self) -> None:
        names = {physical_name(STACK, 1, f"alarm-{kind}", limit=24) for kind in ("errors", "latency", "throttles")}

        assert len(names) == 3

    def test_differs_by_account(self) -> None:
        names = {
            physical_name(STACK, 1, limit=limit, account=account) for limit in (64, 24) for account in ("", "a", "b")
        }

        assert len(names) == 6

    def test_refuses_a_limit_that_is_too_small(self) -> None:
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


class TestStackTags:
    def test_name_stack_and_generation(self) -> None:
        assert stack_tags(STACK, 2) == {
            "Application": "Semantest",
            "Component": "rest-api",
            "Environment": "staging",
            "Generation": "2",
            "ManagedBy": "Pulumi",
            "Project": "Semantest",
            "Stack": STACK,
        }

    def test_name_another_project(self) -> None:
        tags = stack_tags(f"shop.{STACK}", 1)

        assert (tags["Project"], tags["Component"], tags["Stack"]) == ("shop", "rest-api", f"shop.{STACK}")
