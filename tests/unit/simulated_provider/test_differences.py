"""Differences in the engine's form."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2

from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_provider.wire import to_diff_response

_DIFF = ResourceDiff(
    changed=("path", "tags"),
    detailed={"path": "update-replace", "tags.a": "add", 'tags["b.c"]': "delete"},
    replaces=("path",),
    delete_before_replace=True,
)
_KIND = provider_pb2.PropertyDiff


class TestTold:
    def test_names_properties_and_paths(self) -> None:
        answer = to_diff_response(_DIFF, [])

        assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        assert (list(answer.diffs), list(answer.replaces)) == (["path", "tags"], ["path"])
        kinds = {path: diff.kind for path, diff in answer.detailedDiff.items()}
        assert kinds == {"path": _KIND.UPDATE_REPLACE, "tags.a": _KIND.ADD, 'tags["b.c"]': _KIND.DELETE}

    def test_says_which_goes_first(self) -> None:
        assert to_diff_response(_DIFF, []).deleteBeforeReplace

    def test_is_none_without_changes(self) -> None:
        answer = to_diff_response(ResourceDiff(), [])

        assert (answer.changes, answer.hasDetailedDiff) == (provider_pb2.DiffResponse.DIFF_NONE, True)

    @pytest.mark.parametrize(
        ("ignored", "left"),
        [
            (["path"], ["tags"]),
            (["tags"], ["path"]),
            (["tags.a"], ["path", "tags"]),
            (["tags.a", 'tags["b.c"]'], ["path"]),
            (["tags.*"], ["path"]),
            (["tags[*]"], ["path"]),
            (["tags.a.deeper"], ["path", "tags"]),
            (["*"], []),
        ],
        ids=str,
    )
    def test_leaves_out_what_is_ignored(self, ignored: list[str], left: list[str]) -> None:
        assert list(to_diff_response(_DIFF, ignored).diffs) == left

    def test_replaces_nothing_when_the_reason_is_ignored(self) -> None:
        answer = to_diff_response(_DIFF, ["path"])

        assert (list(answer.replaces), answer.deleteBeforeReplace) == ([], False)
