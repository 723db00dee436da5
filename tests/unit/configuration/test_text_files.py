from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from semantest_iac.infrastructure.configuration.text_files import parse_dotenv


class TestParseDotenv:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("A=1", "1"),
            ("export A = x y ", "x y"),
            ("A=", ""),
            ("A=x # note", "x"),
            ("A=x#y", "x#y"),
            ("A='x # y' # note", "x # y"),
            ('A="a\\nb \\"c\\""', 'a\nb "c"'),
            ("A=$HOME${B}", "$HOME${B}"),
            ("A=b=c", "b=c"),
        ],
    )
    def test_reads_a_variable(self, line: str, value: str) -> None:
        assert parse_dotenv(line, ".env").variables == {"A": value}

    def test_skips_comments_and_empty_lines(self) -> None:
        assert parse_dotenv("\n  # A=1\n\nB=2\n", ".env").lines == {"B": 4}

    @pytest.mark.parametrize("line", ["A", "1A=x", "A-B=x", "=x", "A='x", 'A="x', 'A="x" y'])
    def test_reports_lines_that_are_no_variable(self, line: str) -> None:
        dotenv = parse_dotenv(line, ".env")

        assert dotenv.variables == {}
        assert [(fault.file, fault.line) for fault in dotenv.faults] == [(".env", 1)]

    def test_hides_values_in_its_repr(self) -> None:
        assert "hunter2" not in repr(parse_dotenv("A=hunter2", ".env"))

    @given(some.text())
    def test_never_raises(self, text: str) -> None:
        parse_dotenv(text, ".env")
