from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.settings import PackageSettings
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionCode, FunctionSource
from semantest_iac.infrastructure.artifacts.builds.source_runtimes import split_by_runtime
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

WriteFiles = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
PYTHON = {"app.py": "def handler(event, context):\n    return 'hi'\n", "lib/x.py": "", "run.sh": "#!/bin/sh\n"}
NODE = {
    "server.js": "require('http').createServer().listen(1)",
    "package.json": '{"dependencies": {"kept": "1"}}',
    "node_modules/kept/index.js": "",
    "node_modules/dev/index.js": "",
    "node_modules/maybe/index.js": "",
    "node_modules/kept/node_modules/deep-dev/index.js": "",
    "node_modules/.bin/tool": "",
    "node_modules/.package-lock.json": """{"packages": {
        "node_modules/kept": {}, "node_modules/dev": {"dev": true}, "node_modules/maybe": {"devOptional": true},
        "node_modules/kept/node_modules/deep-dev": {"dev": true}}}""",
}


def python(source: Path) -> FunctionSource:
    return FunctionSource(source, handler="app.handler", runtime="python3.13")


def codes(*handlers: str) -> dict[str, FunctionCode]:
    """Functions under the names of their modules."""
    names = (handler.removesuffix(".handler").replace(".", "/").rpartition("/")[2] for handler in handlers)
    return {name: FunctionCode(handler) for name, handler in zip(names, handlers, strict=True)}


def server(source: Path) -> FunctionSource:
    return FunctionSource(source, entry="server.js", runtime="nodejs22.x")


def wait_for_clock() -> None:
    """Wait for the file system's clock: a folder that was just written is never trusted."""
    time.sleep(0.1)


class TestBundledService:
    def test_needs_no_source(self, home: Path, list_names: Names) -> None:
        artifact = PackageBuilder(home).build(FunctionSource())

        assert (artifact.handler, artifact.runtime) == ("service.handler", "python3.13")
        assert list_names(artifact) == ["service.py"]

    def test_stays_python_when_a_node_runtime_is_set(self, home: Path) -> None:
        artifact = PackageBuilder(home).build(FunctionSource(runtime="nodejs22.x"))

        assert artifact.runtime == "python3.13"


