"""What a child is told to keep to."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.pulumi_engine.worker.ipc import ExpectedChanges

_APP, _HUB = ("app", "create"), ("hub", "create")


class TestShown:
    @pytest.mark.parametrize(
        ("found", "is_part", "unlike"),
        [
            ({_APP, _HUB}, False, set()),
            ({_APP}, False, {_HUB}),
            ({_APP}, True, set()),
            ({_APP, ("hub", "delete")}, True, {("hub", "delete")}),
        ],
        ids=["all of it", "less", "less where the rest comes later", "something else"],
    )
    def test_is_all_that_may_be_done(
        self, found: set[tuple[str, str]], is_part: bool, unlike: set[tuple[str, str]]
    ) -> None:
        shown = ExpectedChanges(frozenset({_APP, _HUB}), is_part=is_part)

        assert shown.unlike(frozenset(found)) == unlike
