"""Builds wheels of projects that publish none for the function's Python, without compiled modules where that works.

A project with optional compiled modules (MarkupSafe, PyYAML, …) is complete without them, and its wheel then is the
same on every machine. So every project is built with the compilers switched off first, as chalice does in the end.
What needs its compiled modules is built by the function's own Python, and checked for what its system has.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from semantest_iac.domain.environments.rules.application_rules import read_project_name
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.installers import VARIABLES_HINT, ProgramRunner
from semantest_iac.infrastructure.artifacts.kept_folders import KeptFolders, make_folder_key
from semantest_iac.infrastructure.function_runtimes.interpreters import find_python, is_cloud_platform

LOCAL_PLATFORM = "linux_x86_64"  # of wheels that were built for one machine, such as this one
MOST_KEPT_WHEELS = 64
NO_COMPILERS = dict.fromkeys(("CC", "CXX", "FC", "RUSTC", "CARGO"), "false")
"""Setuptools and its like call what these name; `false` fails, as a compiler that is not there does."""
COMPILED_SUFFIXES = (".so", ".pyd", ".dylib", ".dll", ".a")
GLIBC_LIBRARIES = re.compile(rb"lib(?:c|m|dl|rt|util|pthread|resolv|gcc_s)\.so\.\d+|ld-linux-x86-64\.so\.2")
_ELF_MAGIC = b"\x7fELF"
_GLIBC_VERSION = re.compile(rb"\0GLIBC_2\.(\d+)(?=[.\0])")
_LIBRARY_NAME = re.compile(rb"\0((?:lib|ld-)[\w.+-]*\.so[\w.]*)(?=\0)")
_WITHOUT_WHEEL = re.compile(
    r"satisfies the requirement (?P<requirement>(?P<name>[A-Za-z0-9][\w.-]*)[^\s(]*)(?: \(from (?!versions)[^)]*\))* "
    r"\(from versions: "
)
_PIP_VARIABLE = re.compile(r"(?i)pip_")
_HASH = re.compile(r"--hash[=\s]\S+")
_PIP_WHEEL = ("wheel", "--no-deps", "--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check")
"""Without pip's cache of wheels, which has what other builds compiled, and would get what is not compiled here."""
_BUILD_HINT = (
    "Name a version of it that has a wheel, or another Python as `runtime`; or build its wheel elsewhere (cibuildwheel "
    f"does), and name the folder with --find-links. {VARIABLES_HINT}"
)


class BuildTarget(NamedTuple):
    """The Python of a function, and the newest minor version of glibc 2 that its modules may need."""

    python: tuple[int, int]
    glibc: int

    def __str__(self) -> str:
        return "{}.{}".format(*self.python)


@dataclass(frozen=True, slots=True)
class RequirementSources:
    """Where pip finds projects: the lines of the requirements files, and the folder in which it runs.

    `sources` are options such as `--index-url`; `files` is the folder of the files that pip reads.
    """

    folder: Path
    files: Path
    lines: Sequence[str]
    sources: Sequence[str]

    def find_hashes(self, name: str) -> str:
        """Return the `--hash` options of a project's line, empty without any."""
        lines = (line for line in self.lines if read_project_name(line) == read_project_name(name))
        return " ".join(_HASH.findall(" ".join(lines)))

    def add_hash(self, name: str, digest: str) -> None:
        """Let pip accept what was built from a source whose hash it has checked."""
        for path in self.files.iterdir():
            lines = path.read_text(encoding="utf-8").splitlines()
            for index, line in enumerate(lines):
                if read_project_name(line) == read_project_name(name) and "--hash" in line:
                    lines[index] += f" --hash=sha256:{digest}"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @property
    def have_no_local_folder(self) -> bool:
        """Return whether a version is always the same one: files of this machine may change under their name."""
        local = ("-f", "--find-links", "--no-index")
        return not any(line.startswith(local) for line in self.sources) and not any(
            os.environ.get(name) for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX")
        )


