"""The home that the first command creates."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.infrastructure.home_folder import make_home_folder


class TestHomeFolder:
    def test_is_ignored_by_git(self, tmp_path: Path) -> None:
        make_home_folder(tmp_path / "new" / "home")

        assert (tmp_path / "new" / "home" / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"

    @pytest.mark.parametrize("written", ["own", None], ids=["with a file", "without one"])
    def test_is_left_as_it_is_if_it_exists(self, tmp_path: Path, written: str | None) -> None:
        ignored = tmp_path / ".gitignore"
        if written:
            ignored.write_text(written, encoding="utf-8")

        make_home_folder(tmp_path)

        assert (ignored.read_text(encoding="utf-8") if ignored.exists() else None) == written
