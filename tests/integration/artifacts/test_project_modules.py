"""Node modules are installed as far as they are needed, and kept, by an npm of the test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from tests.integration.artifacts.packages import HANDLER, call, handler

WriteFiles = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")
_NPM = """#!/usr/bin/env node
const fs = require('fs'), args = process.argv.slice(2).join(' ')
const kind = args.includes('--include=dev') ? 'all' : args.includes('--prefer-offline') ? 'tools' : 'production'
fs.appendFileSync(process.env.NPM_CONFIG_CALLS, `${kind} `)
const { dependencies, devDependencies, scripts } = JSON.parse(fs.readFileSync('package.json'))
const inner = fs.existsSync('packages/one/package.json') && JSON.parse(fs.readFileSync('packages/one/package.json'))
if (inner.devDependencies) throw new Error('asked for dev dependencies of a workspace')
if (scripts?.prepare && !args.includes('--include=dev')) throw new Error('husky: not found')
for (const name of Object.keys({ ...dependencies, ...(args.includes('--include=dev') && devDependencies) })) {
  fs.mkdirSync(`node_modules/${name}`, { recursive: true })
  fs.writeFileSync(`node_modules/${name}/index.js`, `module.exports = '${name}'`)
  fs.writeFileSync(`node_modules/${name}/tsconfig.json`, '{"compilerOptions": {"jsxFactory": "made"}}')
}
"""


class TestInstalledModules:
    """An npm of the test installs what package.json names, and writes down what it was asked for."""

    @pytest.fixture
    def calls(self, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch) -> Path:
        write_files(source.parent, {"bin/npm": _NPM, "calls": ""})
        (source.parent / "bin" / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{source.parent / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("NPM_CONFIG_CALLS", str(source.parent / "calls"))
        return source.parent / "calls"

    @pytest.mark.parametrize(
        ("code", "project", "asked", "answer"),
        [
            (HANDLER, {"devDependencies": {"jest": "1"}}, "", '"hello you"'),
            (
                "import a from 'a'; export const handler = () => a",
                {"dependencies": {"a": "1"}, "devDependencies": {"jest": "1"}},
                "production ",
                '"a"',
            ),
            ("import a from 'a'; export const handler = () => a", {"devDependencies": {"a": "1"}}, "all ", '"a"'),
            (
                "import a from 'a'; import b from 'b'; export const handler = () => a + b",
                {"dependencies": {"a": "1"}, "devDependencies": {"b": "1"}},
                "production all ",
                '"ab"',
            ),
            (
                "const made = (tag: string) => tag; export const handler = () => <a/>",
                {"devDependencies": {"base": "1", "jest": "1"}},
                "tools ",
                '"a"',
            ),
            (
                "import a from 'a'; export const handler = () => a",
                {"dependencies": {"a": "1"}, "devDependencies": {"husky": "1"}, "scripts": {"prepare": "husky"}},
                "production all production all ",
                '"a"',
            ),
        ],
        ids=["none", "production", "dev", "both", "extended settings", "own scripts"],
    )
    def test_are_those_that_are_needed_and_are_kept_for_the_next_package(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path, calls: Path, code: str,
        project: dict[str, object], asked: str, answer: str,
    ) -> None:  # fmt: skip
        write_files(source, {"src/app.tsx": code, "package.json": json.dumps(project)})
        if "<a/>" in code:
            write_files(source, {"tsconfig.json": '{"extends": "base/tsconfig.json"}'})
        builder.build(handler(source))
        write_files(source, {"src/app.tsx": f"{code}\n// changed"})

        assert call(builder.build(handler(source)), tmp_path / "unpacked") == answer
        assert calls.read_text() == asked

    def test_of_production_are_kept_for_plain_javascript_too(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names, calls: Path
    ) -> None:
        project = {"dependencies": {"a": "1"}, "devDependencies": {"b": "1"}}
        for code in ("exports.handler = () => require('a')", "exports.handler = () => require('a') + 1"):
            write_files(source, {"src/app.js": code, "package.json": json.dumps(project)})
            names = list_names(builder.build(handler(source)))

        assert calls.read_text() == "production "
        assert "node_modules/a/index.js" in names
        assert "node_modules/b/index.js" not in names

    def test_of_production_leave_out_dev_dependencies_of_workspaces(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, calls: Path
    ) -> None:
        files = {
            "package.json": json.dumps({"workspaces": ["packages/*"], "dependencies": {"a": "1"}}),
            "packages/one/package.json": json.dumps({"name": "one", "devDependencies": {"jest": "1"}}),
            "packages/one/app.js": "exports.handler = () => require('a')",
        }
        write_files(source, files)

        builder.build(handler(source, "packages/one/app.handler"))

        assert calls.read_text() == "production "
