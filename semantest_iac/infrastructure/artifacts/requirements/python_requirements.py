"""Installs a `requirements.txt` for the function's Python: its markers, its wheels, and local projects from a copy."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from semantest_iac.domain.environments.rules.application_rules import read_project_name
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, PathPatterns
from semantest_iac.infrastructure.artifacts.installers import VARIABLES_HINT, ProgramRunner
from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS
from semantest_iac.infrastructure.artifacts.package_rules import escape_path
from semantest_iac.infrastructure.artifacts.requirements.source_wheels import (
    LOCAL_PLATFORM,
    BuildTarget,
    RequirementSources,
    SourceWheels,
    find_library_problem,
)
from semantest_iac.infrastructure.artifacts.source_tree import copy_source
from semantest_iac.infrastructure.nested_text import parse_toml

PIP_SCRIPT = Path(__file__).with_name("pip_for_target.py")
PIP_ARGUMENTS = (
    "install", "--only-binary=:all:", "--no-compile", "--disable-pip-version-check", "--no-input", "--quiet",
    "--implementation", "cp",
)  # fmt: skip
# Lambda runs Python 3.11 on Amazon Linux 2, and later ones on Amazon Linux 2023. The images of Azure Functions are
# no older: Debian 11 (glibc 2.31) for Python 3.11, and 12 (2.36) from 3.12 on (azure-functions-docker, host/4).
GLIBC_OF_AMAZON_LINUX_2, GLIBC_OF_AMAZON_LINUX_2023 = 26, 34
FIRST_PYTHON_ON_AMAZON_LINUX_2023 = (3, 12)
OLDEST_GLIBC = 5  # manylinux1
LEGACY_PLATFORMS = {17: "manylinux2014_x86_64", 12: "manylinux2010_x86_64", 5: "manylinux1_x86_64"}
BUILD_FILTER = FileFilter(
    excluded=PathPatterns(
        ("build/lib*", "build/bdist.*", "build/temp.*", "**/*.egg-info", "node_modules", ".tox", ".nox", "**/.*_cache")
    )
)
"""What earlier builds leave in a project: a module deleted since would come back from there."""
ADAPTERS = {"mangum": ">=0.19,<1", "a2wsgi": ">=1.10.8,<2"}
"""What an ASGI or WSGI application gets beside its own requirements, in versions that its entry works with."""
ADAPTER_LOCK = PAYLOADS / "python_application" / "adapters.txt"
_TRUE_WORDS = ("1", "true", "yes", "on", "y", "t")
_PROJECT_FILES = ("pyproject.toml", "setup.py")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_OPTION = re.compile(
    r"(?P<name>--(?:requirement|editable|constraint|find-links)(?:\s*=\s*|\s+)|-[recf]\s*)(?P<value>\S.*)"
)
_TAIL = re.compile(r"(?P<target>.*?)(?P<tail>(?:\s*;\s.*|\s+--?[A-Za-z].*)?)\Z", re.DOTALL)
_EXTRAS = re.compile(r"(?P<path>.+?)(?P<extras>\[[^\]]*\])")
_NAMED = re.compile(r"(?P<name>[\w.-]+)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<url>file:.*)", re.IGNORECASE)
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class RequirementLine(NamedTuple):
    """A line of a requirements file, split around the local folder or the file that it names."""

    before: str
    folder: Path | None = None
    file: Path | None = None
    after: str = ""


@dataclass(slots=True)
class RequirementsPlan:
    """The requirements files that a file leads to, with the local projects in them.

    `watched` are files beside them whose content decides what is installed, `added` are requirements of our own. Paths
    in lines are relative to the folder of the first file, as pip's are to the folder that it runs in. `origin` is the
    folder that this one is a copy of: what paths name outside of the copy lies there.
    """

    top: Path
    origin: Path | None = None
    files: dict[Path, list[RequirementLine]] = field(default_factory=dict)
    watched: list[Path] = field(default_factory=list)
    added: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the local projects, each once."""
        found = (line.folder for lines in self.files.values() for line in lines if line.folder)
        return tuple(dict.fromkeys(found))

    @property
    def is_empty(self) -> bool:
        """Return whether no line asks for anything."""
        return not self.added and not any(
            line.before or line.folder or line.file for lines in self.files.values() for line in lines
        )

    def locate(self, base: Path, path: str) -> Path:
        """Return the path that a line of a file in the folder `base` names."""
        target, root = base / path, self.top.parent.resolve()
        if self.origin is None or Path(path).is_absolute() or target.resolve().is_relative_to(root):
            return target
        return Path(os.path.normpath(self.origin.resolve() / os.path.relpath(target, root)))

    def fingerprint_files(self) -> Iterator[bytes]:
        """Yield the content of every file that decides what is installed."""
        for path in (*self.files, *self.watched):
            yield path.read_bytes() if path.is_file() else b""
        yield "\n".join(self.added).encode()


