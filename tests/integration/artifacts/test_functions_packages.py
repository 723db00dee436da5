from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from tests.integration.artifacts.packages import read_file
from tests.node_packages import build_or_skip

WriteFiles = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
CLOSED = "http://127.0.0.1:9/"
NODE = {"server.js": "", "host.json": "mine", "package.json": '{"type": "module"}', "node_modules/cookie/index.js": ""}
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on the PATH")


def python(source: Path) -> FunctionSource:
    return FunctionSource(source, handler="app.handler", runtime="python3.13", provider="azure")


def server(source: Path) -> FunctionSource:
    return FunctionSource(source, entry="server.js", runtime="nodejs22.x", provider="azure")


class TestPythonPackage:
    def test_contains_the_app_that_azure_looks_for(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"app.py": "", "host.json": "mine", "function_app.py": "mine", "lib/x.py": ""})

        artifact = PackageBuilder(home).build(python(source))

        ours = {"function_app.py", "host.json", "semantest_entry.json"}
        ours |= {
            "semantest_handler.py",
            "semantest_events.py",
            "semantest_payload.py",
            "semantest_trigger.py",
            "semantest_vault.py",
        }
        theirs = {"source/app.py", "source/function_app.py", "source/host.json", "source/lib/x.py"}
        assert set(list_names(artifact)) == ours | theirs
        assert (artifact.handler, artifact.runtime) == ("function_app.py", "python3.13")
        assert json.loads(read_file(artifact, "host.json"))["extensions"]["http"]["routePrefix"] == ""

    def test_differs_from_the_package_for_aws(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"app.py": ""})
        builder = PackageBuilder(home)

        azure, aws = builder.build(python(source)), builder.build(FunctionSource(source, "", "app.handler"))

        assert azure.digest != aws.digest
        assert builder.build(python(source)).digest == azure.digest

    def test_is_the_bundled_service_without_a_source(self, home: Path, list_names: Names) -> None:
        artifact = PackageBuilder(home).build(FunctionSource(provider="azure"))

        assert "source/service.py" in list_names(artifact)
        assert json.loads(read_file(artifact, "semantest_entry.json")) == {"handler": "service.handler"}


@needs_npm
class TestNodePackage:
    def test_separates_the_platform_s_library_from_the_source_s_modules(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, NODE)

        artifact = build_or_skip(home, server(source))

        names = set(list_names(artifact))
        assert {"node_modules/@azure/functions/package.json", "node_modules/cookie/package.json"} <= names
        assert {f"source/{name}" for name in NODE} <= names
        assert json.loads(read_file(artifact, "package.json"))["main"] == "semantest_functions.cjs"
        assert [name for name in names if name.endswith((".ts", ".map")) and "functions/" in name] == []

    def test_leaves_the_source_unchanged(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"server.js": ""})

        build_or_skip(home, server(source))

        assert [path.name for path in source.iterdir()] == ["server.js"]

    def test_has_the_same_bytes_in_another_home(
        self, home: Path, tmp_path: Path, source: Path, write_files: WriteFiles
    ) -> None:
        write_files(source, NODE)

        digests = {build_or_skip(folder, server(source)).digest for folder in (home, tmp_path / "elsewhere")}

        assert len(digests) == 1

    def test_without_a_network_gives_a_hint(
        self, home: Path, tmp_path: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_files(source, {"server.js": ""})
        monkeypatch.setenv("npm_config_registry", CLOSED)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "empty"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(server(source))

        assert caught.value.message.startswith("Cannot install @azure/functions")
        assert "deploy once with access to its registry" in caught.value.hint

    def test_without_npm_gives_the_reason(
        self, home: Path, tmp_path: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_files(source, {"server.js": ""})
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
            archive.writestr("package.json", '{"main": "src/*.js"}')
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

    @pytest.mark.parametrize(
        ("runtime", "files", "path"),
        [
            ("nodejs24.x", {"package.json": "{}"}, "package.json"),
            ("nodejs24.x", {"src/index.js": ""}, "package.json"),
            ("nodejs24.x", {"package.json": "no JSON"}, "package.json"),
            ("python3.13", {"app.py": "", "deep/er/function.json": "{}"}, "function_app.py"),
        ],
        ids=["no main", "no package.json", "broken package.json", "python"],
    )
    def test_is_refused_if_azure_would_find_no_function(
        self, home: Path, package: Path, runtime: str, files: dict[str, str], path: str
    ) -> None:
        with zipfile.ZipFile(package, "w") as archive:
            for name, text in {"host.json": "{}", **files}.items():
                archive.writestr(name, text)

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(package, runtime=runtime, provider="azure"))

        assert [fault.path for fault in caught.value.faults] == [path]

    @pytest.mark.parametrize("runtime", ["nodejs24.x", "python3.13"])
    def test_may_be_of_a_model_with_a_file_per_function(self, home: Path, package: Path, runtime: str) -> None:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("host.json", "{}")
            archive.writestr("Item/function.json", "{}")

        assert PackageBuilder(home).build(FunctionSource(package, runtime=runtime, provider="azure")).size > 0

    @pytest.mark.parametrize(
        ("host", "path"),
        [
            ("{}", "/api"),
            ('{"extensions": {"http": {"routePrefix": "v1/rest"}}}', "/v1/rest"),
            ('{"extensions": {"http": {"routePrefix": ""}}}', ""),
        ],
    )
    def test_answers_below_its_route_prefix(self, home: Path, package: Path, host: str, path: str) -> None:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("host.json", host)
            archive.writestr("function_app.py", "")
        builder = PackageBuilder(home)

        artifact = builder.build(FunctionSource(package, runtime="python3.13", provider="azure"))

        assert (builder.find_base_path(artifact, "azure"), builder.find_base_path(artifact, "aws")) == (path, "")

    def test_requires_a_runtime(self, home: Path, package: Path) -> None:
        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(package, provider="azure"))

        assert [fault.path for fault in caught.value.faults] == ["runtime"]
