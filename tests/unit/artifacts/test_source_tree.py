from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts.source_tree import FileFilter, is_credential_file

EXCLUDED = [
    ".git", "a/.hg", ".env", ".env.production", "a/.DS_Store", "pkg/__pycache__", "a.pyc", "coverage", "venv",
    "node_modules/.bin", "node_modules/.cache", "a/node_modules/.bin", ".npmrc", ".semantest",
]  # fmt: skip
INCLUDED = [
    "index.js", "environment", "node_modules/coverage", "node_modules/venv", "node_modules/.hooks", "gitignore",
    ".gitignore", "dist/.well-known", "envelope.env",
]  # fmt: skip


class TestFileFilter:
    @pytest.mark.parametrize("path", EXCLUDED)
    def test_excludes_what_no_package_needs(self, path: str) -> None:
        assert FileFilter().excludes(path, path.rpartition("/")[2])

    @pytest.mark.parametrize("path", INCLUDED)
    def test_includes_everything_else(self, path: str) -> None:
        assert not FileFilter().excludes(path, path.rpartition("/")[2])

    def test_includes_names_that_an_installer_reads(self) -> None:
        assert not FileFilter(included_names=frozenset({".npmrc"})).excludes(".npmrc", ".npmrc")


class TestIsCredentialFile:
    @pytest.mark.parametrize("name", [".env", ".env.local", ".npmrc"])
    def test_recognizes_secret_files_by_name(self, name: str) -> None:
        assert is_credential_file(name)

    def test_ignores_certificates(self) -> None:
        assert not is_credential_file("cacert.pem")