def plan_requirements(
    top: Path, origin: Path | None = None, *, needs_adapters: bool = False
) -> RequirementsPlan | None:
    """Read a requirements file and those that it names; None without anything to install. Raises ArtifactError.

    With `needs_adapters` the plan has those of an ASGI or WSGI application as well.
    """
    plan = RequirementsPlan(top, origin, {top: []})
    if top.is_file():
        _read_file(plan, top)
    if plan.faults:
        raise ArtifactError("Cannot install requirements: some lines cannot be used.", faults=plan.faults)
    if needs_adapters:
        plan.added = _choose_adapters(plan)
    return None if plan.is_empty else plan


def _choose_adapters(plan: RequirementsPlan) -> tuple[str, ...]:
    """Return requirements for the adapters that the user does not name: the user's own version is installed.

    pip demands a hash of every requirement if one has a hash; ours are those of the lock then. A project that
    constraints name gets no bounds.
    """
    lines = [line.before for lines in plan.files.values() for line in lines]
    named = set(map(_installed_name, lines))
    if any("--hash" in line or line == "--require-hashes" for line in lines) or _are_hashes_required():
        return tuple(line for line in read_adapter_lock() if _installed_name(line) not in named)
    constraints = [path.read_text(errors="replace") for path in plan.watched if path.suffix not in (".whl", ".gz")]
    constrained = {_installed_name(line) for text in constraints for line in text.splitlines()}
    return tuple(
        name if name in constrained else name + bounds for name, bounds in ADAPTERS.items() if name not in named
    )


def _are_hashes_required() -> bool:
    return os.environ.get("PIP_REQUIRE_HASHES", "").lower() in _TRUE_WORDS


def read_adapter_lock() -> list[str]:
    """Return the locked adapters and what they need, with their hashes, one line each."""
    text = ADAPTER_LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line[:1].isalnum()]


def _installed_name(line: str) -> str:
    """Return the name of the project that a line installs; that of a wheel stands in its file name."""
    is_wheel = ".whl" in line and "@" not in line
    return read_project_name(line.rpartition("/")[2].partition("-")[0] if is_wheel else line)


def _read_file(plan: RequirementsPlan, path: Path) -> None:
    plan.files[path] = lines = []
    for number, text in _logical_lines(path):
        line = _read_line(plan, path, number, text)
        lines.append(line)
        if line.file and line.file not in plan.files:
            if line.file.is_file():
                _read_file(plan, line.file)
            else:
                plan.faults.append(_line_fault(path, number, f"there is no file '{escape_path(str(line.file))}'"))


