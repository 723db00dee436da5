"""`doctor` on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class TestDoctor:
    def test_says_that_the_sandbox_is_ready(self, cli: Any, home: Path) -> None:
        outcome = cli("doctor", "--home", str(home), "--json")

        answer = json.loads(outcome.out)
        assert (outcome.code, answer["sandbox"]) == (0, True)
        found = {check["name"]: check["ok"] for check in answer["checks"]}
        assert (found["production"], found["production on azure"], found["development on azure"]) == (
            False,
            False,
            True,
        )
        assert not home.exists()

    def test_fails_for_a_home_that_cannot_be_made(self, cli: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        outcome = cli("doctor", "--home", str(tmp_path / "file" / "home"))

        assert outcome.code == 1
        assert "choose another with --home" in outcome.out
