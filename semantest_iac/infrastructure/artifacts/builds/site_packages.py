"""The package of a static site: the files of a folder as they are, or of the one that its build makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.networking.sites import INDEX_PAGE, SITE_RUNTIME
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.builds.bundles import find_bundler_version
from semantest_iac.infrastructure.artifacts.builds.entry_points import EntryPoint
from semantest_iac.infrastructure.artifacts.builds.source_builds import SourceBuild, run_source_build
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner, describe_variables
from semantest_iac.infrastructure.artifacts.layouts import PackageLayer, PackageRecipe, PreparedLayers
from semantest_iac.infrastructure.artifacts.node_modules import LOCAL_FILTER, find_local_packages
from semantest_iac.infrastructure.artifacts.package_rules import escape_path

NO_FILES: Mapping[str, bytes] = {}


def find_site_recipe(source: FunctionSource, folder: Path, left_out: frozenset[str]) -> PackageRecipe:
    """Return the recipe of a site whose files, or whose project, are in the folder; raises ArtifactError.

    `left_out` are the relative paths of our own state in it.
    """
    if not folder.is_dir():
        reason = "it is a file" if folder.exists() else "there is no such folder"
        message = f"Cannot package the site '{escape_path(str(folder))}': {reason}."
        raise ArtifactError(message, hint="Name a folder, relative to the file that names it.")
    if source.build:
        return _find_built_recipe(source, folder, left_out)
    files = folder / source.output
    _require_index_page(files, source.output)
    layer = PackageLayer(files, FileFilter(left_out))
    return PackageRecipe(
        "", SITE_RUNTIME, NO_FILES, layer, prepare=lambda workspace, runner: PreparedLayers((layer,)), sources=(layer,)
    )


def _require_index_page(files: Path, output: str) -> None:
    if not (files / INDEX_PAGE).is_file():
        where = f"'{escape_path(output)}' of the source" if output else "the source"
        faults = [Fault("site.source", f"{where} holds no {INDEX_PAGE}", "With a build, write site.build.")]
        raise ArtifactError("Cannot package the site: nothing answers its address.", faults=faults)


def _find_built_recipe(source: FunctionSource, folder: Path, left_out: frozenset[str]) -> PackageRecipe:
    """Return the recipe of a project whose build leaves the files in the folder `output`."""
    index = EntryPoint("site.output", source.output, (f"{source.output}/{INDEX_PAGE}",))
    build = SourceBuild(folder, source.build, (index,), (folder / "package.json").is_file(), left_out)
    build.split_commands()

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        built = run_source_build(build, workspace / "build", runner)
        return PreparedLayers((PackageLayer(built.folder / source.output, FileFilter(), boundary=built.around),))

    root = PackageLayer(folder, build.file_filter)
    watched = tuple(PackageLayer(package, LOCAL_FILTER) for package in find_local_packages(folder))
    facts = (*map(str.encode, source.build), describe_variables(()), find_bundler_version().encode())
    return PackageRecipe(
        "",
        SITE_RUNTIME,
        NO_FILES,
        root,
        watched,
        facts,
        True,
        prepare=prepare,
        sources=(PackageLayer(folder, FileFilter(left_out)),),
    )