class TestBytes:
    def test_are_the_same_for_other_dates_modes_and_homes(
        self, home: Path, tmp_path: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, PYTHON)
        first = PackageBuilder(home).build(python(source))

        os.utime(source / "app.py", (1, 1))
        (source / "app.py").chmod(0o600)
        (source / "__pycache__").mkdir()
        second = PackageBuilder(tmp_path / "elsewhere").build(python(source))

        assert second.path.read_bytes() == first.path.read_bytes()

    def test_are_named_by_their_hash(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)

        artifact = PackageBuilder(home).build(python(source))

        assert hashlib.sha256(artifact.path.read_bytes()).hexdigest() == artifact.digest == artifact.path.stem
        assert artifact.path.stat().st_size == artifact.size

    def test_keep_the_execute_bit(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        (source / "run.sh").chmod(0o700)

        artifact = PackageBuilder(home).build(python(source))

        with zipfile.ZipFile(artifact.path) as archive:
            modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        assert (modes["run.sh"], modes["app.py"]) == (0o755, 0o644)


class TestCache:
    def test_reuses_the_package_of_an_unchanged_source(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()
        first = PackageBuilder(home).build(python(source))
        written = first.path.stat()

        second = PackageBuilder(home).build(python(source))

        assert second == first
        assert second.path.stat().st_ino == written.st_ino

    def test_detects_an_edit_that_keeps_size_and_date(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()
        first = PackageBuilder(home).build(python(source))
        before = (source / "app.py").stat()

        (source / "app.py").write_text(PYTHON["app.py"].replace("hi", "ho"))
        os.utime(source / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))

        assert PackageBuilder(home).build(python(source)).digest != first.digest

    @pytest.mark.parametrize("damage", ["emptied", "gone", "one byte flipped"])
    def test_builds_a_damaged_package_again(
        self, home: Path, source: Path, write_files: WriteFiles, damage: str
    ) -> None:
        write_files(source, PYTHON)
        wait_for_clock()
        first = PackageBuilder(home).build(python(source))
        whole = first.path.read_bytes()

        first.path.write_bytes(b"" if damage == "emptied" else bytes([whole[0] ^ 1]) + whole[1:])
        if damage == "gone":
            first.path.unlink()
        again = PackageBuilder(home).build(python(source))
        assert again.path.read_bytes() == whole
        assert again.notes[-1].endswith(f"was {'missing' if damage == 'gone' else 'damaged'}; it was built again.")
        assert PackageBuilder(home).build(python(source)) == first

    def test_is_shared_by_builders_at_the_same_time(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()

        with ThreadPoolExecutor(8) as pool:
            built = [*pool.map(lambda _: PackageBuilder(home).build(python(source)), range(24))]

        assert built == [built[0]] * 24
        assert built[0].path.stat().st_size == built[0].size

    def test_ignores_an_incomplete_record(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()
        first = PackageBuilder(home).build(python(source))

        for record in (home / "artifacts" / "known").iterdir():
            record.write_text('{"digest": ')

        assert PackageBuilder(home).build(python(source)) == first

    def test_keeps_only_packages_and_records(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()

        PackageBuilder(home).build(python(source))

        files = [path for path in home.rglob("*") if path.is_file() and path.name != ".gitignore"]
        assert {path.suffix for path in files} == {".zip", ".json"}
        assert [*(home / "tmp").iterdir()] == []


class TestSourceFolder:
    def test_is_never_written_to(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, NODE)
        before = {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in source.rglob("*")}

        PackageBuilder(home).build(server(source))

        assert {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in source.rglob("*")} == before

    def test_may_contain_the_home(self, source: Path, write_files: WriteFiles, list_names: Names) -> None:
        write_files(source, PYTHON)
        builder = PackageBuilder(source / "state")

        first = builder.build(python(source))
        second = builder.build(python(source))

        assert second.digest == first.digest
        assert not [name for name in list_names(second) if name.startswith("state")]

    def test_is_packaged_without_links_and_secrets_with_a_note(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {**PYTHON, ".env": "TOKEN=1"})
        (source / "link").symlink_to("nothing")

        artifact = PackageBuilder(home).build(python(source))

        assert {".env", "link"}.isdisjoint(list_names(artifact))
        assert artifact.notes == (
            "Left out 1 link to nothing: link.",
            "Left out 1 secret-looking file: .env. To package one, name it: `package: {include: [.env]}`.",
        )

    def test_is_refused_when_it_is_too_large(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        with (source / "sparse").open("wb") as file:
            file.truncate(251 * 1024 * 1024)

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(python(source))

        assert "250 MB" in caught.value.faults[0].message
        assert not [*home.rglob("*.zip")]


class TestNodeServer:
    def test_is_packaged_with_its_shim_and_without_dev_modules(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, NODE)

        artifact = PackageBuilder(home).build(server(source))

        modules = sorted(name for name in list_names(artifact) if name.startswith("node_modules"))
        assert artifact.handler == "semantest_shim.handler"
        assert "semantest_shim.cjs" in list_names(artifact)
        assert modules == ["node_modules/kept/index.js", "node_modules/maybe/index.js"]

    @pytest.mark.parametrize("entry", ["./server.js", "server.js"])
    def test_is_named_with_or_without_a_leading_dot(
        self, home: Path, source: Path, write_files: WriteFiles, entry: str
    ) -> None:
        write_files(source, NODE)

        artifact = PackageBuilder(home).build(FunctionSource(source, entry=entry, runtime="nodejs22.x"))

        with zipfile.ZipFile(artifact.path) as archive:
            assert archive.read("semantest_shim.json") == b'{"entry": "server.js"}'

    def test_is_refused_when_it_has_a_file_that_the_package_adds(
        self, home: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {**NODE, "semantest_shim.json": "{}"})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(server(source))

        assert [fault.path for fault in caught.value.faults] == ["semantest_shim.json"]


class TestSeveralFunctions:
    def test_are_one_package_with_the_handlers_by_name(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"todos/create.py": "", "todos/show.py": ""})
        functions = codes("todos/create.handler", "todos.show.handler")

        artifact = PackageBuilder(home).build(FunctionSource(source, functions=functions))

        with zipfile.ZipFile(artifact.path) as archive:
            settings = json.loads(archive.read("semantest_entry.json"))
        assert settings == {"functions": {name: {"handler": code.handler} for name, code in functions.items()}}
        assert (artifact.runtime, artifact.handlers) == ("python3.13", {})

    def test_are_refused_with_every_handler_that_is_missing(
        self, home: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {"one.js": ""})
        functions = codes("one.handler", "two.handler", "lib/three.handler")

        found = PackageBuilder(home).find_packaging_faults(FunctionSource(source, functions=functions))

        assert [fault.path for fault in found] == ["functions.two.handler", "functions.three.handler"]

    def test_have_a_package_for_each_runtime(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"one.js": "", "two.py": "", "three.js": "", "main.py": ""})
        functions = codes("one.handler", "two.handler", "three.handler")
        functions["two"], functions["old"] = replace(functions["two"], runtime="python3.12"), FunctionCode(app="main:f")
        asked = FunctionSource(source, handler="three.handler", functions=functions)

        parts = split_by_runtime(asked)

        assert [(part.runtime, part.handler, [*part.functions]) for part in parts] == [
            ("nodejs24.x", "three.handler", ["one", "three"]),
            ("python3.12", "", ["two"]),
            ("python3.13", "", ["old"]),
        ]
        artifact = PackageBuilder(home).build(replace(asked, functions={**functions, "old": FunctionCode("main.f")}))
        assert (artifact.runtime, {name: one.runtime for name, one in artifact.companions.items()}) == (
            "nodejs24.x",
            {"two": "python3.12", "old": "python3.13"},
        )
        with zipfile.ZipFile(artifact.companions["two"].path) as archive:
            assert json.loads(archive.read("semantest_entry.json")) == {
                "functions": {"two": {"handler": "two.handler"}}
            }

    def test_share_a_runtime_on_azure(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"one.js": "", "two.py": ""})
        asked = FunctionSource(source, provider="azure", functions=codes("one.handler", "two.handler"))

        [fault] = PackageBuilder(home).find_packaging_faults(asked)

        assert (fault.path, "one app" in fault.message) == ("functions.two.handler", True)

    def test_of_another_language_than_the_runtime_are_told_so(
        self, home: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {"one.js": "", "two.py": ""})
        asked = FunctionSource(source, runtime="nodejs24.x", functions=codes("one.handler", "two.handler"))

        [fault] = PackageBuilder(home).find_packaging_faults(asked)

        assert (fault.path, fault.hint) == (
            "functions.two.handler",
            "two.py is there: give the function the runtime python3.13.",
        )

    def test_of_a_zip_are_called_by_their_own_handlers(self, home: Path, source: Path) -> None:
        package = source.parent / "app.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("one.py", "")
        ready = FunctionSource(package, runtime="python3.13", functions=codes("one.handler"))

        assert PackageBuilder(home).build(ready).handlers == {"one": "one.handler"}
        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(replace(ready, functions=codes("one.handler", "two.handler")))
        assert [fault.path for fault in caught.value.faults] == ["functions.two.handler"]


class TestRefusals:
    @pytest.mark.parametrize("entry", ["missing.js", "../server.js", "/etc/passwd", "a\0b", "linked.js"])
    def test_name_an_entry_that_is_not_in_the_source(
        self, home: Path, source: Path, write_files: WriteFiles, entry: str
    ) -> None:
        write_files(source, NODE)
        (source.parent / "server.js").touch()
        (source / "linked.js").symlink_to("../server.js")

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(source, entry=entry, runtime="nodejs22.x"))

        assert [fault.path for fault in caught.value.faults] != []
        assert not [*home.rglob("*.zip")]

    @pytest.mark.parametrize("handler", ["", "app", "missing.handler", "../app.handler", "app.handler()", "a b.c"])
    def test_name_a_handler_that_is_not_in_the_source(
        self, home: Path, source: Path, write_files: WriteFiles, handler: str
    ) -> None:
        write_files(source, PYTHON)

        with pytest.raises(ArtifactError):
            PackageBuilder(home).build(FunctionSource(source, handler=handler, runtime="python3.13"))

    def test_name_a_missing_folder(self, home: Path, source: Path) -> None:
        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(python(source / "missing"))

        assert caught.value.hint

    def test_name_an_unknown_runtime(self, home: Path, source: Path) -> None:
        source.mkdir(exist_ok=True)
        (source / "app.py").write_text("")
        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(source, "", "app.handler", runtime="java21"))

        assert [fault.path for fault in caught.value.faults] == ["runtime"]


KEY = "-----BEGIN PRIVATE KEY-----"
SELECTED = {
    **PYTHON, "coverage/__init__.py": "", "compiled.pyc": "x", "lib/x.pyc": "x", "env/pyvenv.cfg": "",
    "env/y.py": "", "config/.env.dev": "A=1", "prod.env": "A=1", "credentials": "", "docs/a.md": "",
}  # fmt: skip


class TestSelection:
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_leaves_out_what_is_generated_or_secret_and_says_so(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names, provider: str
    ) -> None:
        write_files(source, SELECTED)

        artifact = PackageBuilder(home).build(replace(python(source), provider=provider))

        prefix = "source/" if provider == "azure" else ""
        names = {name.removeprefix(prefix) for name in list_names(artifact)}
        assert names >= {"coverage/__init__.py", "compiled.pyc", "docs/a.md", "lib/x.py"}
        assert names.isdisjoint({"lib/x.pyc", "env/y.py", "config/.env.dev", "prod.env", "credentials"})
        assert artifact.notes == (
            "Left out 1 generated folder: env.",
            "Left out 3 secret-looking files: config/.env.dev, credentials, prod.env. "
            "To package one, name it: `package: {include: [config/.env.dev]}`.",
        )

    @pytest.mark.parametrize("provider", ["aws", "azure"])
    @pytest.mark.parametrize("build", [(), ("make",)], ids=["plain", "built"])
    @pytest.mark.parametrize("is_node", [True, False], ids=["node", "python"])
    def test_says_before_packaging_what_looks_secret(
        self, home: Path, source: Path, write_files: WriteFiles, provider: str, build: tuple[str, ...], is_node: bool
    ) -> None:
        write_files(source, {**(NODE if is_node else PYTHON), ".aws/credentials": "", "prod.env": "", "tls.pem": KEY})
        write_files(source, {"ca.pem": "-----BEGIN CERTIFICATE-----", "node_modules/kept/test.pem": KEY})
        asked = server(source) if is_node else python(source)

        notes = PackageBuilder(home).find_packaging_notes(replace(asked, provider=provider, build=build))

        assert notes == (
            "Left out 3 secret-looking files: .aws/, prod.env, tls.pem. "
            "To package one, name it: `package: {include: [prod.env]}`.",
        )

    def test_keeps_what_installed_modules_hold(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {**NODE, "node_modules/kept/test.pem": KEY, "node_modules/kept/cacert.pem": "CERTIFICATE"})
        write_files(source, {"packages/own/index.js": "", "packages/own/tls.pem": KEY, "packages/own/prod.env": ""})
        (source / "node_modules/own").symlink_to("../packages/own")

        artifact = PackageBuilder(home).build(server(source))

        names = set(list_names(artifact))
        assert names >= {"node_modules/kept/test.pem", "node_modules/kept/cacert.pem", "node_modules/own/index.js"}
        assert not {name for name in names if name.endswith(("own/tls.pem", "own/prod.env"))}
        assert artifact.notes[0].startswith(
            "Left out 2 secret-looking files: packages/own/prod.env, packages/own/tls.pem. "
        )

    def test_says_what_looks_secret_once_it_is_there(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        wait_for_clock()
        first = PackageBuilder(home).build(python(source))
        write_files(source, {"prod.env": "A=1"})

        second = PackageBuilder(home).build(python(source))

        assert (first.notes, second.digest, len(second.notes)) == ((), first.digest, 1)

    def test_follows_the_user_s_patterns(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, SELECTED)
        package = PackageSettings(exclude=("docs", "**/*.pyc", "gone"), include=("config/.env.dev", "prod.env"))

        artifact = PackageBuilder(home).build(replace(python(source), package=package))

        names = set(list_names(artifact))
        assert names >= {"config/.env.dev", "prod.env"}
        assert names.isdisjoint({"docs/a.md", "compiled.pyc", "credentials"})
        assert "package.exclude leaves nothing out with 'gone'." in artifact.notes

    def test_is_part_of_what_decides_the_package(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, SELECTED)
        wait_for_clock()
        whole = PackageBuilder(home).build(python(source))

        part = PackageBuilder(home).build(replace(python(source), package=PackageSettings(exclude=("docs",))))

        assert part.digest != whole.digest

    def test_refuses_to_include_what_is_not_there(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, PYTHON)
        package = PackageSettings(include=("config/.env.dev", "lib/*.json", "app.py"))

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(replace(python(source), package=package))

        assert [fault.message for fault in caught.value.faults] == [
            "the source holds no 'config/.env.dev'",
            "the source holds no 'lib/*.json'",
        ]

    def test_refuses_a_path_that_would_be_a_file_and_a_folder(
        self, home: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, {**PYTHON, "semantest_entry.py/x": ""})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(python(source))

        assert [fault.path for fault in caught.value.faults] == ["semantest_entry.py/x"]
