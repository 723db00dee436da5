"""The image of a service: its files as they are, and beside them the dependencies that they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from semantest_iac.domain.compute.containers import IMAGE_RUNTIME
from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource, ImageSource
from semantest_iac.infrastructure.artifacts.builds.entry_points import REQUIREMENTS_FILE
from semantest_iac.infrastructure.artifacts.builds.project_modules import ProjectModules
from semantest_iac.infrastructure.artifacts.builds.source_builds import NODE_PROGRAMS
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner, describe_variables
from semantest_iac.infrastructure.artifacts.layouts import (
    ImagePlan,
    PackageLayer,
    PackageRecipe,
    PreparedLayers,
    find_node_layers,
)
from semantest_iac.infrastructure.artifacts.node_modules import (
    LOCAL_FILTER,
    PRODUCTION_DEPENDENCIES,
    ProjectCopy,
    find_local_packages,
    read_package_json,
)
from semantest_iac.infrastructure.artifacts.package_rules import escape_path
from semantest_iac.infrastructure.artifacts.requirements.python_requirements import (
    BUILD_FILTER,
    RequirementsPlan,
    find_console_scripts,
    install_requirements,
    plan_requirements,
)
from semantest_iac.infrastructure.container_images.image_archives import ImageSettings
from semantest_iac.infrastructure.nested_text import parse_toml

SOURCE_FOLDER, PYTHON_FOLDER = "app", "opt/dependencies"
DEPENDENCIES, SOURCE = "dependencies", "source"
_DEPENDENCY_FOLDERS = (f"{PYTHON_FOLDER}/", f"{SOURCE_FOLDER}/node_modules/")
_OFFICIAL_IMAGES = "public.ecr.aws/docker/library"
_PYTHON_PROGRAM = re.compile(r"python(3(\.\d+)?)?|uvicorn|gunicorn|hypercorn|flask|fastapi|celery|pip")
_PYTHON_TAG = re.compile(r"(?:^|/)python:3\.(\d+)")
_C_LIBRARY = "alpine"
_PROJECT_FILES = {"nodejs": ("package.json",), "python": (REQUIREMENTS_FILE, "pyproject.toml")}
_START_BY_INTERPRETER = b"#!/usr/bin/env python3\n"

Prepare = Callable[[Path, ProgramRunner], PreparedLayers]


@dataclass(frozen=True, slots=True)
class _ImageFolder:
    """The folder of a service, the filter of its own files, and our home."""

    folder: Path
    file_filter: FileFilter
    home: Path

    @property
    def layer(self) -> PackageLayer:
        return PackageLayer(self.folder, self.file_filter, f"{SOURCE_FOLDER}/")


def choose_image_layer(path: str) -> str:
    """Return in which layer of an image a file is: what changes rarely is not sent again."""
    return DEPENDENCIES if path.startswith(_DEPENDENCY_FOLDERS) else SOURCE


def find_image_recipe(
    source: FunctionSource, image: ImageSource, home: Path, left_out: frozenset[str]
) -> PackageRecipe:
    """Return the recipe of the image of a service; raises ArtifactError with what is wrong with its source.

    `left_out` are the relative paths of our own state in it.
    """
    folder = source.folder
    if folder is None or not folder.is_dir():
        name = escape_path(str(folder))
        raise ArtifactError(f"Cannot make an image of '{name}': it is no folder.", hint="Name the folder of its code.")
    language = _find_language(folder, image.start)
    base = image.base or _choose_base(folder, language)
    own = _ImageFolder(folder, FileFilter(left_out | {"node_modules"}), home)
    find_parts = {"nodejs": _find_node_parts, "python": _find_python_parts}.get(language, _find_plain_parts)
    recipe, variables, folders = find_parts(own, base)
    command = tuple(shlex.split(image.start))
    settings = ImageSettings(command, SOURCE_FOLDER, image.port, variables, folders)
    python = "{}.{}".format(*_find_python_version(base)) if variables else ""
    plan = ImagePlan(base, settings, (DEPENDENCIES, SOURCE), choose_image_layer, _note_dockerfile(folder), python)
    return replace(recipe, image=plan)


def _find_language(folder: Path, start: str) -> str:
    """Return the language by the files of a project, or by the program that starts it; empty for any other."""
    found = [name for name, files in _PROJECT_FILES.items() if any((folder / file).is_file() for file in files)]
    program = Path(shlex.split(start)[0]).name
    started = "nodejs" if program in NODE_PROGRAMS else "python" if _PYTHON_PROGRAM.fullmatch(program) else ""
    return found[0] if len(found) == 1 else started


def _choose_base(folder: Path, language: str) -> str:
    if language:
        version = default_runtime(language).removeprefix(language).removesuffix(".x")
        return f"{_OFFICIAL_IMAGES}/{'node' if language == 'nodejs' else language}:{version}-slim"
    hint = "Name one that has what start needs, such as python:3.13-slim."
    if (folder / "Dockerfile").is_file():
        hint = "Build the Dockerfile with a container engine, push the image, and name it as image; or name a base."
    reason = "missing: neither package.json nor requirements.txt or pyproject.toml says on what the code runs"
    raise ArtifactError("Cannot make an image of the source.", faults=[Fault("base", reason, hint)])


def _note_dockerfile(folder: Path) -> tuple[str, ...]:
    is_there = (folder / "Dockerfile").is_file()
    return ("The Dockerfile of the source is not used: the image is made without a container engine.",) * is_there


_Parts = tuple[PackageRecipe, Mapping[str, str], tuple[str, ...]]
"""A recipe, the variables of its image, and the folders with programs."""


def _make_recipe(
    own: _ImageFolder, prepare: Prepare, watched: tuple[PackageLayer, ...], *facts: bytes
) -> PackageRecipe:
    sources = (PackageLayer(own.folder, own.file_filter), *watched)
    return PackageRecipe(
        "", IMAGE_RUNTIME, {}, own.layer, watched, facts, is_transformed=True, prepare=prepare, sources=sources
    )


def _find_plain_parts(own: _ImageFolder, base: str) -> _Parts:
    return _make_recipe(own, lambda workspace, runner: PreparedLayers((own.layer,)), ()), {}, ()


def _find_python_parts(own: _ImageFolder, base: str) -> _Parts:
    plan = _plan_dependencies(own.folder)
    if plan is None:
        return _find_plain_parts(own, base)
    version = _find_python_version(base)
    _refuse_other_library(base)

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        site, notes = install_requirements(
            plan, workspace, version, runner, own.home, finish_scripts=_let_scripts_start_anywhere
        )
        layer = PackageLayer(site, FileFilter(is_installed=True), f"{PYTHON_FOLDER}/")
        return PreparedLayers((own.layer, layer), notes)

    watched = tuple(PackageLayer(project, BUILD_FILTER) for project in plan.folders)
    recipe = _make_recipe(own, prepare, watched, *plan.fingerprint_files(), describe_variables(()))
    return recipe, {"PYTHONPATH": f"/{PYTHON_FOLDER}"}, (f"/{PYTHON_FOLDER}/bin",)


def _plan_dependencies(folder: Path) -> RequirementsPlan | None:
    """Return what is to be installed: the requirements file, or what pyproject.toml depends on."""
    requirements = folder / REQUIREMENTS_FILE
    if requirements.is_file() or not (folder / "pyproject.toml").is_file():
        return plan_requirements(requirements)
    try:
        project = parse_toml((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project") or {}
        added = tuple(map(str, project.get("dependencies") or ()))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ArtifactError("Cannot make an image of the source: its pyproject.toml cannot be read.") from error
    return RequirementsPlan(requirements, files={requirements: []}, added=added) if added else None


def _find_python_version(base: str) -> tuple[int, int]:
    found = _PYTHON_TAG.search(base)
    if found is None:
        reason = "nothing says for which Python the requirements are to be installed"
        fault = Fault("base", reason, "Name an image 'python' with its version, such as python:3.13-slim.")
        raise ArtifactError("Cannot make an image of the source.", faults=[fault])
    return 3, int(found[1])


def _refuse_other_library(base: str) -> None:
    """Refuse bases for which the wheels and modules that are installed here are not built."""
    if _C_LIBRARY in base.rpartition("/")[2]:
        reason = "Alpine has another C library than the one for which dependencies are installed"
        fault = Fault("base", reason, "Name a base of Debian, such as one whose tag ends with -slim.")
        raise ArtifactError("Cannot make an image of the source.", faults=[fault])


def _let_scripts_start_anywhere(site: Path) -> None:
    """Have scripts name the Python of the image in place of that of this machine."""
    for script in list(find_console_scripts(site)):
        _, _, rest = script.read_bytes().partition(b"\n")
        script.write_bytes(_START_BY_INTERPRETER + rest)


def _find_node_parts(own: _ImageFolder, base: str) -> _Parts:
    has_project = (own.folder / "package.json").is_file()
    project = read_package_json(own.folder) if has_project else {}
    if not any(project.get(key) for key in PRODUCTION_DEPENDENCIES):
        return _find_plain_parts(own, base)
    _refuse_other_library(base)

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        with ExitStack() as exits:
            copy = ProjectModules(own.folder, own.file_filter, own.home, workspace, runner, exits).install()
            installed = find_node_layers(copy.folder, copy.around, FileFilter(), f"{SOURCE_FOLDER}/")
            held = exits.pop_all()
        return PreparedLayers((own.layer, *installed, _write_programs(copy, workspace / "programs")), exits=held)

    watched = tuple(PackageLayer(package, LOCAL_FILTER) for package in find_local_packages(own.folder))
    return _make_recipe(own, prepare, watched, describe_variables(())), {}, ()


def _write_programs(copy: ProjectCopy, folder: Path) -> PackageLayer:
    """Write what npm finds programs of modules by, as scripts: links of installers are in no package."""
    folder.mkdir(parents=True)
    modules = (copy.folder / "node_modules").resolve()
    for link in sorted((modules / ".bin").glob("*")):
        target = link.resolve()
        if link.is_symlink() and target.is_file() and target.is_relative_to(modules):
            program = target.relative_to(modules).as_posix()
            script = folder / link.name
            script.write_text(f'#!/bin/sh\nexec node "$(dirname "$0")/../{program}" "$@"\n', encoding="utf-8")
            script.chmod(0o755)
    return PackageLayer(folder, FileFilter(is_installed=True), f"{SOURCE_FOLDER}/node_modules/.bin/")