def _logical_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield lines with the number of their first part: a backslash at the end joins a line to the next."""
    joined, first = "", 0
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        first = first or number
        if line.endswith("\\") and not _COMMENT.match(line):
            joined += line[:-1]
            continue
        text, start = _COMMENT.sub("", joined + line).strip(), first
        joined, first = "", 0
        if text:
            yield start, text
    if joined.strip():
        yield first, _COMMENT.sub("", joined).strip()


def _read_line(plan: RequirementsPlan, path: Path, number: int, text: str) -> RequirementLine:
    option = _OPTION.fullmatch(text)
    if option is None:
        return RequirementLine(text) if text.startswith("-") else _read_requirement(plan, path, number, text)
    name, value = option["name"].strip().rstrip("=").strip(), option["value"]
    if name in ("-e", "--editable"):
        return _read_requirement(plan, path, number, value)
    value = " ".join(shlex.split(value))
    target = plan.locate(path.parent, _expand(value))
    if _URL.match(value):
        return RequirementLine(text)
    if name in ("-r", "--requirement"):
        return RequirementLine("-r ", file=target.resolve())
    if name in ("-c", "--constraint"):
        plan.watched.append(target)
        return RequirementLine(f"-c {shlex.quote(str(target.absolute()))}")
    return RequirementLine(f"-f {shlex.quote(str(target.absolute() if target.exists() else value))}")


def _read_requirement(plan: RequirementsPlan, path: Path, number: int, text: str) -> RequirementLine:
    """Return the line of a requirement: editable or not, a local project is built from a copy and installed."""
    parts = _TAIL.fullmatch(text)
    written, tail = (parts["target"].strip(), parts["tail"]) if parts else (text, "")
    named = _NAMED.fullmatch(written)
    extras = _EXTRAS.fullmatch(written)
    location, suffix = (extras["path"], extras["extras"]) if extras else (written, "")
    if named:
        location, suffix = named["url"], named["extras"] or ""
    local = _find_local_path(_expand(location))
    folder = None if local is None else plan.locate(plan.top.parent, local)
    if folder is None:
        return RequirementLine(text)
    if folder.is_file():  # a wheel or an sdist
        plan.watched.append(folder)
        return RequirementLine(text)
    if not any((folder / name).is_file() for name in _PROJECT_FILES):
        reason = "has neither pyproject.toml nor setup.py" if folder.is_dir() else "is not there"
        plan.faults.append(_line_fault(path, number, f"'{escape_path(written)}' {reason}"))
        return RequirementLine("")
    return RequirementLine("", folder=folder.resolve(), after=suffix + tail)


def _find_local_path(location: str) -> str | None:
    """Return the path that a requirement names, None for a name or an address."""
    if location.lower().startswith("file:"):
        return url2pathname(urlsplit(location).path)
    if _URL.match(location) or not ("/" in location or location.startswith(".")):
        return None
    return None if " @ " in location else location


def _expand(text: str) -> str:
    return _VARIABLE.sub(lambda match: os.environ.get(match[1]) or match[0], text)


def _line_fault(path: Path, number: int, message: str) -> Fault:
    return Fault("requirements", message, "Paths are relative to the source folder.", str(path), number)


def install_requirements(
    plan: RequirementsPlan,
    workspace: Path,
    version: tuple[int, int],
    runner: ProgramRunner,
    home: Path,
    *,
    finish_scripts: Callable[[Path], None] | None = None,
) -> tuple[Path, tuple[str, ...]]:
    """Run pip for Linux and one Python version; returns the folder and notes. Raises ArtifactError.

    Wheels that had to be built are kept in the home. Scripts that name this machine's interpreter are removed, unless
    there is something that makes them start elsewhere.
    """
    if find_spec("pip") is None:
        hint = f"`{sys.executable} -m ensurepip --upgrade` installs it."
        raise ArtifactError("Cannot install requirements: pip is not installed beside this tool.", hint=hint)
    notes: list[str] = []
    target, copies = workspace / "site", {}
    for index, folder in enumerate(plan.folders):
        copies[folder] = workspace / "projects" / str(index) / folder.name
        notes += copy_source(folder, copies[folder], BUILD_FILTER).notes()
    top = _write_files(plan, workspace / "requirements", copies)
    platforms = [part for name in wheel_platforms(version) for part in ("--platform", name)]
    target_options = ["--python-version", "{}.{}".format(*version), "--target", str(target)]
    command = [sys.executable, "-P", str(PIP_SCRIPT), json.dumps(marker_environment(version)), *PIP_ARGUMENTS]
    hint = f"Wheels for Linux x86_64 are installed; check requirements.txt and the index's address. {VARIABLES_HINT}"
    options = [*platforms, *target_options, "--requirement", str(top)]
    wheels = SourceWheels(
        _find_sources(plan, top.parent), workspace / "wheels", home, BuildTarget(version, _find_glibc(version)), runner
    )
    while True:
        try:
            runner.install([*command, *options, *wheels.options], plan.top.parent, "requirements", hint)
            break
        except ArtifactError as error:
            if not wheels.build_missing(error):
                raise
    _require_target_tags(target, version)
    (finish_scripts or _remove_console_scripts)(target)
    return target, (*notes, *wheels.notes)


def _find_sources(plan: RequirementsPlan, files: Path) -> RequirementSources:
    lines = [*(line.before for lines in plan.files.values() for line in lines), *plan.added]
    return RequirementSources(
        plan.top.parent, files, lines, [line for line in lines if line.startswith(_INDEX_OPTIONS)]
    )


def _write_files(plan: RequirementsPlan, folder: Path, copies: Mapping[Path, Path]) -> Path:
    """Write the files anew, with the copies of local projects and the new places of the files that they name."""
    folder.mkdir(parents=True)
    places = {path: folder / f"{index}-{path.name}" for index, path in enumerate(plan.files)}
    for path, lines in plan.files.items():
        texts = [*(_write_line(line, copies, places) for line in lines), *(plan.added if path == plan.top else ())]
        places[path].write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return places[plan.top]


def _write_line(line: RequirementLine, copies: Mapping[Path, Path], places: Mapping[Path, Path]) -> str:
    if line.folder:
        return f"{line.before}{copies[line.folder]}{line.after}"
    return f"{line.before}{shlex.quote(str(places[line.file]))}" if line.file else line.before


def find_unread_requirements(folder: Path) -> tuple[str, ...]:
    """Return a note if the dependencies of a project are only where they are not read from."""
    if (folder / "requirements.txt").is_file():
        return ()
    export = {"Pipfile": "pipenv requirements > requirements.txt", "pyproject.toml": "uv export -o requirements.txt"}
    if _names_dependencies(folder / "pyproject.toml"):
        file = "pyproject.toml"
    elif (folder / "Pipfile").is_file():
        file = "Pipfile"
    else:
        return ()
    return (f"Nothing of {file} is installed: requirements.txt is read, and is not there (`{export[file]}` makes it).",)


def _names_dependencies(project: Path) -> bool:
    try:
        content = parse_toml(project.read_text(encoding="utf-8"))
        poetry = {*content.get("tool", {}).get("poetry", {}).get("dependencies", {})} - {"python"}
        return bool(content.get("project", {}).get("dependencies") or poetry)
    except (OSError, ValueError, AttributeError):  # none, or not for us to judge
        return False


def marker_environment(version: tuple[int, int]) -> dict[str, str]:
    """Return the PEP 508 environment of a function; clouds choose the patch level, so the first one stands for it."""
    full = "{}.{}.0".format(*version)
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": "{}.{}".format(*version),
        "sys_platform": "linux",
    }


def wheel_platforms(version: tuple[int, int]) -> tuple[str, ...]:
    """Return the platform tags that the function's system loads, best first (PEP 600)."""
    names: list[str] = []
    for minor in range(_find_glibc(version), OLDEST_GLIBC - 1, -1):
        names += [f"manylinux_2_{minor}_x86_64"]
        names += [LEGACY_PLATFORMS[minor]] if minor in LEGACY_PLATFORMS else []
    return (*names, LOCAL_PLATFORM)


