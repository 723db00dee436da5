"""The examples of docs/frameworks.md as files: what is documented is what the tests run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "frameworks.md"
_SECTION = re.compile(r"^### (?P<title>.+)\n(?P<text>(?:(?!^#{2,3} ).*\n?)*)", re.MULTILINE)
_FILE = re.compile(r"^`(?P<name>[\w./-]+)`\n\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NODE_LOCKS = _ROOT / "tests" / "examples"


def read_examples() -> dict[str, dict[str, str]]:
    """Return the files of each example by its title."""
    sections = _SECTION.finditer(_PAGE.read_text(encoding="utf-8"))
    found = {one["title"]: find_files(one["text"]) for one in sections}
    return {title: files for title, files in found.items() if files}


def find_files(page: str) -> dict[str, str]:
    """Return the files in the text of a page: each is a name in a line of its own, and a block of code."""
    return {file["name"]: file["text"] for file in _FILE.finditer(page)}


def write_example(title: str, folder: Path, lock: str = "package-lock.json") -> Path:
    """Write an example into a folder; one in JavaScript gets the lock of its packages."""
    files = read_examples()[title]
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if "package.json" in files:
        shutil.copy(NODE_LOCKS / title.lower() / lock, folder / lock)
    return folder


def read_component(title: str) -> dict[str, str]:
    """Return the component in the example's configuration."""
    component: dict[str, str] = yaml.safe_load(read_examples()[title]["semantest.yaml"])["components"]["rest-api"]
    return component
