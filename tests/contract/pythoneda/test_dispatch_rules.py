"""The rules of PythonEDA that the bridge relies on, as the fake framework has them and as the real one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.contract.pythoneda import observed_rules
from tests.fakes.pythoneda_modules import fake_pythoneda
from tests.pythoneda_packages import require_real_pythoneda

RULES: dict[str, Any] = {
    "a time is local and has no offset": True,
    "an id is text": True,
    "causes are kept": ["cause"],
    "equal for the same stack": True,
    "hashed by the stack": True,
    "ids differ": True,
    "a given id is kept": "own",
    "failures are errors": [True, True, False],
    "read from its own JSON": True,
    "names in its JSON": ["_internal", "id", "location", "metadata", "project_name", "stack_name"],
    "listeners of the class": ["Listener"],
    "listeners of a derived class": [],
    "listeners with classmethod inside, or without": [],
    "one result becomes a list": True,
    "no result becomes an empty list": [],
    "without a listener": "TypeError",
    "enabled once for a module": [],
    "returned": ["InfrastructureUpdated"],
    "heard": 2,
    "emitted": ["emitted InfrastructureUpdated"],
    "an emitter for each event": 1,
    "the application is bound": True,
    "an answer names its request": 1,
}


class TestRules:
    def test_are_those_of_the_fake(self) -> None:
        with fake_pythoneda():
            assert observed_rules.observe_rules() == RULES

    def test_are_those_of_the_real_framework(self, tmp_path: Path) -> None:
        variables = require_real_pythoneda(tmp_path / "stand-in")

        ended = subprocess.run(
            [sys.executable, observed_rules.__file__],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert ended.returncode == 0, ended.stderr[-2000:]
        assert json.loads(ended.stdout.splitlines()[-1]) == RULES
