"""Bundles entry points in TypeScript or JSX with esbuild: the project's own version, or ours."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.builds.entry_points import BUNDLED_SUFFIXES
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner
from semantest_iac.infrastructure.artifacts.node_modules import (
    DEV_DEPENDENCIES,
    NPM_COMMAND,
    PRODUCTION_DEPENDENCIES,
    read_package_json,
)
from semantest_iac.infrastructure.artifacts.package_rules import MAX_REPORTED_FAULTS, escape_path
from semantest_iac.infrastructure.durable_files import make_draft_folder, publish_folder

BUNDLER_FOLDER = Path(__file__).with_name("bundler")
BUNDLER_SCRIPT = BUNDLER_FOLDER / "bundle_entries.cjs"
LOCKED_FILES = ("package.json", "package-lock.json")
PROVIDED_PACKAGES = {
    "aws": ("@aws-sdk/", "@smithy/", "semantest-call", "semantest-send"),
    "azure": ("@azure/functions", "@azure/functions-core", "semantest-send"),
}
"""What is there when the function runs, and therefore left out if the source has no version of its own.

Lambda's Node runtimes hold the AWS SDK (Lambda developer guide, Node.js); our layouts hold the others.
"""
MOST_WARNINGS = 3
_ESM, _COMMONJS = "esm", "cjs"
_KEPT_MODULE = re.compile(r"/?node_modules/(?P<name>(?:@[^/*?]+/)?[^/*?@]+)/?")
_UNRESOLVED = re.compile(r'Could not resolve "(?P<name>[^"./][^"]*)"')
_OFFLINE_HINT = (
    "Deploy once with access to npm's registry (a mirror: `npm config set registry`), add esbuild to devDependencies, "
    "or name a `build` that makes JavaScript."
)

_NODE_HINT = "Install Node.js with npm, or name as source what a build made elsewhere."


@dataclass(frozen=True, slots=True)
class BundleSource:
    """What is bundled, from which folder, and for which runtime and cloud.

    `installed_copies` are private folders whose `node_modules` stand for those of the source; `kept` are names of
    packages that stay outside of bundles. With `has_more`, dev dependencies are not installed and can be.
    """

    folder: Path
    files: tuple[str, ...]
    runtime: str
    provider: str
    installed_copies: tuple[Path, ...] = ()
    kept: tuple[str, ...] = ()
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder with the bundles where their entry points lay, and the packages that they load from `node_modules`.

    `inputs` are the files that were read, without the source's own: modules, and what lies elsewhere. With `missing`,
    packages that dev dependencies may have, or `tools`, dev dependencies by which it is made, it is not complete.
    """

    folder: Path
    packages: Mapping[str, Path] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


def needs_bundling(file: str) -> bool:
    return file.endswith(BUNDLED_SUFFIXES)


def find_kept_modules(included: Sequence[str]) -> tuple[str, ...]:
    """Return the packages that `package.include` names as `node_modules/<name>`."""
    return tuple(match["name"] for pattern in included if (match := _KEPT_MODULE.fullmatch(pattern)))


def bundled_name(folder: Path, file: str) -> str:
    """Return the name of the bundle of an entry point, whose ending says which kind of module it is."""
    ending = ".mjs" if _find_format(folder, file) == _ESM else ".cjs"
    return str(PurePosixPath(file).with_suffix(ending))


def _find_format(folder: Path, file: str) -> str:
    """Return the kind of module: by the ending, else by the `type` in the nearest package.json of the source."""
    if file.endswith((".mts", ".cts")):
        return _ESM if file.endswith(".mts") else _COMMONJS
    for around in PurePosixPath(file).parents:
        if (folder / around / "package.json").is_file():
            return _ESM if read_package_json(folder / around).get("type") == "module" else _COMMONJS
    return _COMMONJS


def find_missing_programs(source: BundleSource, tools: Path) -> tuple[Fault, ...]:
    """Return a fault if TypeScript cannot be bundled on this machine: without node, or without npm to get esbuild."""
    if shutil.which("node") is None:
        return (Fault("source", "is in TypeScript, and node, which bundles it, is not on the PATH", _NODE_HINT),)
    if shutil.which("npm") is None and not _has_bundler(tools) and _find_own_bundler(source) is None:
        return (Fault("source", "is in TypeScript, and npm, which installs esbuild, is not on the PATH", _NODE_HINT),)
    return ()


