"""The table of translation cases itself, and what the documentation repeats of it."""

from __future__ import annotations

from pathlib import Path

from tests.contract.http_translation import CLOUDS, list_unsettled, read_cases

CASES = [*read_cases("http"), *read_cases("web_socket")]
ROOT = Path(__file__).parents[2]
TOPICS = {
    *("query", "path", "headers", "cookies", "bodies", "methods", "limits", "cors", "payload 1.0"),
    *("subprotocols", "close codes", "frames"),
}


class TestTable:
    def test_covers_every_topic(self) -> None:
        assert {case.topic for case in CASES} == TOPICS

    def test_has_each_case_once_with_a_source_for_each_cloud(self) -> None:
        sources = {case.id: {*case.given["source"]} for case in CASES}

        assert len(sources) == len(CASES)
        assert [name for name, clouds in sources.items() if clouds not in ({"all"}, {*CLOUDS})] == []


def test_the_documentation_lists_what_only_an_account_can_settle() -> None:
    """After a change of the table, replace the list at the end of docs/gateway.md with these lines."""
    heading = "## Not settled without an account\n"
    written = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8").partition(heading)[2]

    assert [line for line in written.splitlines() if line.startswith("- ")] == [*list_unsettled()]
