"""Which texts may correspond."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.name_mapping import NameMapping


class TestNameMapping:
    def test_maps_generated_texts_one_to_one(self) -> None:
        names = NameMapping()

        assert names.matches("topic-1a2b3c4", "topic-9z8y7x6")
        assert names.matches(["arn:topic-1a2b3c4"], ["arn:topic-9z8y7x6"])
        assert not names.matches("topic-1a2b3c4", "topic-0000000")
        assert not names.matches("topic-ffffff0", "topic-9z8y7x6")

    def test_maps_a_uuid_as_a_whole(self) -> None:
        """Parts of one UUID occur in another."""
        names = NameMapping()
        ours, others = "00000001-abcd-4abc-8abc-000000000001", "00000002-abcd-4abc-8abc-000000000002"
        theirs, its = "00000003-ffff-4fff-8fff-000000000003", "00000004-eeee-4eee-8eee-000000000004"

        assert names.matches(f"secret|{ours}", f"secret|{theirs}")
        assert names.matches(f"secret|{others}", f"secret|{its}")

    def test_maps_addresses_of_any_length(self) -> None:
        names = NameMapping()

        assert names.matches(["52.10.25.15", "ec2-52-10-25-15.example"], ["52.18.184.7", "ec2-52-18-184-7.example"])
        assert not names.matches("52.10.25.15", "52.18.184.8")

    @pytest.mark.parametrize(("ours", "theirs"), [("v1", "v2"), ("role", "roles"), (1, True), (None, ""), ("1", 1)])
    def test_maps_no_other_values(self, ours: Any, theirs: Any) -> None:
        assert not NameMapping().matches(ours, theirs)
