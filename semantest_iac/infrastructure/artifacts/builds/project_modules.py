"""Installs the node modules of a project that has none, and keeps them for the next cloud and the next deployment."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.builds.bundles import Bundle, BundleSource, bundle_entries
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner
from semantest_iac.infrastructure.artifacts.kept_folders import KeptFolders, make_folder_key
from semantest_iac.infrastructure.artifacts.node_modules import (
    DEV_DEPENDENCIES,
    INSTALL_HINT,
    NPM_COMMAND,
    PROJECT_FILTER,
    ProjectCopy,
    choose_manager,
    copy_project,
    find_local_packages,
    find_locked_version,
    install_node_modules,
    needs_node_install,
    read_package_json,
)

MOST_KEPT_INSTALLATIONS = 12
SETTINGS_FILES = (".npmrc", ".yarnrc", "bunfig.toml")
PATCHING_FILES = (".pnpmfile.cjs", "pnpm-workspace.yaml", ".yarnrc.yml", ".yarn", "patches")
"""With them, other files of the project decide what is installed."""
INSTALL_SCRIPTS = frozenset(
    {"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies"}
)
"""What package managers run of the project itself when they install: it may read and write any of its files."""
_UNLOCKED_S = 3600  # how long ranges of versions stay at what was chosen: both clouds of a deployment get the same
_PLAIN_VERSIONS = re.compile(r"[\^~<>=]{0,2}\s*v?\d[\w.+-]*|\*|latest")
_MANAGER_VARIABLE = re.compile(r"(?i)(npm|yarn|pnpm|corepack)_")


@dataclass(frozen=True, slots=True)
class ProjectModules:
    """Installs the modules of a project into `workspace`, or uses kept ones, which `exits` holds until it is closed."""

    folder: Path
    file_filter: FileFilter
    home: Path
    workspace: Path
    runner: ProgramRunner
    exits: ExitStack

    def install(self, *, with_dev: bool = False) -> ProjectCopy:
        """Return a folder with the modules: a copy of the project, or one without its files. Raises ArtifactError."""
        if not can_keep_modules(self.folder):
            return self._install_copy(self.workspace / ("all" if with_dev else "production"), with_dev=with_dev)

        def make(target: Path) -> None:
            copy = self._install_copy(target / "copy", with_dev=with_dev)
            (copy.folder / "node_modules").mkdir(exist_ok=True)
            (copy.folder / "node_modules").rename(target / "node_modules")
            for name in ("package.json", *choose_manager(self.folder).lock_files):
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, target / name)
            shutil.rmtree(target / "copy")

        folder = self._use_kept(_find_facts(self.folder, self.runner, with_dev=with_dev), make)
        return ProjectCopy(folder, folder, has_files=False)

    def install_tools(self, names: Sequence[str]) -> Path | None:
        """Return a folder with a few dev dependencies of the project alone; None if they cannot be had alone."""
        project = read_package_json(self.folder).get(DEV_DEPENDENCIES[0]) or {}
        wanted = {name: find_locked_version(self.folder, name) or str(project[name]) for name in names}
        if shutil.which("npm") is None or not all(map(_PLAIN_VERSIONS.fullmatch, wanted.values())):
            return None

        def make(target: Path) -> None:
            (target / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
            if (self.folder / ".npmrc").is_file():
                shutil.copyfile(self.folder / ".npmrc", target / ".npmrc")
            command = [*NPM_COMMAND, "install", "--omit=dev", "--ignore-scripts", "--prefer-offline"]
            self.runner.install(command, target, ", ".join(names), INSTALL_HINT)
            (target / ".npmrc").unlink(missing_ok=True)

        facts = (json.dumps(wanted, sort_keys=True).encode(), *_find_facts(self.folder, self.runner, with_dev=True))
        try:
            return self._use_kept(facts, make)
        except ArtifactError:
            if self.runner.run.cancelled.is_set():
                raise
            return None

    def _use_kept(self, facts: Iterable[bytes], make: Callable[[Path], None]) -> Path:
        kept = KeptFolders(self.home / "modules", MOST_KEPT_INSTALLATIONS)
        return self.exits.enter_context(kept.use(make_folder_key(facts), make))

    def _install_copy(self, target: Path, *, with_dev: bool) -> ProjectCopy:
        excluded, included = self.file_filter.excluded_paths, self.file_filter.included
        wanted = replace(PROJECT_FILTER, excluded_paths=excluded, included=included)
        copy = copy_project(self.folder, target, wanted)
        install_node_modules(copy, self.runner, with_dev=with_dev)
        return copy


def bundle_with_modules(source: BundleSource, modules: ProjectModules) -> tuple[Bundle, ProjectCopy | None]:
    """Bundle with the modules of production, and with those of the others that turn out to be needed.

    Dev dependencies hold test runners and deployment tools, many times as large as what is bundled. What is not bundled
    (a package that tsconfig.json extends, typescript) comes alone; for an import, all are installed. Returns the bundle
    and the modules of production, None where the source has its own or none.
    """
    folder, tools = modules.folder, modules.home / "tools"
    has_more = needs_node_install(folder, with_dev=True) and bool(read_package_json(folder).get(DEV_DEPENDENCIES[0]))
    needs_install = needs_node_install(folder)
    production = _try_install_production(modules, has_more=has_more) if needs_install else None
    if production or not needs_install:
        first = replace(source, installed_copies=(production.folder,) if production else (), has_more=has_more)
        bundle = bundle_entries(first, modules.workspace / "first", tools, modules.runner)
        if not bundle.missing and not bundle.tools:
            return bundle, production
        if not bundle.missing and (some := modules.install_tools(bundle.tools)):
            second = replace(first, installed_copies=(*first.installed_copies, some), has_more=False)
            return bundle_entries(second, modules.workspace / "second", tools, modules.runner), production
    complete = modules.install(with_dev=True)
    last = replace(source, installed_copies=(complete.folder,))
    bundle = bundle_entries(last, modules.workspace / "last", tools, modules.runner)
    if production:  # whose compiled modules are for the clouds' machines
        bundle = replace(bundle, packages=_prefer_modules(bundle.packages, complete.folder, production.folder))
    return bundle, production or complete


def _try_install_production(modules: ProjectModules, *, has_more: bool) -> ProjectCopy | None:
    """Return the modules of production; None if they cannot be had alone, as where an install script needs others."""
    try:
        return modules.install()
    except ArtifactError:
        if not has_more or modules.runner.run.cancelled.is_set():
            raise
        return None


def _prefer_modules(packages: Mapping[str, Path], folder: Path, preferred: Path) -> dict[str, Path]:
    """Return the packages with their places in another installation, where that has them."""
    root, chosen = folder.resolve(), dict(packages)
    for name, path in packages.items():
        real = path.resolve()
        if real.is_relative_to(root) and (moved := preferred / real.relative_to(root)).is_dir():
            chosen[name] = moved
    return chosen


def can_keep_modules(folder: Path) -> bool:
    """Return whether package.json, the lock file and settings alone decide what is installed."""
    project = read_package_json(folder)
    scripts = project.get("scripts")
    runs_own_code = isinstance(scripts, dict) and not INSTALL_SCRIPTS.isdisjoint(scripts)
    is_patched = any((folder / name).exists() for name in PATCHING_FILES) or "patch" in json.dumps(project).lower()
    has_others = "workspaces" in project or bool(find_local_packages(folder)) or _names_own_folders(project)
    return not (runs_own_code or is_patched or has_others)


def _names_own_folders(project: dict[str, object]) -> bool:
    return re.search(r'"(?:file|link|portal|workspace):', json.dumps(project)) is not None


def _find_facts(folder: Path, runner: ProgramRunner, *, with_dev: bool) -> Iterator[bytes]:
    """Yield everything that decides what is installed."""
    manager = choose_manager(folder)
    yield repr((manager, with_dev)).encode()
    if not manager.lock_files:
        yield str(int(time.time() / _UNLOCKED_S)).encode()
    for name in ("package.json", *manager.lock_files, *SETTINGS_FILES):
        yield (folder / name).read_bytes() if (folder / name).is_file() else b""
    node = Path(shutil.which("node") or "/").resolve()  # modules are compiled for it
    yield f"{node} {node.stat().st_mtime_ns}".encode()
    yield runner.describe_settings(_MANAGER_VARIABLE)
