"""Packages for Azure Functions: the person's files in a folder of their own, ours and the platform's beside it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact, FunctionSource
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

Plant = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
CLOSED = "http://127.0.0.1:9/"
NODE = {"server.js": "", "host.json": "mine", "package.json": '{"type": "module"}', "node_modules/cookie/index.js": ""}
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on the PATH")


def python(source: Path) -> FunctionSource:
    return FunctionSource(source, handler="app.handler", runtime="python3.13", provider="azure")


def server(source: Path) -> FunctionSource:
    return FunctionSource(source, entry="server.js", runtime="nodejs22.x", provider="azure")


def built(home: Path, source: FunctionSource) -> Artifact:
    """The package, or no test where npm cannot fetch what it needs."""
    try:
        return PackageBuilder(home).build(source)
    except ArtifactError as error:
        if "@azure/functions" not in error.message:
            raise
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")


def read(artifact: Artifact, name: str) -> str:
    with zipfile.ZipFile(artifact.path) as archive:
        return archive.read(name).decode()


class TestPythonPackage:
    def test_holds_the_model_that_azure_looks_for(
        self, home: Path, source: Path, plant: Plant, names_in: Names
    ) -> None:
        plant(source, {"app.py": "", "host.json": "mine", "function_app.py": "mine", "lib/x.py": ""})

        artifact = PackageBuilder(home).build(python(source))

        ours = {"function_app.py", "host.json", "semantest_handler.py", "semantest_trigger.py", "semantest_entry.json"}
        theirs = {"source/app.py", "source/function_app.py", "source/host.json", "source/lib/x.py"}
        assert set(names_in(artifact)) == ours | theirs
        assert (artifact.handler, artifact.runtime) == ("function_app.py", "python3.13")
        assert json.loads(read(artifact, "host.json"))["extensions"]["http"]["routePrefix"] == ""

    def test_is_bytes_of_its_own_beside_the_one_for_aws(self, home: Path, source: Path, plant: Plant) -> None:
        plant(source, {"app.py": ""})
        builder = PackageBuilder(home)

        azure, aws = builder.build(python(source)), builder.build(FunctionSource(source, "", "app.handler"))

        assert azure.digest != aws.digest
        assert builder.build(python(source)).digest == azure.digest

    def test_is_the_bundled_service_where_nothing_is_named(self, home: Path, names_in: Names) -> None:
        artifact = PackageBuilder(home).build(FunctionSource(provider="azure"))

        assert "source/service.py" in names_in(artifact)
        assert json.loads(read(artifact, "semantest_entry.json")) == {"handler": "service.handler"}


@needs_npm
class TestNodePackage:
    def test_holds_the_platforms_library_apart_from_the_sources_modules(
        self, home: Path, source: Path, plant: Plant, names_in: Names
    ) -> None:
        plant(source, NODE)

        artifact = built(home, server(source))

        names = set(names_in(artifact))
        assert {"node_modules/@azure/functions/package.json", "node_modules/cookie/package.json"} <= names
        assert {f"source/{name}" for name in NODE} <= names
        assert json.loads(read(artifact, "package.json"))["main"] == "semantest_functions.cjs"
        assert [name for name in names if name.endswith((".ts", ".map")) and "functions/" in name] == []

    def test_leaves_the_source_as_it_was(self, home: Path, source: Path, plant: Plant) -> None:
        plant(source, {"server.js": ""})

        built(home, server(source))

        assert [path.name for path in source.iterdir()] == ["server.js"]

    def test_is_the_same_bytes_in_another_home(self, home: Path, tmp_path: Path, source: Path, plant: Plant) -> None:
        plant(source, NODE)

        digests = {built(folder, server(source)).digest for folder in (home, tmp_path / "elsewhere")}

        assert len(digests) == 1

    def test_without_a_network_says_what_to_do(
        self, home: Path, tmp_path: Path, source: Path, plant: Plant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plant(source, {"server.js": ""})
        monkeypatch.setenv("npm_config_registry", CLOSED)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "empty"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(server(source))

        assert caught.value.message.startswith("Cannot install @azure/functions")
        assert "deploy once with access to its registry" in caught.value.hint

    def test_without_npm_says_what_to_do(
        self, home: Path, tmp_path: Path, source: Path, plant: Plant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plant(source, {"server.js": ""})
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(server(source))

        assert "npm is not on the PATH" in caught.value.message


class TestReadyApp:
    @pytest.fixture
    def package(self, tmp_path: Path) -> Path:
        path = tmp_path / "app.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("host.json", '{"version": "2.0"}')
        return path

    def test_is_deployed_byte_for_byte_and_needs_no_handler(self, home: Path, package: Path) -> None:
        artifact = PackageBuilder(home).build(FunctionSource(package, runtime="nodejs24.x", provider="azure"))

        assert artifact.path.read_bytes() == package.read_bytes()

    def test_is_refused_without_a_host_file_at_its_root(self, home: Path, package: Path) -> None:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app/host.json", "{}")

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(package, runtime="nodejs24.x", provider="azure"))

        assert [(fault.path, fault.message) for fault in caught.value.faults] == [
            ("host.json", "the archive holds no host.json")
        ]

    def test_must_say_its_runtime(self, home: Path, package: Path) -> None:
        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(package, provider="azure"))

        assert [fault.path for fault in caught.value.faults] == ["runtime"]
