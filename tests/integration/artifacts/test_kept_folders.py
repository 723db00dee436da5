"""Folders that are costly to make are made once, used by several, and bounded in number."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from semantest_iac.infrastructure.artifacts.kept_folders import KeptFolders


def use(kept: KeptFolders, key: str) -> None:
    with kept.use(key, lambda folder: None):
        pass


class TestKeptFolders:
    def test_are_bounded_and_the_last_used_ones_stay(self, tmp_path: Path) -> None:
        kept = KeptFolders(tmp_path, most=2)
        for number, key in enumerate(["old", "used", "new"]):
            use(kept, key)
            if key != "new":
                os.utime(tmp_path / key, (number, number))

        assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "used"]

    def test_in_use_are_not_removed(self, tmp_path: Path) -> None:
        kept = KeptFolders(tmp_path, most=1)
        with kept.use("held", lambda folder: None) as held:
            os.utime(held, (0, 0))
            use(kept, "other")
            while_held = held.is_dir()
        use(kept, "third")

        assert while_held
        assert sorted(path.name for path in tmp_path.iterdir()) == ["third"]

    def test_made_by_two_at_once_are_one(self, tmp_path: Path) -> None:
        both = Barrier(2)

        def make(folder: Path) -> None:
            both.wait(timeout=20)
            (folder / "name").write_text("made")

        def use_once(_: int) -> str:
            with KeptFolders(tmp_path, most=1).use("key", make) as folder:
                return (folder / "name").read_text()

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(use_once, range(2))) == ["made", "made"]
        assert [path.name for path in tmp_path.iterdir()] == ["key"]

    def test_that_could_not_be_made_are_not_there(self, tmp_path: Path) -> None:
        def fail(folder: Path) -> None:
            (folder / "half").write_text("")
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"), KeptFolders(tmp_path, most=1).use("key", fail):
            pass

        assert list(tmp_path.iterdir()) == []
