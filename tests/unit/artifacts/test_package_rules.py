from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.package_rules import (
    check_path,
    escape_path,
    find_blocked_paths,
    find_unicode_duplicates,
)
from semantest_iac.infrastructure.artifacts.source_tree import WalkReport, note_secret_files

UNSAFE = {
    "parent": "../etc/passwd",
    "inner-parent": "a/../../b",
    "self": "./a",
    "empty": "",
    "absolute": "/etc/passwd",
    "drive": "C:/windows",
    "backslash": "..\\a",
    "nul": "a\0b",
    "newline": "a\nb",
    "escape": "a\x1b[2Jb",
    "c1": "a\x9bb",
    "not-utf8": "caf\udce9",
    "double-slash": "a//b",
    "too-long": "a/" * 600 + "b",
}


class TestCheckPath:
    @pytest.mark.parametrize("path", UNSAFE.values(), ids=UNSAFE.keys())
    def test_refuses_unsafe_paths(self, path: str) -> None:
        assert check_path(path) is not None

    @pytest.mark.parametrize("path", ["a", "a/b.js", "@scope/x", "%2e%2e/a", "...", "é/ü", "with space", "a" * 255])
    def test_accepts_paths_that_every_system_can_unpack(self, path: str) -> None:
        assert check_path(path) is None


class TestFindUnicodeDuplicates:
    def test_finds_names_that_differ_only_in_composition(self) -> None:
        assert find_unicode_duplicates(["e\u0301.js", "other.js", "\u00e9.js"]) == [("e\u0301.js", "\u00e9.js")]

    def test_finds_nothing_among_different_names(self) -> None:
        assert find_unicode_duplicates(["a", "A", "b"]) == []


class TestEscapePath:
    @pytest.mark.parametrize("path", UNSAFE.values(), ids=UNSAFE.keys())
    def test_returns_printable_text(self, path: str) -> None:
        assert escape_path(path).isprintable()
        assert len(escape_path(path)) <= 200


class TestFindBlockedPaths:
    def test_finds_what_lies_below_a_file(self) -> None:
        assert find_blocked_paths({"d"}, ["a", "d", "d/e", "d/f/g"]) == ["d/e", "d/f/g"]

    def test_finds_nothing_below_folders(self) -> None:
        assert find_blocked_paths({"d/e"}, ["d", "d/e"]) == []


class TestCheckPackageSize:
    def test_reports_too_many_bytes(self) -> None:
        faults = [*package_rules.check_package_size(package_rules.MAX_UNPACKED_BYTES + 1)]

        assert [fault.message for fault in faults] == ["more than 250 MB unpacked"]

    def test_allows_the_limit_itself(self) -> None:
        assert [*package_rules.check_package_size(package_rules.MAX_UNPACKED_BYTES)] == []


class TestWalkReport:
    def test_is_over_the_limit_after_too_many_bytes_of_any_number_of_files(self) -> None:
        assert WalkReport(unpacked_bytes=package_rules.MAX_UNPACKED_BYTES + 1).is_over_limit
        assert not WalkReport(file_count=1_000_000).is_over_limit

    def test_notes_what_was_left_out(self) -> None:
        assert WalkReport(dangling_links=["b", "a"]).notes() == ("Left out 2 links to nothing: a, b.",)


class TestNoteSecretFiles:
    @pytest.mark.parametrize(
        ("paths", "note"),
        [
            ([".env", ".env"], "1 secret-looking file: .env. To package one, name it: `package: {include: [.env]}`."),
            (
                ["prod.env", ".aws/"],
                "2 secret-looking files: .aws/, prod.env. To package one, name it: `package: {include: [prod.env]}`.",
            ),
            (
                [".aws/"],
                "1 secret-looking file: .aws/. To package one, name it: `package: {include: [.aws/<file>]}`.",
            ),
            (["../shared/.env"], "1 secret-looking file: ../shared/.env."),
        ],
        ids=["one", "several", "folder", "other project"],
    )
    def test_names_each_once_and_how_to_package_one(self, paths: list[str], note: str) -> None:
        assert note_secret_files(paths) == (f"Left out {note}",)

    def test_says_nothing_of_none(self) -> None:
        assert note_secret_files([]) == ()
