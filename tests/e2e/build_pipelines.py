"""Runs the shell of the pipelines in docs/ci as the services would, with the sandbox and services of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

_ROOT = Path(__file__).parents[2]
_PIPELINES = _ROOT / "docs" / "ci"
# The part of GitHub's command line that the workflow uses, with the comments in a file.
_GH = """\
import json, pathlib, subprocess, sys
words, store = sys.argv[1:], pathlib.Path("comments.json")
comments = json.loads(store.read_text()) if store.exists() else []
values = {word: following for word, following in zip(words, [*words[1:], ""])}
path = next(word for word in words if word.startswith("repos/"))
with open("calls.txt", "a") as calls:
    print(values.get("--method", "GET"), path, file=calls)
if "--method" not in values:
    found = subprocess.run(["jq", "-r", values["--jq"]], input=json.dumps(comments), text=True, stdout=subprocess.PIPE)
    sys.exit(print(found.stdout, end="") or found.returncode)
body = pathlib.Path(values["--field"].removeprefix("body=@")).read_text()
if values["--method"] == "POST":
    comments.append({"id": 100 + len(comments), "user": {"type": "Bot"}, "body": body})
else:
    next(each for each in comments if each["id"] == int(path.rpartition("/")[2]))["body"] = body
store.write_text(json.dumps(comments))
"""


def require_programs(*names: str) -> None:
    """Skip the test where one of the programs is missing."""
    if missing := [name for name in names if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} is not on the PATH")


def read_pipeline(name: str) -> dict[str, Any]:
    """Return a file of docs/ci, with its anchors resolved."""
    pipeline: dict[str, Any] = yaml.safe_load((_PIPELINES / name).read_text(encoding="utf-8"))
    return pipeline


def github_script(job: str, name: str) -> str:
    """The shell of a step of the workflow."""
    steps = read_pipeline("github-actions.yml")["jobs"][job]["steps"]
    return next(str(step["run"]) for step in steps if step.get("name", "").startswith(name))


def gitlab_script(job: str) -> str:
    """The shell of a job of the template without what it installs from elsewhere: one shell runs all of it."""
    pipeline = read_pipeline("gitlab-ci.yml")
    return "\n".join([*pipeline[".semantest-iac"]["before_script"][1:], *pipeline[job]["script"]])


class Runner:
    """A folder in which the steps of one pipeline run, with semantest-iac and a stand-in for `gh` on the PATH."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir(parents=True)
        (programs / "gh.py").write_text(_GH, encoding="utf-8")
        for name, command in (("semantest-iac", "-m semantest_iac"), ("gh", f"'{programs / 'gh.py'}'")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n', encoding="utf-8")
            (programs / name).chmod(0o755)
        self.variables = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": f"{_ROOT}:{_ROOT / 'events'}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "COMPONENTS": "rest-api",
            "ENVIRONMENT": "development",
            **variables,
        }

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as both services do: bash that ends at the first error."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder, env={**self.variables, **variables}, capture_output=True, text=True, check=False,
            timeout=150,
        )  # fmt: skip


class Notes(BaseHTTPRequestHandler):
    """The notes of one merge request, as GitLab's API has them."""

    notes: list[dict[str, Any]]
    calls: list[str]
    token: str

    def do_GET(self) -> None:
        self._answer(self.notes)

    def do_POST(self) -> None:
        self.notes.append({"id": 7 + len(self.notes), "body": self._read_body()})
        self._answer(self.notes[-1])

    def do_PUT(self) -> None:
        note = next(it for it in self.notes if it["id"] == int(self.path.rpartition("/")[2]))
        note["body"] = self._read_body()
        self._answer(note)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""

    def _read_body(self) -> str:
        return parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["body"][0]

    def _answer(self, content: Any) -> None:
        is_known = self.headers["PRIVATE-TOKEN"] == self.token
        self.calls.append(f"{self.command} {urlsplit(self.path).path}")
        answer = json.dumps(content if is_known else {"message": "401 Unauthorized"}).encode()
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def serve_notes(token: str) -> Iterator[tuple[str, type[Notes]]]:
    """Serve the notes for the block; gives the address of the API and the notes."""
    handler = type("NotesOfATest", (Notes,), {"notes": [], "calls": [], "token": token})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v4", handler
        finally:
            server.shutdown()
            thread.join()


def visible_text(markdown: str) -> str:
    """A comment without the part that is not shown."""
    return re.sub(r"<!--.*?-->\n+", "", markdown)
