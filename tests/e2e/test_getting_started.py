"""The commands of docs/getting-started.md, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documented_examples import find_files
from tests.example_packages import example_variables

_RUNTIME = "python{}.{}".format(*sys.version_info[:2])
"""The Python whose wheels the tests have."""
_PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(600)  # a dozen commands, one of which installs FastAPI
def test_the_page_leads_to_an_api_on_both_clouds_and_back(tmp_path: Path) -> None:
    page = _PAGE.read_text(encoding="utf-8")
    make_folder, *rest = _COMMANDS.findall(page)
    folder = tmp_path / "greetings"
    folder.mkdir()
    for name, text in find_files(page).items():
        (folder / name).write_text(text, encoding="utf-8")

    printed = _run_shell("\n".join(rest), folder)

    assert make_folder.split() == ["mkdir", "greetings", "cd", "greetings"]
    greetings = re.findall(r"[\w ]+, Ada!", printed)
    assert greetings == ["Hello, Ada!", "Hello, Ada!", "Good morning, Ada!", "Hello, Ada!"]
    assert "Good morning" in (folder / "main.py").read_text()
    assert printed.rstrip().endswith("Nothing is deployed now.")


def _run_shell(commands: str, folder: Path) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SEMANTEST")}
    variables |= {**example_variables(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    variables["SEMANTEST_COMPONENTS__REST_API__RUNTIME"] = _RUNTIME
    command = ["bash", "-euo", "pipefail", "-c", commands]
    ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=570, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
