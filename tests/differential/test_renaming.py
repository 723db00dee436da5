"""Which texts may stand for which."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.renaming import Renaming


class TestRenaming:
    def test_takes_generated_texts_one_for_one(self) -> None:
        renaming = Renaming()

        assert renaming.agree("topic-1a2b3c4", "topic-9z8y7x6")
        assert renaming.agree(["arn:topic-1a2b3c4"], ["arn:topic-9z8y7x6"])
        assert not renaming.agree("topic-1a2b3c4", "topic-0000000")
        assert not renaming.agree("topic-ffffff0", "topic-9z8y7x6")

    def test_takes_a_uuid_as_a_whole(self) -> None:
        """Four digits of one are soon found in another."""
        renaming = Renaming()
        ours, others = "00000001-abcd-4abc-8abc-000000000001", "00000002-abcd-4abc-8abc-000000000002"
        theirs, its = "00000003-ffff-4fff-8fff-000000000003", "00000004-eeee-4eee-8eee-000000000004"

        assert renaming.agree(f"secret|{ours}", f"secret|{theirs}")
        assert renaming.agree(f"secret|{others}", f"secret|{its}")

    @pytest.mark.parametrize(("ours", "theirs"), [("v1", "v2"), ("role", "roles"), (1, True), (None, ""), ("1", 1)])
    def test_takes_nothing_else(self, ours: Any, theirs: Any) -> None:
        assert not Renaming().agree(ours, theirs)
