from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts.file_filter import (
    FileFilter,
    PathPatterns,
    is_compiled_beside_source,
)

EXCLUDED = [
    ".git", "a/.hg", ".env", ".env.production", "a/.DS_Store", "pkg/__pycache__", "prod.env", "config/credentials",
    "node_modules/.bin", "node_modules/.cache", "a/node_modules/.bin", ".npmrc", "node_modules/sdk/.npmrc",
    "semantest.yaml", "semantest.staging.yaml",
]  # fmt: skip
INCLUDED = [
    "index.js", "environment", "coverage", "venv", "node_modules/coverage", "node_modules/venv", "node_modules/.hooks",
    "gitignore", ".gitignore", "dist/.well-known", "credentials.py", "module.pyc", "account.json",
    "node_modules/sdk/credentials.json", "fixtures/semantest.yaml", "semantest.py",
]  # fmt: skip


def excludes(file_filter: FileFilter, path: str, *, is_folder: bool = False) -> bool:
    return file_filter.excludes(path, path.rpartition("/")[2], is_folder=is_folder)


class TestFileFilter:
    @pytest.mark.parametrize("path", EXCLUDED)
    def test_excludes_what_no_package_needs(self, path: str) -> None:
        assert excludes(FileFilter(), path)

    @pytest.mark.parametrize("path", INCLUDED)
    def test_includes_everything_else(self, path: str) -> None:
        assert not excludes(FileFilter(), path)

    def test_includes_names_that_an_installer_reads(self) -> None:
        assert not excludes(FileFilter(included_names=frozenset({".npmrc"})), ".npmrc")

    def test_keeps_a_folder_of_code_that_is_called_credentials(self) -> None:
        assert not excludes(FileFilter(), "credentials", is_folder=True)

    @pytest.mark.parametrize("path", [".aws", "deploy/.azure", ".semantest"])
    def test_leaves_out_folders_of_secrets_and_all_that_is_in_them(self, path: str) -> None:
        assert excludes(FileFilter(), path, is_folder=True)
        assert excludes(FileFilter(included=PathPatterns((f"{path}/*",))), f"{path}/config")
        assert not excludes(FileFilter(included=PathPatterns((f"{path}/config",))), f"{path}/config")

    def test_says_nothing_of_the_home_in_use(self) -> None:
        own = FileFilter(frozenset({".semantest"}))

        assert excludes(own, ".semantest", is_folder=True)
        assert not own.is_secret(".semantest", ".semantest", is_folder=True)

    def test_judges_a_linked_module_by_where_it_lies(self) -> None:
        path, place = "node_modules/own/prod.env", "packages/own/prod.env"

        assert FileFilter().excludes(path, "prod.env", location=place)
        assert not FileFilter(included=PathPatterns((place,))).excludes(path, "prod.env", location=place)

    def test_keeps_what_installed_modules_hold(self) -> None:
        assert not excludes(FileFilter(is_installed=True), "sdk/credentials.json")


class TestIncludedPaths:
    @pytest.mark.parametrize("path", ["config/.env.dev", "prod.env"])
    def test_bring_a_secret_file_by_its_name(self, path: str) -> None:
        assert not excludes(FileFilter(included=PathPatterns((path,))), path)

    @pytest.mark.parametrize("pattern", ["config", "config/*", "**", "config/.env.*"])
    def test_bring_no_secret_file_by_a_pattern_or_a_folder(self, pattern: str) -> None:
        assert excludes(FileFilter(included=PathPatterns((pattern,))), "config/.env.dev")

    def test_bring_one_file_out_of_a_folder_that_is_left_out(self) -> None:
        included = FileFilter(included=PathPatterns((".venv/kept.txt",)))

        assert not excludes(included, ".venv", is_folder=True)
        assert not excludes(included, ".venv/kept.txt")
        assert excludes(included, ".venv/other.txt")
        assert excludes(included, ".git", is_folder=True)

    def test_give_way_to_excluded_paths(self) -> None:
        both = FileFilter(included=PathPatterns(("a.env",)), excluded=PathPatterns(("*.env",)))

        assert excludes(both, "a.env")


class TestPathPatterns:
    @pytest.mark.parametrize(
        ("pattern", "path", "matches"),
        [
            ("docs", "docs/a/b.md", True),
            ("docs", "docs2", False),
            ("docs", "src/docs", False),
            ("*.map", "a.map", True),
            ("*.map", "dist/a.map", False),
            ("**/*.map", "dist/x/a.map", True),
            ("**/*.map", "a.map", True),
            ("a/**/z", "a/z", True),
            ("a/**/z", "a/b/c/z", True),
            ("a?c", "abc", True),
            ("a?c", "a/c", False),
            ("a[1].txt", "a[1].txt", True),
            ("data/", "data/x", True),
        ],
    )
    def test_match_paths_and_what_lies_in_folders(self, pattern: str, path: str, matches: bool) -> None:
        assert PathPatterns((pattern,)).match(path) is matches

    @pytest.mark.parametrize(
        ("pattern", "folder", "leads"),
        [("a/b/c", "a", True), ("a/b/c", "a/b", True), ("a/b/c", "b", False), ("**/x", "any", True), ("a", "a", False)],
    )
    def test_tell_whether_to_enter_a_folder(self, pattern: str, folder: str, leads: bool) -> None:
        assert PathPatterns((pattern,)).match_below(folder) is leads


class TestGeneratedFolders:
    @pytest.mark.parametrize(
        ("path", "names"),
        [("coverage", {"lcov.info", "src"}), ("env", {"pyvenv.cfg", "bin"}), ("a/venv", {"pyvenv.cfg"})],
        ids=["test report", "virtual environment", "deeper"],
    )
    def test_are_recognized_by_what_they_hold(self, path: str, names: set[str]) -> None:
        assert FileFilter().is_virtualenv_or_report(path, names)

    @pytest.mark.parametrize(
        ("path", "names"),
        [("coverage", {"__init__.py", "index.html"}), ("coverage", {"data.py"}), ("venv", {"__init__.py"})],
        ids=["package", "namespace", "name alone"],
    )
    def test_are_not_recognized_by_their_name(self, path: str, names: set[str]) -> None:
        assert not FileFilter().is_virtualenv_or_report(path, names)

    def test_can_be_included(self) -> None:
        assert not FileFilter(included=PathPatterns(("coverage",))).is_virtualenv_or_report("coverage", {"lcov.info"})


class TestCompiledModules:
    def test_repeat_a_source_beside_them(self) -> None:
        assert is_compiled_beside_source("a.pyc", {"a.py", "a.pyc"})

    def test_are_the_module_without_one(self) -> None:
        assert not is_compiled_beside_source("a.pyc", {"a.pyc", "b.py"})
