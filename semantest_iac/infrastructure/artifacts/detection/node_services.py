"""Finds Node servers and function handlers by package.json and the text of JavaScript and TypeScript files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.builds.entry_points import (
    BUNDLED_SUFFIXES,
    NODE_SUFFIXES,
    find_build_command,
)
from semantest_iac.infrastructure.artifacts.detection.project_files import BUILD_FOLDERS
from semantest_iac.infrastructure.artifacts.node_modules import read_package_json

FRAMEWORKS = {
    "@nestjs/core": "NestJS",
    "fastify": "Fastify",
    "koa": "Koa",
    "express": "Express",
    "@hapi/hapi": "hapi",
    "restify": "restify",
    "polka": "Polka",
}
"""Frameworks by the package that a project depends on; NestJS brings one of the others."""
PLAIN_SERVER = "node:http"

_USUAL_ENTRIES = ("server", "index", "main", "app", "src/server", "src/index", "src/main", "src/app", "bin/www")
_STARTERS = frozenset({"node", "nodemon", "tsx", "ts-node", "ts-node-dev", "bun", "swc-node"})
_LISTENS = re.compile(r"\.\s*listen\s*\(")
_MAKES_SERVER = re.compile(r"\bcreateServer\s*\(")
_HANDLERS = (
    re.compile(r"^\s*(?:module\.)?exports\.(?P<name>handler|lambdaHandler)\s*=", re.MULTILINE),
    re.compile(
        r"^\s*(?:module\.)?exports\.(?P<name>\w+)\s*=\s*async\s*(?:function\s*\w*\s*)?\(\s*event\b", re.MULTILINE
    ),
    re.compile(r"^\s*module\.exports\s*=\s*\{\s*(?P<name>handler|lambdaHandler)\b", re.MULTILINE),
    re.compile(r"^\s*export\s+const\s+(?P<name>handler|lambdaHandler)\b", re.MULTILINE),
    re.compile(r"^\s*export\s+(?:async\s+)?function\s+(?P<name>handler|lambdaHandler)\b", re.MULTILINE),
    re.compile(r"^\s*export\s+(?:async\s+)?function\s+(?P<name>\w+)\s*\(\s*event\b", re.MULTILINE),
)
_VARIABLE = re.compile(r"\bprocess\.env(?:\.(?P<name>[A-Z][A-Z0-9_]+)|\[\s*['\"](?P<quoted>[A-Z][A-Z0-9_]+)['\"]\s*\])")


@dataclass(frozen=True, slots=True)
class NodeServer:
    """A file that starts a server, and the command that makes this file where it is not written by hand."""

    entry: str
    framework: str
    build: str = ""


@dataclass(frozen=True, slots=True)
class NodeFindings:
    """What the files of a project start, and the variables that they read."""

    server: NodeServer | None = None
    handlers: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def find_in_node(folder: Path, files: Mapping[str, str]) -> NodeFindings:
    """Return the server of a project, or without one the handlers of functions in it."""
    package = _read_package(folder)
    server = _find_server(folder, files, package)
    handlers = (
        () if server else tuple(handler for file, text in files.items() for handler in _find_handlers(file, text))
    )
    names = {match["name"] or match["quoted"] for text in files.values() for match in _VARIABLE.finditer(text)}
    return NodeFindings(server, handlers, tuple(sorted(names)))


def _read_package(folder: Path) -> dict[str, Any]:
    """Return package.json; nothing without one, or for an invalid one, which the check of the written file reports."""
    with suppress(ArtifactError):
        return read_package_json(folder)
    return {}


def _find_server(folder: Path, files: Mapping[str, str], package: Mapping[str, Any]) -> NodeServer | None:
    dependencies = _mapping(package, "dependencies")
    framework = next((title for name, title in FRAMEWORKS.items() if name in dependencies), "")
    listening = [file for file, text in files.items() if _LISTENS.search(text)]
    if not framework and not any(_MAKES_SERVER.search(files[file]) for file in listening):
        return None
    named = [path for path in _named_files(package) if path]
    written = next((file for name in named if (file := _find_written(name, files))), "")
    usual = next((file for name in _USUAL_ENTRIES if (file := _find_written(name, files)) in listening), "")
    entry = (written if written in listening or not listening else "") or usual or next(iter(listening), "") or written
    if not entry and framework:
        return _find_built_server(folder, named, framework)
    return NodeServer(entry, framework or PLAIN_SERVER) if entry else None


def _named_files(package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that package.json says the project starts with, the start script's first."""
    scripts = _mapping(package, "scripts")
    for name in ("start:prod", "start", "serve", "dev"):
        yield from _script_files(str(scripts.get(name, "")))
    if isinstance(package.get("main"), str):
        yield _normalize(package["main"])


def _script_files(command: str) -> Iterator[str]:
    """Yield the file that `node --flag file.js` starts; nest's own command starts src/main."""
    try:
        words = shlex.split(command)
    except ValueError:
        return
    for index, word in enumerate(words):
        if PurePosixPath(word).name in _STARTERS:
            yield from (_normalize(other) for other in words[index + 1 :][:6] if _may_be_file(other))
        if word == "nest":
            yield "src/main"


def _may_be_file(word: str) -> bool:
    return bool(re.fullmatch(r"[\w@.][\w@./-]*", word)) and word not in ("watch", "run")


def _normalize(name: str) -> str:
    return str(PurePosixPath(name)).removeprefix("./")


def _find_written(name: str, files: Mapping[str, str]) -> str:
    """Return the source file of a name with or without ending; what a build makes of it leads to its source."""
    path = PurePosixPath(name)
    has_ending = path.suffix in (*NODE_SUFFIXES, *BUNDLED_SUFFIXES)
    if has_ending and name in files:
        return name
    stem = str(path.with_suffix("")) if has_ending else name
    stems = [stem]
    if path.parts[:1] and path.parts[0] in BUILD_FOLDERS:
        inner = PurePosixPath(*PurePosixPath(stem).parts[1:])
        stems = [str(PurePosixPath("src") / inner), str(inner), stem]
    return next(
        (stem + end for stem in stems for end in (*BUNDLED_SUFFIXES, *NODE_SUFFIXES) if stem + end in files), ""
    )


def _find_built_server(folder: Path, named: Iterable[str], framework: str) -> NodeServer | None:
    """Return a server that is there only as the output of a build, or will be after it."""
    build = find_build_command(folder)
    usual = [f"{place}/{name}.js" for place in BUILD_FOLDERS for name in ("main", "index", "server", "app")]
    for name in (*named, *usual):
        endings = ("",) if PurePosixPath(name).suffix in NODE_SUFFIXES else ("", *NODE_SUFFIXES)
        entry = next((name + ending for ending in endings if (folder / (name + ending)).is_file()), "")
        if entry:
            return NodeServer(entry, framework, build)
    planned = next(iter(named), "") if build else ""
    return NodeServer(planned, framework, build) if planned else None


def _find_handlers(file: str, text: str) -> Iterator[str]:
    """Yield the handlers of a file once each, as the configuration names them."""
    found = {match["name"]: None for pattern in _HANDLERS for match in pattern.finditer(text)}
    yield from (f"{PurePosixPath(file).with_suffix('')}.{name}" for name in found)


def _mapping(package: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = package.get(key)
    return value if isinstance(value, dict) else {}