class SourceWheels:
    """The wheels that were built for one installation, and where pip finds them."""

    def __init__(
        self, sources: RequirementSources, workspace: Path, home: Path, target: BuildTarget, runner: ProgramRunner
    ) -> None:
        self._sources = sources
        self._workspace = workspace
        self._kept = KeptFolders(home / "wheels", MOST_KEPT_WHEELS)
        self._target = target
        self._runner = runner
        self._own_python = find_python(str(target))
        self._built: list[str] = []

    @property
    def options(self) -> list[str]:
        """The options with which pip finds what was built."""
        return ["--find-links", str(self._workspace / "found")] if self._built else []

    @property
    def notes(self) -> tuple[str, ...]:
        if not self._built:
            return ()
        by = "" if self._own_python else f" by Python {_own_version()}, because python{self._target} is not here"
        return (f"Built from source{by}: {', '.join(self._built)}.",)

    def build_missing(self, error: ArtifactError) -> bool:
        """Build what pip found no wheel for; False if the error is another one. Raises ArtifactError if it cannot."""
        match = _WITHOUT_WHEEL.search(error.message)
        if match is None or match["requirement"] in self._built:
            return False
        requirement, name = match["requirement"], match["name"]
        found = self._workspace / "found"
        found.mkdir(parents=True, exist_ok=True)
        hashes = self._sources.find_hashes(name)
        try:
            if "==" in requirement and "*" not in requirement and self._sources.have_no_local_folder:
                with self._kept.use(
                    self._key(requirement, hashes), lambda at: self._build(requirement, hashes, at)
                ) as kept:
                    wheel = _copy_wheel(kept, found)
            else:
                made = self._workspace / f"made-{len(self._built)}"
                self._build(requirement, hashes, made)
                wheel = _copy_wheel(made, found)
        except ArtifactError as failed:
            missing = _WITHOUT_WHEEL.search(failed.message)
            if missing and read_project_name(missing["name"]) == read_project_name(name):
                return False  # there is no such project, or no such version of it
            raise
        if hashes:
            self._sources.add_hash(name, hashlib.sha256(wheel.read_bytes()).hexdigest())
        self._built.append(requirement)
        return True

    def _key(self, requirement: str, hashes: str) -> str:
        """Return what tells wheels apart: the project, where it comes from, and what its build gets to see."""
        facts = (requirement, hashes, str(self._target), self._own_python or _own_version(), *self._sources.sources)
        texts = (fact.encode(errors="surrogateescape") for fact in facts)
        return make_folder_key((*texts, self._runner.describe_settings(_PIP_VARIABLE)))

    def _build(self, requirement: str, hashes: str, folder: Path) -> None:
        """Build one wheel into the folder: without compiled modules, or else one that the function's system loads."""
        folder.mkdir(exist_ok=True)
        failed: ArtifactError | None = None
        try:
            self._run_pip(requirement, hashes, folder, can_compile=False)
            if _make_pure(_only_wheel(folder)):
                return
        except ArtifactError as error:
            if _WITHOUT_WHEEL.search(error.message) or self._runner.run.cancelled.is_set():
                raise
            failed = error
        self._require_own_python(requirement, failed)
        for wheel in folder.glob("*.whl"):
            wheel.unlink()
        self._run_pip(requirement, hashes, folder, can_compile=True)
        wheel = _only_wheel(folder)
        if not _make_pure(wheel) and (reason := find_wheel_problem(wheel, self._target)):
            raise self._refusal(requirement, f"and its own {reason}")

    def _require_own_python(self, requirement: str, failed: ArtifactError | None) -> None:
        """Raise ArtifactError where nothing that is compiled here could be loaded by the function."""
        if self._own_python and is_cloud_platform():
            return
        if not is_cloud_platform():
            raise self._refusal(requirement, "and compiles modules, which only Linux on x86_64 can")
        refusal = self._refusal(
            requirement, f"and compiles modules, which only python{self._target} can: it is not here"
        )
        refusal.hint = f"`uv python install {self._target}` or `pyenv install {self._target}` gets it. {_BUILD_HINT}"
        raise refusal from failed

    def _refusal(self, requirement: str, reason: str) -> ArtifactError:
        message = (
            f"Cannot install requirements: '{requirement}' has no wheel for Python {self._target} on Linux, {reason}."
        )
        return ArtifactError(message, hint=_BUILD_HINT)

    def _run_pip(self, requirement: str, hashes: str, folder: Path, *, can_compile: bool) -> None:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        file = self._workspace / "requirement.txt"
        text = "\n".join([*self._sources.sources, f"{requirement} {hashes}"])
        file.write_text(text, encoding="utf-8")  # a file, because addresses may hold passwords
        python = ["--python", self._own_python] if self._own_python and self._own_python != sys.executable else []
        command = [sys.executable, "-P", "-m", "pip", *python, *_PIP_WHEEL, "--no-binary", name]
        where = ["--wheel-dir", str(folder), "--requirement", str(file)]
        what = f"the source of {requirement}"
        try:
            settings = {} if can_compile else NO_COMPILERS
            self._runner.install([*command, *where], self._sources.folder, what, _BUILD_HINT, settings)
        finally:
            file.unlink()