def bundle_entries(source: BundleSource, workspace: Path, tools: Path, runner: ProgramRunner) -> Bundle:
    """Bundle every file of `source` into `workspace`; `tools` is where our esbuild is kept. Raises ArtifactError."""
    if shutil.which("node") is None:
        raise ArtifactError("Cannot bundle the source: node is not on the PATH.", hint=_NODE_HINT)
    esbuild = _find_or_install_bundler(source, tools, runner)
    output = workspace / "bundle"
    output.mkdir(parents=True)
    request = {
        "esbuild": str(esbuild),
        "folder": str(source.folder.resolve()),
        "entries": [{"file": file, "format": _find_format(source.folder, file)} for file in source.files],
        "output": str(output.resolve()),
        "target": f"node{source.runtime.removeprefix('nodejs').removesuffix('.x')}",
        "copies": [str(copy.resolve()) for copy in source.installed_copies],
        "modules": [str(copy.resolve() / "node_modules") for copy in source.installed_copies],
        "kept": source.kept,
        "provided": PROVIDED_PACKAGES.get(source.provider, ()),
        "development": sorted(read_package_json(source.folder).get(DEV_DEPENDENCIES[0]) or {})
        if source.has_more
        else [],
    }
    (workspace / "request.json").write_text(json.dumps(request))
    with runner.run.report_step("bundle", ", ".join(source.files[:3]) + (" …" if len(source.files) > 3 else "")):
        end = runner.execute(["node", str(BUNDLER_SCRIPT), str(workspace / "request.json")], workspace)
        result = _read_result(workspace / "result.json")
        if end.code or result is None:
            raise ArtifactError(
                f"Cannot bundle the source: esbuild failed: {_first_error_line(end.output)}.", hint=_OFFLINE_HINT
            )
        if source.has_more and (result["missing"] or result["tools"]):
            return Bundle(output, missing=tuple(result["missing"]), tools=tuple(result["tools"]))
        if result["errors"]:
            raise _bundle_error(result["errors"])
    packages = {name: Path(folder) for name, folder in sorted(result["packages"].items())}
    return Bundle(output, packages, tuple(map(Path, result["inputs"])), _find_notes(result))


def _read_result(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _first_error_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or ["it said nothing"])[0].rstrip(".")[:300]


def _bundle_error(errors: Sequence[Mapping[str, Any]]) -> ArtifactError:
    faults = []
    for error in errors[:MAX_REPORTED_FAULTS]:
        text = str(error["text"])
        missing = _UNRESOLVED.search(text)
        hint = f"`npm install {_package_name(missing['name'])}` adds it." if missing else ""
        place = escape_path(str(error["file"])) if error.get("file") else None
        faults.append(Fault("bundle", text, hint, place, error.get("line"), error.get("column")))
    return ArtifactError(
        "Cannot bundle the source: esbuild found errors.",
        hint="`build` names a command of your own that makes JavaScript instead.",
        faults=faults,
    )


def _package_name(specifier: str) -> str:
    return "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])


def _find_notes(result: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"esbuild warns: {one['text']} ({one.get('file')}:{one.get('line')})" for one in result["warnings"]]
    notes = notes[:MOST_WARNINGS]
    if result["absent"]:
        notes.append(f"Not installed, and therefore not in the bundle: {', '.join(result['absent'])}.")
    if result["lacksTypeScript"]:
        notes.append(
            "tsconfig.json sets emitDecoratorMetadata, which typescript writes and esbuild does not, and typescript is "
            "not installed: a framework that injects by type needs it in devDependencies, or a `build` of its own."
        )
    return tuple(notes)


def _find_or_install_bundler(source: BundleSource, tools: Path, runner: ProgramRunner) -> Path:
    """Return the folder of the package esbuild: the source's own if it names one, else ours."""
    return _find_own_bundler(source) or install_bundler(tools, runner)


def _find_own_bundler(source: BundleSource) -> Path | None:
    for folder in (source.folder, *source.installed_copies):
        own = folder / "node_modules" / "esbuild"
        if (own / "package.json").is_file() and _names_bundler(folder):
            return own.resolve()
    return None


def _names_bundler(folder: Path) -> bool:
    project = read_package_json(folder)
    return any("esbuild" in (project.get(key) or {}) for key in (*PRODUCTION_DEPENDENCIES, *DEV_DEPENDENCIES))


def find_bundler_version() -> str:
    """Return the version of our esbuild."""
    return str(json.loads((BUNDLER_FOLDER / "package.json").read_bytes())["dependencies"]["esbuild"])


def _bundler_folder(tools: Path) -> Path:
    return tools / f"esbuild-{find_bundler_version()}"


def _has_bundler(tools: Path) -> bool:
    modules = _bundler_folder(tools) / "node_modules"
    return (modules / "esbuild" / "package.json").is_file() and any(modules.glob("@esbuild/*/bin/esbuild"))


def install_bundler(tools: Path, runner: ProgramRunner) -> Path:
    """Return the folder of our esbuild, which npm installs once by the hashes of our lock. Raises ArtifactError.

    No script of the package runs: the program comes inside of it.
    """
    target = _bundler_folder(tools)
    package = target / "node_modules" / "esbuild"
    if _has_bundler(tools):
        return package
    if shutil.which("npm") is None:
        message = "Cannot install esbuild (for TypeScript): npm is not on the PATH."
        raise ArtifactError(message, hint=f"Install Node.js with npm. {_OFFLINE_HINT}")
    with make_draft_folder(tools) as part:
        draft = part / "tool"
        draft.mkdir()
        for name in LOCKED_FILES:
            shutil.copyfile(BUNDLER_FOLDER / name, draft / name)
        command = [*NPM_COMMAND, "ci", "--ignore-scripts", "--include=optional", "--prefer-offline"]
        runner.install(command, draft, "esbuild (for TypeScript)", _OFFLINE_HINT)
        if target.exists():  # incomplete: a file of it was lost
            target.rename(part / "lost")
        publish_folder(draft, target)
    return package
