"""Plans as text: values on one line, within the width, and nothing hidden in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, CodeChange, PlannedChange
from semantest_iac.domain.deployment.property_changes import COMPUTED_TEXT, ChangeSource, PropertyChange
from semantest_iac.presentation.cli.text.plans import format_counts, format_plan, shorten_middle, show_value
from semantest_iac_events.values import ChangeCounts

_SAME = PlannedChange("a", "aws:sns/topic:Topic", "alerts", "same")
_UPDATE = PlannedChange("b", "aws:lambda/function:Function", "function", "update")
_LOSS = PlannedChange("c", "aws:cloudwatch/logGroup:LogGroup", "logs", "delete", loses="its log records")
_KEPT = PlannedChange("d", "aws:iam/role:Role", "logging", "keep")
_NETWORK = ChangeSource("net", "update")
_OLD, _NEW = "1a2b3c" + 58 * "0", "4d5e6f" + 58 * "1"


def _lines(*changes: PropertyChange, width: int = 120) -> list[str]:
    """The lines of the properties of one updated resource."""
    return list(format_plan(ChangePlan((replace(_UPDATE, properties=changes),)), width))[2:]


class TestPlan:
    def test_lists_what_changes_and_what_is_lost(self) -> None:
        properties = (PropertyChange("memorySize", 512, 2048), PropertyChange("timeout", 3, 10))

        assert list(format_plan(ChangePlan((_SAME, replace(_UPDATE, properties=properties), _LOSS)))) == [
            "Plan: 1 to update, 1 to delete",
            "  ~ update  lambda.Function      function",
            "      memorySize: 512 → 2048",
            "      timeout: 3 → 10",
            "  - delete  cloudwatch.LogGroup  logs      cannot be undone: loses its log records",
            "Applying this plan loses data that cannot be restored: logs.",
        ]

    def test_names_what_is_lost_once(self) -> None:
        """Resources of one kind, such as a server and its database, may share a name."""
        [*_, lost] = format_plan(ChangePlan((_LOSS, replace(_LOSS, urn=f"{_LOSS.urn}-2"))))

        assert lost == "Applying this plan loses data that cannot be restored: logs."

    def test_marks_resources_that_are_kept(self) -> None:
        assert list(format_plan(ChangePlan((_KEPT,)))) == [
            "Plan: 1 to keep",
            "  = keep  iam.Role  logging  stays in the cloud: other stacks may rely on it",
        ]

    def test_says_which_data_is_kept(self) -> None:
        kept = PlannedChange("d", "aws:cloudwatch/logGroup:LogGroup", "logs", "keep", keeps="its log records")

        assert list(format_plan(ChangePlan((kept,))))[1:] == [
            "  = keep  cloudwatch.LogGroup  logs  stays in the cloud with its log records",
        ]

    def test_says_that_only_code_is_published(self) -> None:
        plan = ChangePlan((_SAME,), lacks_code=True, published_code=CodeChange(_OLD, _NEW))

        assert list(format_plan(plan)) == [
            "Plan: no changes (1 unchanged)",
            "  code: 1a2b3c → 4d5e6f",
            "The code package will be published.",
        ]

    def test_shows_code_that_is_a_property_once(self) -> None:
        code = PropertyChange("code", _OLD, _NEW, is_package=True)
        again = PropertyChange("sourceCodeHash", "Gis8", "TV5vERERERERERERERERERERERERERERERERERERERE=")

        assert _lines(code, again) == ["      code: 1a2b3c → 4d5e6f"]

    def test_of_very_many_properties_is_cut(self) -> None:
        lines = _lines(*(PropertyChange(f"tags.t{number}", None, "x") for number in range(100)))

        assert (len(lines), lines[-1]) == (41, "      … and 60 more; --json shows all")


class TestProperty:
    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (PropertyChange("name", "a", "b", replaces=True), "      name: a → b (forces replacement)"),
            (PropertyChange("tags.team", None, "core"), "    + tags.team: core"),
            (PropertyChange("tags.team", "core", None), "    - tags.team: core"),
            (PropertyChange("vpcId", "v-1", "v-2", sources=(_NETWORK,)), "      vpcId: v-1 → v-2 (from net)"),
            (PropertyChange("arn", "x", COMPUTED_TEXT, is_computed=True), "      arn: x → (known after deploy)"),
            (PropertyChange("size", "512", 512), '      size: "512" → 512'),
            (PropertyChange("version", "1", "2"), "      version: 1 → 2"),
            (PropertyChange("open", True, False), "      open: true → false"),
            (PropertyChange("actions", ["a"], ["b", "c"]), '      actions: ["a"] → ["b", "c"]'),
            (PropertyChange("note", "[secret]", ""), '      note: "[secret]" → ""'),
            (PropertyChange("TOKEN", "[secret]", "[secret]", is_secret=True), "      TOKEN: [secret] → [secret]"),
            (PropertyChange("TOKEN", None, "[secret]", is_secret=True), "    + TOKEN: [secret]"),
            (PropertyChange("#initerror"), "      #initerror"),
        ],
        ids=lambda value: value.path if isinstance(value, PropertyChange) else "",
    )  # fmt: skip
    def test_is_one_line(self, change: PropertyChange, line: str) -> None:
        assert _lines(change) == [line]

    @pytest.mark.parametrize(
        ("sources", "wait"),
        [
            ([("identity", "replace")], "identity is replaced"),
            ([("a", "create"), ("b", "create"), ("c", "replace")], "a and b are created and c is replaced"),
        ],
    )
    def test_that_is_computed_names_what_it_waits_for(self, sources: list[tuple[str, str]], wait: str) -> None:
        named = tuple(ChangeSource(*source) for source in sources)

        assert _lines(PropertyChange("role", "x", "y", is_computed=True, sources=named)) == [
            f"      role: known after {wait}"
        ]

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_fits_the_line_and_shows_where_values_differ(self, width: int) -> None:
        same = "arn:aws:iam::123456789012:role/" + 200 * "x"

        [line] = _lines(PropertyChange("role", f"{same}-left-{same}", f"{same}-right-{same}"), width=width)

        assert len(line) <= width
        assert "-lef" in line and "-rig" in line

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("a\nb\x1b[2J\u202ec", r"a\nb\x1b[2J\u202ec"),
            (" a", '" a"'),
            ('{"a":\n 1}', '{"a": 1}'),
            ({"a": [1, None, "é"]}, '{"a": [1, null, "é"]}'),
            ("(known after deploy)", '"(known after deploy)"'),
        ],
    )
    def test_value_is_plain_and_visible(self, value: Any, shown: str) -> None:
        assert show_value(value) == shown


class TestShortenMiddle:
    def test_keeps_both_ends(self) -> None:
        assert shorten_middle("abcdefghijklmnopqrstuvwxyz", 10) == "abcdef…xyz"


class TestCounts:
    @pytest.mark.parametrize(
        ("counts", "text"),
        [
            (ChangeCounts(create=3, update=1, replace=1, same=4), "3 to create, 1 to update, 1 to replace"),
            (ChangeCounts(), "no changes"),
            (ChangeCounts(same=2), "no changes (2 unchanged)"),
        ],
    )
    def test_leave_out_zero(self, counts: ChangeCounts, text: str) -> None:
        assert format_counts(counts) == text
