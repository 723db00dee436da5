"""Which changes an apply may make."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.pulumi_engine.worker.ipc import ExpectedChanges

_APP, _HUB = ("app", "create"), ("hub", "create")


class TestExpectedChanges:
    @pytest.mark.parametrize(
        ("found", "is_part", "differences"),
        [
            ({_APP, _HUB}, False, set()),
            ({_APP}, False, {_HUB}),
            ({_APP}, True, set()),
            ({_APP, ("hub", "delete")}, True, {("hub", "delete")}),
        ],
        ids=["all of them", "fewer", "fewer, as the rest is deferred", "another"],
    )
    def test_differ_from_what_was_found(
        self, found: set[tuple[str, str]], is_part: bool, differences: set[tuple[str, str]]
    ) -> None:
        expected = ExpectedChanges(frozenset({_APP, _HUB}), is_part=is_part)

        assert expected.differences(frozenset(found)) == differences
