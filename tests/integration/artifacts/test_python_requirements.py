"""pip installs wheels and projects that the tests make, for another Python than the one that runs it."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.settings import PackageSettings
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from tests.integration.artifacts.packages import refusal_of

WriteFiles = Callable[[Path, dict[str, str | bytes]], None]
Names = Callable[[Artifact], list[str]]
BACKEND = '''"""A build backend that needs no index; like setuptools it writes into the project."""
import os, pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build/written").write_text("x")
    name = "mylib-1.0-%s.whl" % TAG
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path in sorted(pathlib.Path(".").rglob("mylib/*.py")):
            archive.write(path, path.relative_to("build/lib") if "build" in path.parts else path)
        info = "mylib-1.0.dist-info/"
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: mylib\\nVersion: 1.0\\n" + EXTRA)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: %s\\n" % TAG)
        archive.writestr(info + "RECORD", "")
    return name

build_editable = build_wheel
'''
COMPILING_BACKEND = BACKEND.replace(
    '    pathlib.Path("build").mkdir',
    """    import subprocess, sys
    command = [os.environ.get("CC", "cc"), "-shared", "-o", "mylib/speed.so", "speed.c"]
    is_compiled = subprocess.run(command).returncode == 0
    if MODE == "required" and not is_compiled:
        raise SystemExit("error: a compiler is needed")
    global TAG
    own = "cp3%d" % sys.version_info.minor
    TAG = "py3-none-any" if MODE == "optional" and not is_compiled else f"{own}-{own}-linux_x86_64"
    pathlib.Path("build").mkdir""",
).replace('rglob("mylib/*.py")', 'rglob("mylib/*.*")')
"""Compiles a module as setup.py of many projects does: it is `required`, `optional`, or optional and `claimed`."""
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
OWN_RUNTIME = f"python3.{sys.version_info.minor}"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def project(prefix: str, *, tag: str = "py3-none-any", metadata: str = "") -> dict[str, str | bytes]:
    return {
        f"{prefix}/pyproject.toml": PROJECT,
        f"{prefix}/backend.py": f"TAG, EXTRA = {tag!r}, {metadata!r}\n{BACKEND}",
        f"{prefix}/mylib/__init__.py": "",
        f"{prefix}/mylib/kept.py": "",
    }


def wheel(name: str, *requires: str, tag: str = "py3-none-any", scripts: dict[str, bytes] | None = None) -> bytes:
    content, info = io.BytesIO(), f"{name}-1.0.dist-info/"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name}.py", "")
        for script, body in (scripts or {}).items():
            entry = zipfile.ZipInfo(f"{name}-1.0.data/scripts/{script}")
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, body)
        archive.writestr(info + "METADATA", metadata + "".join(f"Requires-Dist: {one}\n" for one in requires))
        archive.writestr(info + "WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(info + "RECORD", "")
    return content.getvalue()


def wheels(*names: str) -> dict[str, str | bytes]:
    return {f"w/{name}-1.0-py3-none-any.whl": wheel(name) for name in names}


def python(source: Path, runtime: str = "python3.13", provider: str = "aws") -> FunctionSource:
    return FunctionSource(source, handler="app.handler", runtime=runtime, provider=provider)


def modules(names: list[str]) -> set[str]:
    """Return the installed modules by name, wherever the cloud looks for them."""
    return {name.rpartition("/")[2] for name in names if name.endswith(".py")} - {"app.py"}


@pytest.fixture
def offline(source: Path, write_files: WriteFiles) -> Callable[..., None]:
    """Write an app with its requirements, whose wheels lie in `w`."""

    def write(requirements: str, **files: str | bytes) -> None:
        write_files(source, {"app.py": "", "requirements.txt": f"--no-index\n--find-links w\n{requirements}", **files})

    return write


class TestMarkers:
    REQUIREMENTS = 'new; python_version >= "3.13"\nold; python_version < "3.12"\nwin; sys_platform == "win32"\n'

    @pytest.mark.parametrize(
        ("runtime", "installed"), [("python3.13", "new.py"), ("python3.11", "old.py")], ids=["newer", "older"]
    )
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_are_those_of_the_function(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, runtime: str,
        installed: str, provider: str,
    ) -> None:  # fmt: skip
        offline(self.REQUIREMENTS, **wheels("new", "old", "win"))

        names = list_names(PackageBuilder(home).build(python(source, runtime, provider)))

        assert modules(names) & {"new.py", "old.py", "win.py"} == {installed}

    def test_are_those_of_the_function_in_the_metadata_of_wheels(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names
    ) -> None:
        outer = wheel("outer", 'new; python_version >= "3.13"', 'old; python_version < "3.12"')
        offline("outer\n", **wheels("new"), **{"w/outer-1.0-py3-none-any.whl": outer})

        names = list_names(PackageBuilder(home).build(python(source)))

        assert {"new.py", "outer.py"} <= modules(names)

    def test_are_those_of_the_function_in_files_that_a_file_names(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names
    ) -> None:
        nested = {"more/base.txt": f"-c limits.txt\n{self.REQUIREMENTS}", "more/limits.txt": "new==1.0\nold==9.9\n"}
        offline("-r more/base.txt\n", **wheels("new", "old"), **nested)

        assert "new.py" in modules(list_names(PackageBuilder(home).build(python(source))))


class TestHashes:
    @pytest.mark.parametrize("is_right", [True, False])
    def test_are_checked(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, is_right: bool
    ) -> None:
        files = wheels("mini")
        digest = sha256(bytes(files["w/mini-1.0-py3-none-any.whl"])).hexdigest() if is_right else "0" * 64  # type: ignore[arg-type]
        offline(f"mini==1.0 \\\n    --hash=sha256:{digest}\n", **files)

        if is_right:
            assert "mini.py" in list_names(PackageBuilder(home).build(python(source)))
        else:
            with pytest.raises(ArtifactError, match=r"(?i)hash"):
                PackageBuilder(home).build(python(source))


class TestWheels:
    @pytest.mark.parametrize(
        ("tag", "runtime"),
        [
            ("cp313-cp313-manylinux_2_34_x86_64", "python3.13"),
            ("cp39-abi3-manylinux_2_17_x86_64", "python3.13"),
            ("cp311-cp311-manylinux_2_26_x86_64", "python3.11"),
            ("cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64", "python3.13"),
            ("py2.py3-none-any", "python3.13"),
        ],
    )
    def test_of_the_function_s_system_are_found(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, tag: str, runtime: str
    ) -> None:
        offline("mini\n", **{f"w/mini-1.0-{tag}.whl": wheel("mini", tag=tag)})

        assert "mini.py" in list_names(PackageBuilder(home).build(python(source, runtime)))

    @pytest.mark.parametrize("tag", ["cp313-cp313-manylinux_2_35_x86_64", "cp313-cp313-macosx_11_0_arm64"])
    def test_of_other_systems_are_not(self, home: Path, source: Path, offline: Callable[..., None], tag: str) -> None:
        offline("mini\n", **{f"w/mini-1.0-{tag}.whl": wheel("mini", tag=tag)})

        with pytest.raises(ArtifactError, match="mini"):
            PackageBuilder(home).build(python(source))

    def test_keep_their_programs_and_lose_scripts_of_this_machine(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names
    ) -> None:
        tool = wheel("tool", scripts={"tool": b"\x7fELF program", "script": b"#!python\nprint()\n"})
        offline("tool\n", **{"w/tool-1.0-py3-none-any.whl": tool})

        artifact = PackageBuilder(home).build(python(source))

        assert [name for name in list_names(artifact) if name.startswith("bin/")] == ["bin/tool"]
        with zipfile.ZipFile(artifact.path) as archive:
            assert archive.getinfo("bin/tool").external_attr >> 16 & 0o111
            assert "bin/script" not in archive.read("tool-1.0.dist-info/RECORD").decode()


def source_distribution(*, metadata: str = "", mode: str = "") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        files = {**project("mylib-1.0", metadata=metadata), "mylib-1.0/PKG-INFO": "Name: mylib\nVersion: 1.0\n"}
        if mode:
            files["mylib-1.0/backend.py"] = f"EXTRA, MODE = '', {mode!r}\n{COMPILING_BACKEND}"
            files["mylib-1.0/speed.c"] = "int speed(void) { return 1; }\n"
        for name, body in files.items():
            entry, data = tarfile.TarInfo(name), body.encode() if isinstance(body, str) else body
            entry.size, entry.mtime = len(data), 1_700_000_000  # zip knows no time before 1980
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


class TestProjectsWithoutWheels:
    """Source: github.com/zappa/Zappa/issues/582, packages that publish no wheel."""

    @pytest.mark.parametrize("requirement", ["mylib==1.0", "outer"], ids=["named", "needed by another"])
    def test_are_built(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, requirement: str
    ) -> None:
        files = {"w/mylib-1.0.tar.gz": source_distribution(metadata="Requires-Dist: new\n")}
        offline(
            f"{requirement}\n", **wheels("new"), **files, **{"w/outer-1.0-py3-none-any.whl": wheel("outer", "mylib")}
        )

        names = list_names(PackageBuilder(home).build(python(source)))

        assert {"mylib/kept.py", "new.py"} <= set(names)

    @pytest.mark.parametrize(
        ("mode", "runtime", "has_module"),
        [
            ("claimed", "python3.99", False),
            pytest.param("required", OWN_RUNTIME, True, marks=needs_compiler),
        ],
    )
    def test_have_compiled_modules_only_where_they_need_them(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, mode: str, runtime: str,
        has_module: bool,
    ) -> None:  # fmt: skip
        """Source: chalice, which builds again without a compiler (aws/chalice, chalice/deploy/packager.py)."""
        offline("mylib==1.0\n", **{"w/mylib-1.0.tar.gz": source_distribution(mode=mode)})

        artifact = PackageBuilder(home).build(python(source, runtime))

        assert "mylib/kept.py" in list_names(artifact)
        assert ("mylib/speed.so" in list_names(artifact)) == has_module
        assert artifact.notes[0].startswith("Built from source")
        assert ("because python3.99 is not here" in artifact.notes[0]) == (runtime == "python3.99")

    def test_that_need_compiled_modules_are_refused_without_the_function_s_python(
        self, home: Path, source: Path, offline: Callable[..., None]
    ) -> None:
        offline("mylib==1.0\n", **{"w/mylib-1.0.tar.gz": source_distribution(mode="required")})

        refusal = refusal_of(PackageBuilder(home), python(source, "python3.99"))

        assert "'mylib==1.0' has no wheel for Python 3.99 on Linux, and compiles modules" in refusal.message
        assert "`uv python install 3.99`" in refusal.hint

    @pytest.mark.parametrize("is_right", [True, False])
    def test_are_checked_by_their_hashes(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, is_right: bool
    ) -> None:
        content = source_distribution()
        digest = sha256(content).hexdigest() if is_right else "0" * 64
        offline(f"mylib==1.0 --hash=sha256:{digest}\n", **{"w/mylib-1.0.tar.gz": content})

        if is_right:
            assert "mylib/kept.py" in list_names(PackageBuilder(home).build(python(source)))
        else:
            assert "hashes" in refusal_of(PackageBuilder(home), python(source)).message.lower()

    def test_of_an_index_are_built_once(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        page, file = "<a href='mylib-1.0.tar.gz'>mylib-1.0.tar.gz</a>", tmp_path / "index/mylib/mylib-1.0.tar.gz"
        write_files(file.parent, {"index.html": page, file.name: source_distribution()})
        requirements = f"--index-url {(tmp_path / 'index').as_uri()}\nmylib==1.0\n"
        write_files(source, {"app.py": "", "requirements.txt": requirements})
        PackageBuilder(home).build(python(source))

        file.unlink()
        write_files(source, {"app.py": "changed = True"})

        assert "mylib/kept.py" in list_names(PackageBuilder(home).build(python(source)))

    def test_that_do_not_exist_keep_the_words_of_pip(
        self, home: Path, source: Path, offline: Callable[..., None]
    ) -> None:
        offline("nowhere==1.0\n")

        with pytest.raises(ArtifactError, match=r"satisfies the requirement nowhere==1\.0"):
            PackageBuilder(home).build(python(source))


class TestLocalProjects:
    @pytest.mark.parametrize(
        "line",
        ["./libs/mylib", "libs/mylib", "-e ./libs/mylib", "--editable=libs/mylib", "mylib @ file:libs/mylib",
         './libs/mylib ; python_version >= "3.13"', "-e ./libs/mylib[extra]", "-r more/base.txt"],
    )  # fmt: skip
    def test_are_installed_from_a_copy(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, line: str
    ) -> None:
        offline(f"{line}\n", **project("libs/mylib"), **{"more/base.txt": "-e libs/mylib # editable\n"})
        before = sorted(source.rglob("*"))

        names = list_names(PackageBuilder(home).build(python(source)))

        assert {"mylib/__init__.py", "mylib/kept.py"} <= set(names)
        assert not [name for name in names if name.endswith(".pth") or "build/" in name]
        assert sorted(source.rglob("*")) == before

    def test_outside_of_the_source_are_installed_too(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, write_files: WriteFiles
    ) -> None:
        write_files(source.parent, project("shared"))
        offline("-e ../shared\n")

        assert "mylib/kept.py" in list_names(PackageBuilder(home).build(python(source)))

    def test_are_built_again_when_they_change(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names, write_files: WriteFiles
    ) -> None:
        write_files(source.parent, project("shared"))
        offline("../shared\n")
        os.utime(source / "app.py", (1, 1))
        PackageBuilder(home).build(python(source))

        (source.parent / "shared/mylib/new.py").touch()
        (source.parent / "shared/mylib/kept.py").unlink()

        names = set(list_names(PackageBuilder(home).build(python(source))))
        assert "mylib/new.py" in names
        assert "mylib/kept.py" not in names

    def test_bring_nothing_back_from_earlier_builds(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names
    ) -> None:
        offline("./libs/mylib\n", **project("libs/mylib"), **{"libs/mylib/build/lib/mylib/deleted.py": ""})

        assert "mylib/deleted.py" not in list_names(PackageBuilder(home).build(python(source)))

    def test_get_their_dependencies_for_the_function_s_python(
        self, home: Path, source: Path, offline: Callable[..., None], list_names: Names
    ) -> None:
        metadata = 'Requires-Dist: new; python_version >= "3.13"\nRequires-Dist: old; python_version < "3.12"\n'
        offline("./libs/mylib\n", **project("libs/mylib", metadata=metadata), **wheels("new"))

        assert "new.py" in list_names(PackageBuilder(home).build(python(source)))

    def test_that_are_compiled_for_another_python_are_refused_by_name(
        self, home: Path, source: Path, offline: Callable[..., None]
    ) -> None:
        offline("./libs/mylib\n", **project("libs/mylib", tag="cp311-cp311-linux_x86_64"))

        with pytest.raises(ArtifactError) as refusal:
            PackageBuilder(home).build(python(source))

        assert [fault.path for fault in refusal.value.faults] == ["mylib-1.0"]
        assert "Python 3.13" in refusal.value.faults[0].message

    def test_that_are_not_there_are_all_named_with_their_lines(
        self, home: Path, source: Path, offline: Callable[..., None]
    ) -> None:
        offline("./one\n-r gone.txt\n-e two/three\n", **{"one/readme": ""})

        with pytest.raises(ArtifactError) as refusal:
            PackageBuilder(home).build(python(source))

        faults = refusal.value.faults
        assert [(fault.line, fault.message.partition("'")[2].partition("'")[0]) for fault in faults] == [
            (3, "./one"),
            (4, str(source / "gone.txt")),
            (5, "two/three"),
        ]


class TestOtherFiles:
    @pytest.mark.parametrize(
        ("file", "content", "is_noted"),
        [
            ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["flask"]\n', True),
            ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.12"\nflask = "*"\n', True),
            ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.12"\n', False),
            ("Pipfile", "[packages]\n", True),
        ],
    )
    def test_that_name_dependencies_are_noted(
        self, home: Path, source: Path, write_files: WriteFiles, file: str, content: str, is_noted: bool
    ) -> None:
        write_files(source, {"app.py": "", file: content})

        assert any(file in note for note in PackageBuilder(home).build(python(source)).notes) == is_noted


class TestPassedVariables:
    def test_reach_pip_and_stay_out_of_its_error(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INDEX_TOKEN", "hunter2hunter2")
        write_files(source, {"app.py": "", "requirements.txt": "--no-index\n-f ${INDEX_TOKEN}\n${INDEX_TOKEN}==1.0\n"})
        passing = PackageSettings(pass_environment=("INDEX_TOKEN",))

        with pytest.raises(ArtifactError) as refusal:
            PackageBuilder(home).build(FunctionSource(source, "", "app.handler", "python3.13", package=passing))

        assert "***" in refusal.value.message
        assert "hunter2" not in f"{refusal.value} {refusal.value.faults}"