def _own_version() -> str:
    return "{}.{}".format(*sys.version_info)


def _only_wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def _copy_wheel(folder: Path, target: Path) -> Path:
    wheel = _only_wheel(folder)
    return Path(shutil.copy(wheel, target / wheel.name))


def _make_pure(wheel: Path) -> bool:
    """Return whether a wheel is for every platform; one without compiled modules becomes that if its name denies it."""
    if wheel.name.endswith("-none-any.whl"):
        return True
    with zipfile.ZipFile(wheel) as archive:
        files = {info: archive.read(info) for info in archive.infolist()}
    if any(map(_is_compiled, (info.filename for info in files), files.values())):
        return False
    stem = "-".join(wheel.name.split("-")[:-3])
    described = next(info for info in files if info.filename.endswith(".dist-info/WHEEL"))
    text = re.sub(rb"(?m)^Tag:.*\r?\n?", b"", files[described]).rstrip() + b"\nTag: py3-none-any\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
    files[described] = text
    record = next(info for info in files if info.filename.endswith(".dist-info/RECORD"))
    line = f"{described.filename},sha256={digest},{len(text)}"
    files[record] = re.sub(rf"(?m)^{re.escape(described.filename)},.*$", line, files[record].decode()).encode()
    with zipfile.ZipFile(wheel.with_name(f"{stem}-py3-none-any.whl"), "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in files.items():
            archive.writestr(info, content)
    wheel.unlink()
    return True


def _is_compiled(name: str, content: bytes) -> bool:
    return name.endswith(COMPILED_SUFFIXES) or content.startswith(_ELF_MAGIC)


def find_wheel_problem(wheel: Path, target: BuildTarget) -> str:
    """Return why the function's system would not load a wheel that was compiled here; empty if it would."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if problem := find_library_problem(archive.read(name), target.glibc):
                return f"{Path(name).name} {problem}"
    return ""


def find_library_problem(content: bytes, glibc: int) -> str:
    """Return what a compiled file needs and a function's system does not have; empty if it has all, or for other files.

    The names of versions and libraries are read from its table of strings. A text that only looks like one is taken
    for one: then a file is refused that might have worked.
    """
    if not content.startswith(_ELF_MAGIC):
        return ""
    newest = max((int(version) for version in _GLIBC_VERSION.findall(content)), default=0)
    if newest > glibc:
        return f"needs glibc 2.{newest}, and the function's system has 2.{glibc}"
    others = {name.decode() for name in _LIBRARY_NAME.findall(content) if not GLIBC_LIBRARIES.fullmatch(name)}
    return f"needs {', '.join(sorted(others))}, which the function's system may not have" if others else ""