def _find_glibc(version: tuple[int, int]) -> int:
    """Return the minor version of glibc 2 on the function's system."""
    is_newer = version >= FIRST_PYTHON_ON_AMAZON_LINUX_2023
    return GLIBC_OF_AMAZON_LINUX_2023 if is_newer else GLIBC_OF_AMAZON_LINUX_2


def _require_target_tags(target: Path, version: tuple[int, int]) -> None:
    """Refuse projects that pip built here for this tool's Python or this machine; wheels of an index fit already."""
    platforms = frozenset(wheel_platforms(version))
    faults = []
    for facts in sorted(target.glob("*.dist-info/WHEEL")):
        tags = re.findall(r"(?m)^Tag:\s*(\S+)\s*$", facts.read_text(errors="replace"))
        if tags and not any(_fits(one, version, platforms) for tag in tags for one in _expand_tag(tag)):
            reason = (
                f"is built for {', '.join(tags[:3])}, and the function runs Python {version[0]}.{version[1]} on Linux"
            )
            hint = "Build its wheel for that Python (cibuildwheel does), and name the folder with --find-links."
            faults.append(Fault(facts.parent.name.removesuffix(".dist-info"), reason, hint))
        elif tags and all(tag.endswith(LOCAL_PLATFORM) for tag in tags):
            faults += _find_compiled_faults(facts.parent, _find_glibc(version))
    if faults:
        raise ArtifactError("Cannot install requirements: some are not for the function's Python.", faults=faults)


def _find_compiled_faults(facts: Path, glibc: int) -> Iterator[Fault]:
    """Yield a fault for each compiled file of a project that the function's system would not load."""
    hint = "Build its wheel where glibc is as old (cibuildwheel does), and name the folder with --find-links."
    for line in (facts / "RECORD").read_text(errors="replace").splitlines():
        path = facts.parent / line.partition(",")[0]
        if path.suffix == ".so" and path.is_file() and (problem := find_library_problem(path.read_bytes(), glibc)):
            yield Fault(facts.name.removesuffix(".dist-info"), f"{path.name} {problem}", hint)


def _expand_tag(tag: str) -> Iterator[tuple[str, str, str]]:
    """Yield the tags of a compressed set such as `py2.py3-none-any` (PEP 425); some builders write those."""
    python, abi, platform = [*tag.split("-"), "", ""][:3]
    yield from product(python.split("."), abi.split("."), platform.split("."))


def _fits(tag: tuple[str, str, str], version: tuple[int, int], platforms: frozenset[str]) -> bool:
    python, abi, platform = tag
    match = re.fullmatch(r"(py|cp)3(\d*)", python)
    if match is None or not (platform == "any" or platform in platforms):
        return False
    minor = int(match[2] or 0)
    if match[1] == "py" or abi == "abi3":
        return minor <= version[1]
    return minor == version[1]


def find_console_scripts(target: Path) -> Iterator[Path]:
    """Yield the scripts that name this machine's interpreter."""
    for script in (target / "bin").glob("*"):
        with script.open("rb") as file:
            first_line = file.readline(4096)
        if first_line.startswith(b"#!") and os.fsencode(sys.executable) in first_line:
            yield script


def _remove_console_scripts(target: Path) -> None:
    """Remove scripts that name this machine's interpreter: no function can start them. Programs stay."""
    removed = set()
    for script in list(find_console_scripts(target)):
        script.unlink()
        removed.add(f"../../bin/{script.name}")
    if (target / "bin").is_dir() and not any((target / "bin").iterdir()):
        (target / "bin").rmdir()
    for record in target.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if line.partition(",")[0] not in removed))
