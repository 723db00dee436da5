"""The address of a running `serve`, as other commands find it."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.infrastructure.local_service.serving_addresses import announce_address, find_address


class TestServingAddress:
    def test_is_found_as_long_as_it_is_served(self, tmp_path: Path) -> None:
        home = tmp_path / "home"

        with announce_address(home, "http://127.0.0.1:5000"):
            found = find_address(home)

        assert (found, find_address(home)) == ("http://127.0.0.1:5000", None)
        assert (home / ".gitignore").exists()

    def test_of_a_killed_process_is_forgotten(self, tmp_path: Path) -> None:
        left = tmp_path / "serving" / "4711"
        left.parent.mkdir()
        left.write_text("http://127.0.0.1:5000", encoding="utf-8")

        assert (find_address(tmp_path), left.exists()) == (None, False)

    def test_is_not_recorded_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("a file", encoding="utf-8")

        with announce_address(tmp_path / "home", "http://127.0.0.1:5000"):
            assert find_address(tmp_path / "home") is None
