"""Dependencies are installed by the real npm and pip from files beside the source, without a registry."""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

WriteFiles = Callable[[Path, dict[str, str | bytes]], None]
Names = Callable[[Artifact], list[str]]
NODE_MODULE = {"package.json": '{"name":"mini","version":"1.0.0"}', "index.js": "module.exports = 42"}
CLOSED = "http://127.0.0.1:9/"
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on the PATH")


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mini.py", "ANSWER = 42\n")
        archive.writestr("mini-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mini\nVersion: 1.0\n")
        archive.writestr("mini-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("mini-1.0.dist-info/entry_points.txt", "[console_scripts]\nmini = mini:main\n")
        archive.writestr("mini-1.0.dist-info/RECORD", "mini.py,,\n")
    return content.getvalue()


def node_module() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in NODE_MODULE.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def python(source: Path) -> FunctionSource:
    return FunctionSource(source, handler="app.handler", runtime="python3.11")


def node(source: Path) -> FunctionSource:
    return FunctionSource(source, entry="server.js", runtime="nodejs22.x")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="only Linux has setpriv")
def test_an_installer_ends_with_the_tool_that_is_killed(tmp_path: Path) -> None:
    """It holds a pipe open, which is closed when it has ended."""
    program = (
        "import sys; from pathlib import Path; "
        "from semantest_iac.infrastructure.artifacts.installers import ProgramRunner; "
        "ProgramRunner().execute(sys.argv[2:], Path(sys.argv[1]), {'PATH': '/usr/bin:/bin'})"
    )
    fifo = tmp_path / "installer"
    os.mkfifo(fifo)
    command = ["sh", "-c", f"echo started > {fifo}; exec sleep 60 > {fifo}"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path), *command], env=variables) as tool:
        with fifo.open() as started:
            assert started.readline() == "started\n"
        with fifo.open() as lasting:
            tool.kill()
            assert select.select([lasting], [], [], 30)[0], "it runs on"
            assert lasting.read() == ""  # the end of the file: nobody holds the other side any more


class TestRequirements:
    def test_are_installed_beside_the_code(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"app.py": "", "w/mini-1.0-py3-none-any.whl": wheel()})
        write_files(source, {"requirements.txt": "--no-index\n--find-links w\nmini==1.0\n"})

        names = list_names(PackageBuilder(home).build(python(source)))

        assert "mini.py" in names
        assert not [name for name in names if name.startswith("bin/") or name.endswith(".pyc")]
        assert not (source / "mini.py").exists()

    def test_are_installed_where_azure_looks(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(source, {"app.py": "", "w/mini-1.0-py3-none-any.whl": wheel()})
        write_files(source, {"requirements.txt": "--no-index\n--find-links w\nmini==1.0\n"})

        names = list_names(PackageBuilder(home).build(replace(python(source), provider="azure")))

        assert ".python_packages/lib/site-packages/mini.py" in names

    @pytest.mark.parametrize("text", ["", "# nothing\n\n"], ids=["empty", "comments"])
    def test_without_entries_do_not_run_pip(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", CLOSED)
        write_files(source, {"app.py": "", "requirements.txt": text})

        assert PackageBuilder(home).build(python(source)).size

    def test_that_cannot_be_installed_are_refused_with_the_reason(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", "http://user:hunter2@127.0.0.1:9/")
        monkeypatch.setenv("PIP_RETRIES", "0")
        write_files(source, {"app.py": "", "requirements.txt": "no-such-thing==1.0\n"})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(python(source))

        assert "no-such-thing" in caught.value.message
        assert "hunter2" not in caught.value.message
        assert "\n" not in caught.value.message
        assert [path.name for path in home.rglob("*") if path.is_file()] == [".gitignore"]


@needs_npm
class TestNodeModules:
    def test_are_installed_in_a_copy(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        project = {"dependencies": {"mini": "file:mini-1.0.0.tgz"}}
        write_files(source, {"server.js": "", "mini-1.0.0.tgz": node_module(), "package.json": json.dumps(project)})

        names = list_names(PackageBuilder(home).build(node(source)))

        assert "node_modules/mini/index.js" in names
        assert not (source / "node_modules").exists()

    def test_that_cannot_be_installed_are_refused_with_the_reason(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("npm_config_registry", CLOSED)
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        write_files(source, {"server.js": "", "package.json": '{"dependencies": {"no-such-thing": "1.0.0"}}'})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(node(source))

        assert caught.value.message.startswith("Cannot install node modules: ")
        assert caught.value.hint
        assert not (source / "node_modules").exists()

    def test_see_no_cloud_credentials_while_they_install(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, list_names: Names
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        script = "node -e \"require('fs').writeFileSync('seen.txt', process.env.AWS_SECRET_ACCESS_KEY || 'nothing')\""
        project = {"dependencies": {"mini": "file:mini-1.0.0.tgz"}, "scripts": {"postinstall": script}}
        write_files(source, {"server.js": "", "mini-1.0.0.tgz": node_module(), "package.json": json.dumps(project)})

        artifact = PackageBuilder(home).build(node(source))

        with zipfile.ZipFile(artifact.path) as archive:
            assert archive.read("seen.txt") == b"nothing"

    @pytest.mark.parametrize("text", ["{", "[]"], ids=["broken", "list"])
    def test_of_an_unreadable_project_are_refused(
        self, home: Path, source: Path, write_files: WriteFiles, text: str
    ) -> None:
        write_files(source, {"server.js": "", "package.json": text})

        with pytest.raises(ArtifactError):
            PackageBuilder(home).build(node(source))


class TestNpm:
    def test_is_named_when_it_is_missing(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(source))
        write_files(source, {"server.js": "", "package.json": '{"dependencies": {"a": "1"}}'})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(node(source))

        assert "npm is not on the PATH" in caught.value.message
