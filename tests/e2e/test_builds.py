"""A NestJS application, a tsc build and a TypeScript handler are deployed to both clouds and called."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.builds.bundles import find_bundler_version
from tests.node_packages import link_packages

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine"),
    pytest.mark.timeout(900),  # the build of NestJS alone takes seconds of CPU, many on a busy machine
]

_BUILD_TIMEOUT_S = 300
_DECORATORS = '"experimentalDecorators": true, "emitDecoratorMetadata": true'
_COMPILER = '"module": "commonjs", "target": "es2022", "outDir": "dist", "rootDir": "src", "sourceMap": true'
_NEST = {
    "package.json": '{"name": "api", "version": "1.0.0", "scripts": {"build": "nest build"}}',
    "nest-cli.json": '{"sourceRoot": "src"}',
    "tsconfig.json": f'{{"compilerOptions": {{{_COMPILER}, {_DECORATORS}, "skipLibCheck": true, "types": []}}}}',
    "tsconfig.build.json": '{"extends": "./tsconfig.json", "include": ["src"]}',
    "src/app.ts": """\
import { Controller, Get, Injectable, Module, Param } from '@nestjs/common';

@Injectable()
class Greetings {
  greet(name: string): string { return `hello ${name}`; }
}

@Controller()
class Hello {
  constructor(private readonly greetings: Greetings) {}
  @Get('hello/:name') hello(@Param('name') name: string) { return { said: this.greetings.greet(name) }; }
}

@Module({ controllers: [Hello], providers: [Greetings] })
export class App {}
""",
    "src/main.ts": """\
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { App } from './app';

NestFactory.create(App).then((app) => app.listen(3000));
""",
}
_PLAIN = {
    "package.json": '{"name": "plain", "version": "1.0.0"}',
    "tsconfig.json": f'{{"compilerOptions": {{{_COMPILER}, "types": []}}, "include": ["src"]}}',
    "src/answer.ts": "export const answer = (name: string) => ({ said: `hello ${name}` });\n",
    "src/index.ts": """\
import { answer } from './answer';

export const handler = async (event: { rawPath: string }) => ({
  statusCode: 200, body: JSON.stringify(answer(event.rawPath.split('/')[2])),
});
""",
}
_BUNDLED = {
    "package.json": '{"name": "bundled", "type": "module"}',
    "src/answer.ts": _PLAIN["src/answer.ts"],
    "src/todos/create.ts": _PLAIN["src/index.ts"].replace("./answer", "../answer"),
    "src/todos/remove.ts": "export const handler = async () => ({ statusCode: 200, body: 'removed' as string });\n",
}
_ROUTES = (
    "[{path: '/hello/{name}', methods: GET, handler: src/todos/create.handler}, "
    "{path: '/hello/{name}', methods: DELETE, handler: src/todos/remove.handler}]"
)
_CASES: Mapping[str, tuple[dict[str, str], tuple[str, ...], dict[str, str]]] = {
    "nest build": (_NEST, (), {"build": "npm run build", "entry": "dist/main.js"}),
    "tsc": (_PLAIN, ("typescript", ".bin"), {"build": "tsc", "handler": "dist/index.handler"}),
    "esbuild of two functions": (_BUNDLED, ("esbuild",), {"routes": _ROUTES}),
}


def _write_source(folder: Path, case: str) -> None:
    files, packages, _ = _CASES[case]
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    if files is not _BUNDLED:
        link_packages(folder / "node_modules", *packages)


@pytest.fixture(params=[(case, cloud) for case in _CASES for cloud in ("aws", "azure")], ids=" on ".join)
def outcomes(request: pytest.FixtureRequest, workspace: Any) -> dict[str, Any]:
    """The outcomes of deploying a source to a cloud and calling it."""
    case, cloud = request.param
    workspace = replace(workspace, timeout_s=_BUILD_TIMEOUT_S)
    _write_source(workspace.folder / "source", case)
    tools = workspace.home / "tools" / f"esbuild-{find_bundler_version()}" / "node_modules"
    link_packages(tools, "esbuild", "@esbuild")
    values = {"source": "source", **_CASES[case][2]}
    options = [word for key, value in values.items() for word in ("--set", f"components.rest-api.{key}={value}")]
    validated = workspace.run("config", "validate", "--component", "rest-api", *options, "--json")
    before = {path: path.stat().st_mtime_ns for path in (workspace.folder / "source").rglob("*") if path.is_file()}
    deployed = workspace.run("deploy", "--component", "rest-api", "--provider", cloud, *options, "--json")
    if "@azure/functions" in deployed.json.get("error", {}).get("message", ""):
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
    after = {path: path.stat().st_mtime_ns for path in (workspace.folder / "source").rglob("*") if path.is_file()}
    methods = ("GET", "DELETE") if "routes" in values else ("GET",)
    asked = [("invoke", "rest-api", method, "/hello/you", "--provider", cloud, "--json") for method in methods]
    bodies = [workspace.run(*command).json["body"] for command in asked]
    return {"validated": validated, "deployed": deployed, "bodies": bodies, "is_unchanged": before == after}


class TestBuiltSources:
    def test_are_deployed_and_answer(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["validated"].code == 0, outcomes["validated"].out
        assert outcomes["deployed"].code == 0, outcomes["deployed"].out
        assert outcomes["bodies"] in (['{"said":"hello you"}'], ['{"said":"hello you"}', "removed"])
        assert outcomes["is_unchanged"]
