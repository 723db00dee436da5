"""The report of benchmarks, section by section."""

from __future__ import annotations

from benchmarks.run import format_table, update_report

OLD = "# Benchmarks\n\n## Gateway\n\nold\n\n## Startup\n\nkept\n\n## Gone\n\nan area that is no more\n"


class TestUpdateReport:
    def test_replaces_measured_sections_and_keeps_the_rest(self) -> None:
        report = update_report(OLD, {"gateway": "## Gateway\n\nnew\n", "ledger": "## Ledger\n\nfirst\n"})

        _, *sections = report.split("\n## ")
        assert sections == ["Gateway\n\nnew\n", "Ledger\n\nfirst\n", "Startup\n\nkept\n"]

    def test_is_stable(self) -> None:
        assert update_report(once := update_report("", {}), {}) == once


class TestFormatTable:
    def test_shows_seconds_in_a_suitable_unit(self) -> None:
        rows = [{"what": "a|b", "ours": 2.0, "ratio": 0.5}, {"what": "c", "ours": 0.0512, "p95": 0.00123, "n": 3}]

        assert format_table(rows).splitlines()[2:] == [
            "| a\\|b | 2.00 s | 0.50 |  |  |",
            "| c | 51.2 ms |  | 1.23 ms | 3 |",
        ]
