"""TypeScript is bundled by the real esbuild, which `make` downloads, and the bundles run in this machine's Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionCode, FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import CLOCK_TICK_NS, PackageBuilder
from tests.integration.artifacts.packages import HANDLER, call, handler, refusal_of
from tests.node_packages import link_packages

WriteFiles = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")
_MODULES = {
    "node_modules/native/package.json": '{"name": "native", "version": "1.0.0", "dependencies": {"helper": "1"}}',
    "node_modules/native/index.js": "module.exports = require('helper') + require('./lib/found')",
    "node_modules/native/lib/found.js": "module.exports = require('fs').existsSync(__dirname + '/x.node')",
    "node_modules/native/lib/x.node": "",
    "node_modules/helper/index.js": "module.exports = 'helped '",
    "node_modules/helper/package.json": '{"name": "helper", "version": "1.0.0"}',
    "node_modules/unused/index.js": "",
}
_FUNCTIONS = {"create": "src/todos.create", "get": "src/todos.get", "list": "plain.handler"}
_CALL_FUNCTION = """
const { handler } = require('./semantest_shim.cjs')
handler({}, {}).then((answer) => console.log(answer), (error) => console.log(error.stack))
"""


class TestBundle:
    @pytest.mark.parametrize(
        ("file", "project", "bundle"),
        [
            ("src/app.ts", None, "src/app.cjs"),
            ("src/app.ts", '{"type": "module"}', "src/app.mjs"),
            ("src/app.mts", None, "src/app.mjs"),
            ("src/app.cts", '{"type": "module"}', "src/app.cjs"),
            ("src/app.tsx", '{"type": "commonjs"}', "src/app.cjs"),
        ],
    )
    def test_is_the_kind_of_module_that_the_project_says(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names, tmp_path: Path,
        file: str, project: str | None, bundle: str,
    ) -> None:  # fmt: skip
        write_files(source, {file: HANDLER, **({"package.json": project} if project else {})})

        artifact = builder.build(handler(source))

        assert {bundle, f"{bundle}.map"} <= set(list_names(artifact))
        assert call(artifact, tmp_path / "unpacked") == '"hello you"'

    def test_holds_modules_aliases_and_other_files(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names, tmp_path: Path
    ) -> None:
        code = "import { greet } from '@lib/greet'\nimport { readFileSync } from 'node:fs'\nimport text from 'words'\n"
        code += "export const handler = () => greet(text) + readFileSync('assets/end.txt', 'utf8')\n"
        write_files(
            source,
            {
                "src/app.ts": code,
                "src/lib/greet.ts": "export const greet = (name: string) => `hi ${name}`",
                "assets/end.txt": "!",
                "tsconfig.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@lib/*": ["src/lib/*"]}}}',
                "package.json": '{"dependencies": {"words": "1"}}',
                "node_modules/words/package.json": '{"name": "words", "version": "1.0.0"}',
                "node_modules/words/index.js": "module.exports = 'Ann'",
            },
        )

        artifact = builder.build(handler(source))

        assert call(artifact, tmp_path / "unpacked") == '"hi Ann!"'
        assert [name for name in list_names(artifact) if name.startswith("node_modules/")] == []

    @pytest.mark.parametrize("project", ['{"type": "module"}', "{}"], ids=["esm", "commonjs"])
    def test_names_the_places_of_the_source_in_stack_traces(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path, project: str
    ) -> None:
        code = "type Word = string\n\nexport const handler = (): Word => {\n  throw new Error('no')\n}\n"
        write_files(source, {"src/app.ts": code, "package.json": project})

        trace = call(builder.build(handler(source)), tmp_path / "unpacked")

        assert f"{tmp_path / 'unpacked' / 'src' / 'app.ts'}:4:9" in trace

    def test_of_an_entry_is_started_as_a_server(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"server.ts": "import http from 'node:http'\nhttp.createServer().listen(3000 as number)"})

        artifact = builder.build(FunctionSource(source, "server.ts", runtime="nodejs22.x"))

        with zipfile.ZipFile(artifact.path) as archive:
            settings = json.loads(archive.read("semantest_shim.json"))
        assert settings == {"entry": "server.cjs", "sourceMaps": "on"}

    @pytest.mark.parametrize(
        "code",
        [
            "import path from 'node:path'\nimport { fileURLToPath } from 'node:url'\n"
            "const __filename = fileURLToPath(import.meta.url)\nconst __dirname = path.dirname(__filename)\n"
            "export const handler = () => path.basename(__dirname)",
            "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n"
            "export const handler = () => require('node:path').basename('/x/src')",
            "export const handler = () => __dirname.split('/').pop()",
            "import words from 'words'\nexport const handler = () => words",
        ],
        ids=["own __dirname", "own require", "__dirname", "CommonJS package"],
    )
    def test_in_a_module_has_what_bundled_packages_expect(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path, code: str
    ) -> None:
        package = "module.exports = require('path').basename('/x/src')"
        write_files(source, {"src/app.mts": code, "node_modules/words/index.js": package})

        assert call(builder.build(handler(source)), tmp_path / "unpacked") == '"src"'

    def test_has_the_same_bytes_in_another_home(
        self, builder: PackageBuilder, home: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {"src/app.ts": HANDLER})
        shutil.copytree(home / "tools", home.parent / "other" / "tools", symlinks=True)

        assert (
            PackageBuilder(home.parent / "other").build(handler(source)).digest == builder.build(handler(source)).digest
        )

    def test_leaves_plain_javascript_as_it_is(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"src/app.js": "exports.handler = () => 1", "src/app.ts": "no code"})

        assert "src/app.cjs" not in list_names(builder.build(handler(source)))

    def test_lies_in_the_folder_of_the_source_on_azure(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"src/app.ts": HANDLER})
        try:
            artifact = builder.build(handler(source, provider="azure"))
        except ArtifactError as error:
            assert "@azure/functions" in error.message
            pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")

        assert "source/src/app.cjs" in list_names(artifact)


class TestSeveralFunctions:
    @pytest.fixture
    def artifact(self, builder: PackageBuilder, source: Path, write_files: WriteFiles) -> Artifact:
        """A package of two functions in one TypeScript file, and one in JavaScript that needs its modules."""
        code = "import native from 'native'\nexport const create = () => native\n"
        code += "export const get = () => { throw new Error('no') }\n"
        write_files(source, {"src/todos.ts": code, "plain.js": "exports.handler = () => require('helper')", **_MODULES})
        functions = {name: FunctionCode(handler) for name, handler in _FUNCTIONS.items()}
        return builder.build(FunctionSource(source, runtime="nodejs22.x", functions=functions))

    def call(self, artifact: Artifact, folder: Path, function: str) -> str:
        with zipfile.ZipFile(artifact.path) as archive:
            archive.extractall(folder)
        (folder / "call.cjs").write_text(_CALL_FUNCTION)
        variables = {**os.environ, "SEMANTEST_FUNCTION": function}
        ended = subprocess.run(
            ["node", "call.cjs"], cwd=folder, env=variables, capture_output=True, text=True, check=False
        )
        return ended.stdout.strip() or ended.stderr

    def test_are_bundled_or_packaged_as_they_are(self, artifact: Artifact, tmp_path: Path, list_names: Names) -> None:
        answers = {name: self.call(artifact, tmp_path / name, name) for name in _FUNCTIONS}

        assert (answers["create"], answers["list"]) == ("helped true", "helped")
        assert f"{tmp_path / 'get' / 'src' / 'todos.ts'}:3:" in answers["get"]
        assert [name for name in list_names(artifact) if name.endswith(".cjs.map")] == ["src/todos.cjs.map"]


class TestPackagesThatStayOutside:
    def test_are_those_with_compiled_modules(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names, tmp_path: Path
    ) -> None:
        write_files(
            source, {"src/app.ts": "import native from 'native'\nexport const handler = () => native", **_MODULES}
        )

        artifact = builder.build(handler(source))

        modules = {name.split("/")[1] for name in list_names(artifact) if name.startswith("node_modules/")}
        assert modules == {"native", "helper"}
        assert call(artifact, tmp_path / "unpacked") == '"helped true"'

    def test_are_those_that_the_user_names(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(
            source, {"src/app.ts": "import helper from 'helper'\nexport const handler = () => helper", **_MODULES}
        )

        names = list_names(builder.build(handler(source, include=("node_modules/helper",))))

        assert "node_modules/helper/index.js" in names

    def test_keep_their_own_names_of_files_in_a_module(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path
    ) -> None:
        code = "import native from 'native/lib/part'\nexport const handler = () => native"
        write_files(source, {"src/app.mts": code, "node_modules/native/lib/part.js": "module.exports = 1", **_MODULES})

        assert call(builder.build(handler(source)), tmp_path / "unpacked") == "1"

    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_are_what_the_cloud_provides(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, provider: str
    ) -> None:
        code = "import { S3Client } from '@aws-sdk/client-s3'\nexport const handler = () => new S3Client({})"
        write_files(source, {"src/app.ts": code})
        if provider == "aws":
            with zipfile.ZipFile(builder.build(handler(source)).path) as archive:
                assert b'require("@aws-sdk/client-s3")' in archive.read("src/app.cjs")
            return

        refusal = refusal_of(builder, handler(source, provider=provider))

        assert refusal.faults[0].hint == "`npm install @aws-sdk/client-s3` adds it."

    def test_are_not_what_the_source_has_itself(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path
    ) -> None:
        code = "import { S3Client } from '@aws-sdk/client-s3'\nexport const handler = () => S3Client"
        write_files(
            source, {"src/app.ts": code, "node_modules/@aws-sdk/client-s3/index.js": "exports.S3Client = 'mine'"}
        )

        assert call(builder.build(handler(source)), tmp_path / "unpacked") == '"mine"'

    def test_are_optional_ones_that_are_not_installed(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path
    ) -> None:
        code = "exports.read = (load) => { try { return load() } catch { return 'without' } }\n"
        code += "exports.optional = () => exports.read(() => require('not-there'))"
        write_files(
            source,
            {
                "src/app.ts": "import words from 'words'\nexport const handler = () => words.optional()",
                "node_modules/words/index.js": code,
            },
        )

        artifact = builder.build(handler(source))

        assert artifact.notes == ("Not installed, and therefore not in the bundle: not-there.",)
        assert call(artifact, tmp_path / "unpacked") == '"without"'


class TestFaults:
    def test_have_file_line_and_what_to_do(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {"src/app.ts": "import 'left-pad'\nimport './gone'\nexport const handler = () => 1 +\n"})

        refusal = refusal_of(builder, handler(source))

        assert refusal.message == "Cannot bundle the source: esbuild found errors."
        assert ("src/app.ts", 4, 0) not in [(fault.file, fault.line, fault.column) for fault in refusal.faults]
        assert {fault.file for fault in refusal.faults} == {"src/app.ts"}

    def test_name_the_package_to_install(self, builder: PackageBuilder, source: Path, write_files: WriteFiles) -> None:
        write_files(
            source, {"src/app.ts": "import '@scope/pad/lib'\nimport './gone'\nexport const handler = () => 1\n"}
        )

        refusal = refusal_of(builder, handler(source))

        assert [(fault.line, fault.hint) for fault in refusal.faults] == [
            (1, "`npm install @scope/pad` adds it."),
            (2, ""),
        ]

    def test_of_a_missing_registry_say_what_to_do(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name, value in {
            "registry": "http://127.0.0.1:9/",
            "cache": str(tmp_path / "empty"),
            "fetch_retries": "0",
        }.items():
            monkeypatch.setenv(f"npm_config_{name}", value)
        write_files(source, {"src/app.ts": HANDLER})

        refusal = refusal_of(PackageBuilder(home), handler(source))

        assert refusal.message.startswith("Cannot install esbuild (for TypeScript)")
        assert "add esbuild to devDependencies, or name a `build`" in refusal.hint

    def test_of_missing_programs_come_before_the_build(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        write_files(source, {"src/app.ts": HANDLER})
        node = shutil.which("node") or ""
        (tmp_path / "bin").mkdir()
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))

        faults = PackageBuilder(home).find_packaging_faults(handler(source))
        (tmp_path / "bin" / "node").symlink_to(node)
        others = PackageBuilder(home).find_packaging_faults(handler(source))

        assert [fault.message.partition(",")[2].strip() for fault in (*faults, *others)] == [
            "and node, which bundles it, is not on the PATH",
            "and npm, which installs esbuild, is not on the PATH",
        ]


_DECORATED = """\
import 'reflect-metadata'; import { A, type Shape } from './types';  function D(_: any) {}
@D class B { constructor(public a: A, public shape: Shape) {} }
export const handler = () => {
  const types = Reflect.getMetadata?.('design:paramtypes', B)
  if (!types) throw new Error('no types')
  return types.map((type: any) => type.name)
}
"""
_TYPES = "export interface Shape { x: number }\nexport class A {}\n"


class TestDecoratorMetadata:
    """Source: TypeScript's handbook, Decorators; esbuild's documentation, TypeScript caveats."""

    FILES: ClassVar = {
        "src/app.ts": _DECORATED,
        "src/types.ts": _TYPES,
        "tsconfig.json": '{"extends": "./base", /* none */ "compilerOptions": {},}',
        "base.json": '{"compilerOptions": {"experimentalDecorators": true, "emitDecoratorMetadata": true}}',
    }

    @pytest.mark.parametrize("kind", ["commonjs", "module"])
    def test_is_written_by_the_typescript_of_the_source(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles, tmp_path: Path, kind: str
    ) -> None:
        code = (
            _DECORATED if kind == "commonjs" else _DECORATED.replace("type Shape", "Shape as _").replace("Shape)", "A)")
        )
        code = code if kind == "commonjs" else code.replace("Shape as _", "A as _")
        write_files(source, {**self.FILES, "src/app.ts": code, "package.json": f'{{"type": "{kind}"}}'})
        link_packages(source / "node_modules", "typescript", "reflect-metadata")

        artifact = builder.build(handler(source))

        assert call(artifact, tmp_path / "unpacked") == ('["A","Object"]' if kind == "commonjs" else '["A","A"]')
        assert artifact.notes == ()

    def test_without_typescript_is_a_note(self, builder: PackageBuilder, source: Path, write_files: WriteFiles) -> None:
        write_files(source, self.FILES)
        link_packages(source / "node_modules", "reflect-metadata")

        assert "typescript is not installed" in builder.build(handler(source)).notes[0]


class TestUnchangedSource:
    def test_is_not_bundled_again_until_a_file_outside_of_it_changes(
        self, builder: PackageBuilder, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source.parent, {"shared.ts": "export const shared = 1"})
        write_files(
            source, {"src/app.ts": "import { shared } from '../../shared'\nexport const handler = () => shared"}
        )
        time.sleep(2 * CLOCK_TICK_NS / 1e9)
        first = builder.build(handler(source))
        os.environ["PATH"], path = "", os.environ["PATH"]
        try:
            again = builder.build(handler(source))
        finally:
            os.environ["PATH"] = path

        write_files(source.parent, {"shared.ts": "export const shared = 22"})

        assert again.digest == first.digest
        assert builder.build(handler(source)).digest != first.digest
