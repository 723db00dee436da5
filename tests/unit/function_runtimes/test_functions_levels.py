"""The level from which the host of Azure Functions shows what code logs, in both languages."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from semantest_iac.infrastructure import function_runtimes

HOSTS = Path(function_runtimes.__path__[0]) / "hosts"
NODE_CODE = """
const { log, readRules } = require(process.argv[1])
const fs = require('node:fs')
for (const [levels, settings] of JSON.parse(process.argv[2])) {
  fs.writeFileSync('host.json', JSON.stringify({ logging: { logLevel: levels } }))
  Object.assign(process.env, settings)
  readRules()
  for (const name of Object.keys(settings)) delete process.env[name]
  for (const level of ['trace', 'debug', 'information', 'error']) log('todos', level, '.')
  console.log('end')
}
"""
SHOWN = {"Trace": 4, "Debug": 3, "Information": 2, "Error": 1, "None": 0}
CASES = [
    ({}, {}, "Information"),
    ({"default": "Error"}, {}, "Error"),
    ({"default": "Error", "Function": "Trace", "Function.todos": "debug"}, {}, "Debug"),
    ({"Function.other": "Trace", "Host": "None"}, {}, "Information"),
    ({"default": "Error"}, {"AzureFunctionsJobHost__logging__logLevel__Function": "Debug"}, "Debug"),
    ({"default": "loud"}, {}, "Information"),
]
"""Levels of host.json, settings, and the level that holds. Source: Azure's documentation of host.json."""


@pytest.mark.parametrize(("levels", "settings", "expected"), CASES, ids=str)
def test_holds_in_python(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    levels: Mapping[str, str],
    settings: Mapping[str, str],
    expected: str,
) -> None:
    specification = importlib.util.spec_from_file_location("python_host", HOSTS / "functions_python_host.py")
    assert specification and specification.loader
    host = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(host)
    host.LOOP.close()
    (tmp_path / "host.json").write_text(json.dumps({"logging": {"logLevel": levels}}))
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert host.find_log_level(host.read_log_rules(), "todos") == expected


def test_holds_in_node(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on the PATH")
    given = json.dumps([case[:2] for case in CASES])
    command = [node, "-e", NODE_CODE, str(HOSTS / "functions_log.cjs"), given]

    shown = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout
    assert [part.count(".") for part in shown.decode().split("end")[:-1]] == [SHOWN[level] for *_, level in CASES]
